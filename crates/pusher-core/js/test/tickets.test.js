'use strict';
// Tickets for private topics, with a pushd.1 server. Those of event streams are in sse-tickets.test.js.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const util = require('node:util');
const { start } = require('./client.js');
const { settled } = require('./fake-socket.js');
const { counter, renewing, ticketed } = require('./ticketed.js');

test('a string: sent after WELCOME and the prefixes, before the subscriptions, in each connection', async (t) => {
  const { pusher, listen, welcome, again, WebSocket } = await ticketed(t, { ticket: 'abc' });
  pusher.prefix('p', 'http://p/');
  listen('orders');
  const expected = [[1, 'p', 'http://p/'], [13, 'abc'], [5, 'orders']];
  assert.deepEqual((await welcome()).took(), expected);
  assert.deepEqual((await again()).took(), expected);
  assert.deepEqual(WebSocket.sockets.map((socket) => socket.url), ['ws://push.test/', 'ws://push.test/']);
});

test('a function is called in each connection, and the subscriptions wait for its ticket', async (t) => {
  const { calls, ticket, give } = counter();
  const { listen, welcome, again, pusher } = await ticketed(t, { ticket });
  listen('orders');
  assert.equal(calls.length, 0, 'not before there is a connection');
  const socket = await welcome();
  assert.deepEqual([calls.length, socket.took(), pusher.state], [1, [], 'open']);
  listen('news');
  listen('unwanted')();
  assert.deepEqual(socket.took(), []);
  await give('first');
  assert.deepEqual(socket.took(), [[13, 'first'], [5, 'orders'], [5, 'news']]);
  const next = await again();
  await give('second');
  assert.deepEqual(next.took(), [[13, 'second'], [5, 'orders'], [5, 'news']]);
});

test('a function may return a string', async (t) => {
  const { listen, welcome } = await ticketed(t, { ticket: () => 'abc' });
  listen('orders');
  assert.deepEqual((await welcome()).took(), [[13, 'abc'], [5, 'orders']]);
});

test('denied while another ticket is under way: told after its answer', async (t) => {
  const { socket, calls, give, took, tick } = await renewing(t);
  socket.say([12, 3600000]);
  tick(255000);
  socket.say([11, 'orders', 'ticket_topic']);
  await give('second');
  assert.deepEqual([took(), calls.length, socket.took()], [[], 0, [[13, 'second']]]);
  socket.say([13, 300000]);
  assert.deepEqual(socket.took(), [[5, 'orders', { since: 'e1-10' }]]);
  socket.say([11, 'orders', 'ticket_topic']);
  assert.deepEqual(took(), ['denied orders ticket_topic']);
});

for (const wrong of [7, true, {}, ['x']]) {
  test(`the option ${JSON.stringify(wrong)} throws`, (t) => {
    assert.throws(() => start(t, { ticket: wrong }), /the ticket is a string or a function, not (number|boolean|object)/);
  });
}

test('`denied` must be a function', (t) => {
  assert.throws(() => start(t, { denied: 'x' }), TypeError);
  assert.throws(() => start(t).pusher.subscribe('t', () => {}, { denied: 'x' }), TypeError);
});

test('renewed at a random time around 3/4 of its time, without a reconnect', async (t) => {
  for (const [random, ms] of [[0, 195000], [0.5, 225000], [1, 255000]]) {
    t.mock.method(Math, 'random', () => random);
    const { socket, calls, give, tick, WebSocket, took } = await renewing(t);
    socket.say([12, 3600000]);
    tick(ms - 1);
    assert.equal(calls.length, 0);
    tick(1);
    assert.equal(calls.length, 1);
    await give('second');
    assert.deepEqual(socket.took(), [[13, 'second']]);
    socket.say([13, 300000]);
    tick(ms);
    assert.equal(calls.length, 1, 'and again');
    assert.deepEqual([WebSocket.sockets.length, took()], [1, []]);
    t.mock.restoreAll();
  }
});

for (const [remainingMs, renewMs] of [[30000, 20000], [12000, 5000], [4000, 5000], [0, 5000], [1e300, 73440000]]) {
  test(`a ticket of ${remainingMs} ms is renewed after at most ${renewMs} ms`, async (t) => {
    const { socket, calls, tick } = await renewing(t);
    socket.say([13, remainingMs]);
    for (let left = renewMs; left > 1; left = Math.max(1, left - 60000)) {
      socket.say([12, 3600000]);
      tick(Math.min(60000, left - 1));
    }
    assert.equal(calls.length, 0);
    tick(1);
    assert.equal(calls.length, 1);
  });
}

test('a function that fails is called again after 1, 2, 4 .. 300 s at most, until a ticket is accepted', async (t) => {
  const { socket, calls, fail, give, tick, took, logged } = await renewing(t);
  socket.say([12, 3600000]);
  tick(255000);
  for (const delayMs of [1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000, 300000, 300000]) {
    await fail();
    assert.deepEqual(took(), ['denied null ticket_unavailable']);
    assert.match(logged.splice(0).join(), /offline/, 'the page\'s own error');
    tick(delayMs - 1);
    assert.equal(calls.length, 0);
    tick(1);
    assert.equal(calls.length, 1);
  }
  await give('second');
  assert.deepEqual(socket.took(), [[13, 'second']]);
  socket.say([13, 300000]);
  tick(255000);
  await fail();
  tick(1000);
  assert.equal(calls.length, 1, 'the first delay again');
});

for (const [how, act] of [
  ['throws', () => { throw new Error('mine'); }], ['gives nothing', () => {}], ['gives an object', () => ({ ticket: 'secret' })],
]) {
  test(`a function that ${how}: told, and public topics work`, async (t) => {
    const { listen, welcome, took, logged } = await ticketed(t, { ticket: act });
    listen('news');
    assert.deepEqual((await welcome()).took(), [[5, 'news']]);
    assert.deepEqual(took(), ['denied null ticket_unavailable']);
    assert.match(logged.join(), /mine|not a string/);
    assert.doesNotMatch(logged.join(), /secret/);
  });
}

test('a function that does not answer within 10 s: public topics work, and its late ticket is ignored', async (t) => {
  const { calls, ticket, give } = counter();
  const { listen, welcome, took, tick } = await ticketed(t, { ticket });
  listen('news');
  const socket = await welcome();
  tick(9999);
  await settled();
  assert.deepEqual(socket.took(), []);
  tick(1);
  await settled();
  assert.deepEqual(socket.took(), [[5, 'news']]);
  assert.deepEqual(took(), ['denied null ticket_unavailable']);
  tick(1000);
  assert.equal(calls.length, 2);
  await give('late');
  assert.deepEqual(socket.took(), []);
  await give('in time');
  assert.deepEqual(socket.took(), [[13, 'in time']]);
});

test('a ticket of an earlier connection, or after close(), is not sent', async (t) => {
  const { calls, ticket, give } = counter();
  const { pusher, welcome, again, tick } = await ticketed(t, { ticket });
  await welcome();
  const next = await again();
  await give('of the first');
  assert.deepEqual(next.took(), []);
  await give('of the second');
  assert.deepEqual(next.took(), [[13, 'of the second']]);
  const last = await again();
  pusher.close();
  await give('too late');
  tick(3600000);
  await settled();
  assert.deepEqual([last.took(), calls.length], [[], 0]);
});

test('a text that is too long to be a ticket is not sent', async (t) => {
  const { listen, welcome, took } = await ticketed(t, { ticket: () => 'x'.repeat(4097) });
  listen('news');
  assert.deepEqual((await welcome()).took(), [[5, 'news']]);
  assert.deepEqual(took(), ['denied null ticket_too_long']);
});

test('a refused ticket: told, and the function is asked again later; a string is not', async (t) => {
  t.mock.method(Math, 'random', () => 1);
  for (const [ticket, sent] of [[() => 'wrong', [[13, 'wrong']]], ['wrong', []]]) {
    const { welcome, took, tick } = await ticketed(t, { ticket });
    const socket = await welcome();
    assert.deepEqual(socket.took(), [[13, 'wrong']]);
    socket.say([13, null, 'ticket_signature']);
    assert.deepEqual(took(), ['denied null ticket_signature']);
    tick(999);
    await settled();
    assert.deepEqual(socket.took(), []);
    tick(1);
    await settled();
    assert.deepEqual(socket.took(), sent);
  }
});

test('only the cookie: nothing is renewed; what the server refuses is told', async (t) => {
  const { listen, welcome, took, tick, again } = await ticketed(t);
  listen('orders');
  const socket = await welcome();
  socket.say([13, 20000]);
  socket.say([9, 'orders', 'e1-10', true, 0]);
  tick(20000);
  socket.say([11, 'orders', 'ticket_expired']);
  assert.deepEqual([took(), socket.took()], [['denied orders ticket_expired'], [[5, 'orders']]]);
  const next = await again();
  next.say([13, null, 'ticket_expired']);
  assert.deepEqual(next.took(), [[5, 'orders', { since: 'e1-10' }]], 'the next connection tries again');
  assert.deepEqual(took(), ['denied null ticket_expired']);
});

test('the answer to an ended cookie is not about the ticket that the page fetches', async (t) => {
  const { calls, ticket, give } = counter();
  const { listen, welcome, took, tick } = await ticketed(t, { ticket });
  listen('orders');
  const socket = await welcome();
  socket.say([13, null, 'ticket_expired']);
  tick(5000);
  assert.deepEqual([calls.length, took()], [1, []]);
  await give('abc');
  assert.deepEqual(socket.took(), [[13, 'abc'], [5, 'orders']]);
});

test('expired: a new ticket, and the subscription continues at its position; the page hears nothing of it', async (t) => {
  const { socket, calls, give, took, tick } = await renewing(t);
  socket.say([8, 'orders', 'a', 12]);
  tick(60000);
  socket.say([11, 'orders', 'ticket_expired']);
  socket.say([8, 'orders', 'of an ended subscription', 13]);
  assert.equal(calls.length, 1);
  await give('second');
  assert.deepEqual(socket.took(), [[13, 'second']]);
  socket.say([13, 300000]);
  assert.deepEqual(socket.took(), [[5, 'orders', { since: 'e1-12' }]]);
  socket.say([9, 'orders', 'e1-15', true, 1]);
  socket.say([8, 'orders', 'b', 14]);
  assert.deepEqual(took(), ['a', 'b']);
});

test('several topics expire together: one call of the function', async (t) => {
  const { socket, listen, calls, give, tick, took } = await renewing(t);
  listen('user.7');
  socket.say([9, 'user.7', 'e1-11', true, 0]);
  socket.took();
  tick(60000);
  for (const topic of ['orders', 'user.7']) socket.say([11, topic, 'ticket_expired']);
  assert.equal(calls.length, 1);
  await give('second');
  socket.say([13, 300000]);
  assert.deepEqual(socket.took(), [[13, 'second'], [5, 'orders', { since: 'e1-10' }], [5, 'user.7', { since: 'e1-11' }]]);
  assert.deepEqual(took(), []);
});

test('expired while the new ticket is under way: no second one', async (t) => {
  const { socket, calls, give, tick, took } = await renewing(t);
  socket.say([12, 3600000]);
  tick(255000);
  await give('second');
  socket.say([11, 'orders', 'ticket_expired']);
  socket.say([13, 300000]);
  assert.deepEqual(socket.took(), [[13, 'second'], [5, 'orders', { since: 'e1-10' }]]);
  assert.deepEqual([calls.length, took()], [0, []]);
});

test('expired, and there is no new ticket: told once, and the topic comes back with the next ticket', async (t) => {
  const { socket, calls, fail, give, tick, took } = await renewing(t);
  tick(60000);
  socket.say([11, 'orders', 'ticket_expired']);
  await fail();
  assert.deepEqual(took(), ['denied null ticket_unavailable', 'denied orders ticket_expired']);
  socket.say([11, 'orders', 'ticket_expired']);
  assert.deepEqual([took(), calls.length], [[], 0], 'the delay stays');
  tick(1000);
  await fail();
  assert.deepEqual(took(), ['denied null ticket_unavailable']);
  tick(2000);
  await give('second');
  socket.say([13, 300000]);
  socket.say([9, 'orders', 'e1-15', true, 1]);
  socket.say([8, 'orders', 'b', 14]);
  assert.deepEqual([took(), calls.length], [['b'], 0]);
});

test('a server that lets every ticket expire at once is asked more and more rarely', async (t) => {
  t.mock.method(Math, 'random', () => 1);
  let asked = 0;
  const { listen, welcome, tick } = await ticketed(t, { ticket: () => 'ticket ' + ++asked });
  listen('orders');
  const socket = await welcome();
  for (let second = 0; second < 600; second++) {
    for (const [type, topic] of socket.took()) {
      if (type === 13) socket.say([13, 1000]);
      if (type === 5) socket.say([11, topic, 'ticket_expired']);
    }
    tick(1000);
    await settled();
  }
  assert.ok(asked >= 5 && asked <= 12, String(asked));
});

for (const code of ['ticket_missing', 'ticket_topic', 'ticket_revoked', 'from_a_later_version']) {
  test(`denied with ${code}: told once; the next accepted ticket tries again`, async (t) => {
    const { socket, calls, give, tick, took } = await renewing(t);
    socket.say([12, 3600000]);
    socket.say([11, 'orders', code]);
    assert.deepEqual([took(), calls.length, socket.took()], [['denied orders ' + code], 0, []]);
    for (let renewal = 0; renewal < 2; renewal++) {
      tick(255000);
      await give('next');
      socket.say([13, 300000]);
      assert.deepEqual(socket.took(), [[13, 'next'], [5, 'orders', { since: 'e1-10' }]]);
      socket.say([11, 'orders', code]);
    }
    socket.say([11, 'orders', 'another']);
    assert.deepEqual(took(), ['denied orders another'], 'the same code is not told again');
  });
}

test('a subscription has its own `denied`, beside that of the client', async (t) => {
  const { socket, pusher, took, listen, logged } = await renewing(t);
  listen('orders', { denied: (topic, code) => logged.push(`mine ${topic} ${code}`) });
  socket.say([11, 'orders', 'ticket_revoked']);
  assert.deepEqual([logged, took()], [['mine orders ticket_revoked'], ['denied orders ticket_revoked']]);
  assert.equal(pusher.position('orders'), 'e1-10');
});

test('without a handler the console says it, without the ticket', async (t) => {
  const { socket, logged } = await renewing(t, { denied: undefined });
  socket.say([11, 'orders', 'ticket_revoked']);
  socket.say([13, null, 'ticket_signature']);
  assert.deepEqual(logged, ['Pusher: the server refuses topic "orders": ticket_revoked',
    'Pusher: the server refuses the ticket: ticket_signature']);
});

test('subscribing to a denied topic tries again, and tells again', async (t) => {
  const { socket, listen, took } = await renewing(t);
  socket.say([11, 'orders', 'ticket_topic']);
  listen('orders');
  assert.deepEqual(socket.took(), [[5, 'orders', { since: 'e1-10' }]]);
  socket.say([11, 'orders', 'ticket_topic']);
  assert.deepEqual(took(), ['denied orders ticket_topic', 'denied orders ticket_topic']);
  socket.say([9, 'orders', 'e1-10', true, 0]);
  socket.say([8, 'orders', 'a', 11]);
  assert.deepEqual(took(), ['a', 'a'], 'DENIED of an earlier SUBSCRIBE does not end the later one');
  socket.say([13, 300000]);
  assert.deepEqual(socket.took(), []);
  socket.say([11, 'orders', 'ticket_topic']);
  assert.deepEqual(took(), ['denied orders ticket_topic'], 'the topic was open meanwhile');
});

test('a denied topic without handlers is forgotten', async (t) => {
  const { socket, pusher, listen, again, give, took } = await renewing(t);
  listen('news')();
  socket.say([11, 'news', 'ticket_topic']);
  socket.say([11, 'orders', 'ticket_topic']);
  pusher.unsubscribe('orders');
  socket.took();
  socket.say([13, 300000]);
  assert.deepEqual([socket.took(), took()], [[], ['denied orders ticket_topic']]);
  const next = await again();
  await give('second');
  assert.deepEqual(next.took(), [[13, 'second']]);
});

test('close() in `denied` ends everything', async (t) => {
  for (const message of [[13, null, 'ticket_revoked'], [11, 'orders', 'ticket_revoked']]) {
    let it = null, told = 0;
    const denied = () => {
      told++;
      it.pusher.close();
    };
    it = await renewing(t, { denied });
    it.listen('orders', { denied });
    it.socket.say(message);
    it.tick(3600000);
    assert.deepEqual([it.pusher.state, it.calls.length, told], ['closed', 0, 1]);
    t.mock.restoreAll();
  }
});

test('malformed answers are ignored', async (t) => {
  const { socket, calls, took, tick, logged } = await renewing(t);
  for (const rest of [[], ['x'], [-1], [null], [null, 7], [{}], [[300000]], [true]]) socket.say([13, ...rest]);
  tick(60000);
  assert.deepEqual([took(), calls.length, logged], [[], 0, []]);
});

test('a server of "wamp" has no private topics: no ticket is asked for, and none is sent', async (t) => {
  const { calls, ticket } = counter();
  const { WebSocket, listen, took } = await ticketed(t, { ticket });
  listen('orders');
  WebSocket.last.welcome();
  await settled();
  for (const message of [[13, 1000], [13, null, 'ticket_expired'], [11, 'orders', 'ticket_expired']]) WebSocket.last.say(message);
  WebSocket.last.say([8, 'orders', 'a']);
  assert.deepEqual([WebSocket.last.took(), calls.length, took()], [[[5, 'orders']], 0, ['a']]);
});

test('the ticket is in no address, no error and no print of the client', async (t) => {
  const { pusher, states, logged, WebSocket, again } = await ticketed(t, { ticket: 'secret' });
  await again();
  const shown = util.inspect([pusher, states, logged, WebSocket.sockets.map((socket) => socket.url)], { depth: 5 });
  const sent = WebSocket.sockets.map((socket) => socket.took());
  assert.deepEqual(sent[1], [[13, 'secret']]);
  assert.doesNotMatch(shown.replace(/\[\s*13,\s*'secret'\s*\]/g, ''), /secret/);
});

test('renewTicket() asks at once: a denied topic opens with the new ticket', async (t) => {
  const { pusher, took, calls, give, socket, listen } = await renewing(t);
  listen('chat');
  assert.deepEqual(socket.took(), [[5, 'chat']]);
  socket.say([11, 'chat', 'ticket_topic']);
  assert.deepEqual(took(), ['denied chat ticket_topic']);
  pusher.renewTicket();
  pusher.renewTicket(); // the first question is obsolete
  calls.shift();
  await give('second');
  assert.deepEqual(socket.took(), [[13, 'second']]);
  socket.say([13, 300000]);
  assert.deepEqual(socket.took(), [[5, 'chat']]);
});

test('renewTicket() without a connection or a function asks nothing', async (t) => {
  const page = counter();
  const { pusher, welcome, WebSocket } = await ticketed(t, { ticket: page.ticket });
  pusher.renewTicket();
  assert.equal(page.calls.length, 0);
  await welcome();
  assert.equal(page.calls.length, 1);
  WebSocket.last.lose();
  pusher.renewTicket();
  assert.equal(page.calls.length, 1);
  const fixed = await ticketed(t, { ticket: 'abc' });
  const socket = await fixed.welcome();
  socket.took();
  fixed.pusher.renewTicket();
  assert.deepEqual(socket.took(), []);
});
