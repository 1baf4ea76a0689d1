'use strict';
// With a pushd.1 server, handlers get the events that they missed, or `gap` is called.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { start } = require('./client.js');
const { settled } = require('./fake-socket.js');

/** A client of a pushd.1 server, connected. `heard` has the calls of the handler and of `gap`. */
function recovering(t, options) {
  const it = start(t, options);
  const heard = [];
  const listen = (topic, more) => it.pusher.subscribe(topic, (event) => heard.push(event),
    { gap: (missed) => heard.push('gap ' + missed), ...more });
  const welcome = () => {
    it.WebSocket.last.welcome('sid', 'pushd.1');
    return it.WebSocket.last;
  };
  /** Loses the connection and reconnects; returns the new socket and its first messages. */
  const again = () => {
    it.WebSocket.last.lose();
    it.tick(it.states[it.states.length - 1].delayMs);
    const socket = welcome();
    return { socket, sent: socket.took() };
  };
  return { ...it, heard, listen, welcome, again, took: () => heard.splice(0) };
}

/** The same, subscribed to "cats" at e1-10. */
function subscribed(t, more) {
  const it = recovering(t);
  const socket = it.welcome();
  const off = it.listen('cats', more);
  socket.say([9, 'cats', 'e1-10', true, 0]);
  socket.took();
  return { ...it, socket, off };
}

test('after a reconnect the client sends its position, and handlers get what they missed, once', (t) => {
  const { pusher, socket, again, took } = subscribed(t);
  socket.say([8, 'cats', 'a', 12]);
  assert.equal(pusher.position('cats'), 'e1-12');
  const second = again();
  assert.deepEqual(second.sent, [[5, 'cats', { since: 'e1-12' }]]);
  second.socket.say([9, 'cats', 'e1-20', true, 2]);
  assert.equal(pusher.position('cats'), 'e1-12', 'the events before e1-20 have not arrived');
  second.socket.say([8, 'cats', 'b', 14]);
  const third = again();
  assert.deepEqual(third.sent, [[5, 'cats', { since: 'e1-14' }]], 'lost in the middle of the replay');
  third.socket.say([9, 'cats', 'e1-21', true, 1]);
  third.socket.say([8, 'cats', 'c', 17]);
  third.socket.say([8, 'cats', 'd', 22]);
  assert.deepEqual(took(), ['a', 'b', 'c', 'd']);
  assert.equal(pusher.position('cats'), 'e1-22');
});

test('an event whose sequence is not above the position is ignored', (t) => {
  const { socket, took } = subscribed(t);
  for (const sequence of [9, 10, 12, 12, 11, 13]) socket.say([8, 'cats', sequence, sequence]);
  assert.deepEqual(took(), [12, 13]);
});

test('each topic has its own position; a quiet one keeps the position of SUBSCRIBED', (t) => {
  const { listen, socket, again, took } = subscribed(t);
  listen('dogs');
  socket.say([9, 'dogs', 'e1-15', true, 0]);
  socket.say([8, 'cats', 'a', 30]);
  const next = again();
  assert.deepEqual(next.sent, [[5, 'cats', { since: 'e1-30' }], [5, 'dogs', { since: 'e1-15' }]]);
  next.socket.say([9, 'cats', 'e1-40', true, 0]);
  next.socket.say([9, 'dogs', 'e1-40', true, 0]);
  assert.deepEqual(again().sent, [[5, 'cats', { since: 'e1-40' }], [5, 'dogs', { since: 'e1-40' }]]);
  assert.deepEqual(took(), ['a']);
});

test('another epoch is a gap: told to `gap` and to watchers, and the new position counts', (t) => {
  const { states, socket, again, took } = subscribed(t);
  socket.say([8, 'cats', 'a', 12]);
  const next = again();
  next.socket.say([9, 'cats', 'e2-3', false, 0]);
  assert.deepEqual(states.slice(-2), [{ state: 'open' }, { state: 'open', gap: 'cats' }]);
  next.socket.say([8, 'cats', 'b', 4]);
  assert.deepEqual(took(), ['a', 'gap cats', 'b']);
  assert.deepEqual(again().sent, [[5, 'cats', { since: 'e2-4' }]]);
});

test('GAP: told, and the next connection continues at its position', (t) => {
  const { states, socket, again, took } = subscribed(t);
  socket.say([10, 'cats', 'e1-5012']);
  socket.say([8, 'cats', 'old', 5012]);
  assert.deepEqual(took(), ['gap cats']);
  assert.deepEqual(states[states.length - 1], { state: 'open', gap: 'cats' });
  assert.deepEqual(again().sent, [[5, 'cats', { since: 'e1-5012' }]]);
});

test('a position from the page: sent with the first SUBSCRIBE', (t) => {
  const { pusher, listen, welcome, took, again } = recovering(t);
  listen('cats', { since: 'e1-7' });
  listen('dogs', { since: 'e1-8' });
  assert.equal(pusher.position('cats'), 'e1-7');
  const socket = welcome();
  assert.deepEqual(socket.took(), [[5, 'cats', { since: 'e1-7' }], [5, 'dogs', { since: 'e1-8' }]]);
  listen('birds', { since: 'e1-9' });
  assert.deepEqual(socket.took(), [[5, 'birds', { since: 'e1-9' }]], 'also while open');
  socket.say([9, 'cats', 'e1-9', true, 1]);
  socket.say([8, 'cats', 'between rendering and connecting', 9]);
  socket.say([9, 'dogs', 'e1-9', false, 0]);
  assert.deepEqual(took(), ['between rendering and connecting', 'gap dogs']);
  assert.deepEqual(again().sent,
    [[5, 'cats', { since: 'e1-9' }], [5, 'dogs', { since: 'e1-9' }], [5, 'birds', { since: 'e1-9' }]]);
});

for (const since of [null, '', 'x', 'e1', '-1', 'e1-', 'e1-x', 'e1-1234567890123456', 'e1--', 7, {}, ['e1-7']]) {
  test(`a position that is none is a gap: ${JSON.stringify(since)}`, (t) => {
    const { listen, welcome, took } = recovering(t);
    listen('cats', { since });
    const socket = welcome();
    assert.deepEqual(socket.took(), [[5, 'cats']]);
    assert.deepEqual(took(), [], 'not before the subscription begins');
    socket.say([9, 'cats', 'e1-9', true, 0]);
    assert.deepEqual(took(), ['gap cats']);
  });
}

test('without `since` the first SUBSCRIBED is no gap', (t) => {
  assert.deepEqual(subscribed(t).took(), []);
  assert.deepEqual(subscribed(t, { since: undefined }).took(), []);
});

test('the last events for new subscribers are delivered', (t) => {
  const { pusher, listen, welcome, took } = recovering(t);
  const socket = welcome();
  listen('cats');
  socket.say([9, 'cats', 'e1-20', true, 2]);
  socket.say([8, 'cats', 'a', 3]);
  socket.say([8, 'cats', 'b', 20]);
  assert.deepEqual(took(), ['a', 'b']);
  assert.equal(pusher.position('cats'), 'e1-20');
});

test('a second handler shares the subscription: both get each event once', (t) => {
  const { pusher, socket, listen, again, took } = subscribed(t);
  listen('cats');
  assert.deepEqual(socket.took(), []);
  socket.say([8, 'cats', 'a', 11]);
  const next = again();
  assert.deepEqual(next.sent, [[5, 'cats', { since: 'e1-11' }]]);
  next.socket.say([9, 'cats', 'e1-12', true, 1]);
  next.socket.say([8, 'cats', 'b', 12]);
  assert.deepEqual(took(), ['a', 'a', 'b', 'b']);
  next.socket.say([10, 'cats', 'e1-20']);
  assert.deepEqual(took(), ['gap cats', 'gap cats']);
  assert.equal(pusher.position('cats'), 'e1-20');
});

test('a second handler with a newer `since` gets only what is behind it', async (t) => {
  const { pusher, listen, welcome, took } = recovering(t);
  listen('cats', { since: 'e1-5' });
  const second = [];
  pusher.subscribe('cats', (event) => second.push(event), { since: 'e1-7', gap: () => second.push('gap') });
  const socket = welcome();
  assert.deepEqual(socket.took(), [[5, 'cats', { since: 'e1-5' }]], 'one SUBSCRIBE');
  socket.say([9, 'cats', 'e1-8', true, 3]);
  for (const n of [6, 7, 8]) socket.say([8, 'cats', n, n]);
  await settled();
  assert.deepEqual([took(), second], [[6, 7, 8], [8]]);
});

for (const [since, gaps] of [['e1-12', []], ['e1-15', []], ['e1-11', ['gap']], ['e2-12', ['gap']], [null, ['gap']],
  ['x', ['gap']], [undefined, []]]) {
  test(`a second handler at e1-12 with since ${since}: ${gaps.length ? 'a gap for it alone' : 'no gap'}`, async (t) => {
    const { pusher, socket, took } = subscribed(t);
    socket.say([8, 'cats', 'a', 12]);
    took();
    const second = [];
    pusher.subscribe('cats', (event) => second.push(event), { since, gap: () => second.push('gap') });
    assert.deepEqual(second, [], 'not from within subscribe()');
    await settled();
    assert.deepEqual(second.splice(0), gaps);
    socket.say([8, 'cats', 'b', 16]);
    assert.deepEqual([second, took()], [['b'], ['b']]);
    assert.deepEqual(socket.took(), []);
  });
}

test('a second handler with `since`, before the first is confirmed: its gap comes with SUBSCRIBED', async (t) => {
  const { listen, welcome, took } = recovering(t);
  listen('cats');
  listen('cats', { since: 'e1-5' });
  const socket = welcome();
  assert.deepEqual(socket.took(), [[5, 'cats']]);
  await settled();
  assert.deepEqual(took(), []);
  socket.say([9, 'cats', 'e1-9', true, 0]);
  assert.deepEqual(took(), ['gap cats']);
});

test('unsubscribing forgets the position', (t) => {
  const { pusher, socket, off, listen, took } = subscribed(t);
  socket.say([8, 'cats', 'a', 12]);
  off();
  assert.equal(pusher.position('cats'), null);
  listen('cats');
  assert.deepEqual(socket.took(), [[6, 'cats'], [5, 'cats']]);
  socket.say([8, 'cats', 'of the earlier subscription', 13]);
  socket.say([9, 'cats', 'e1-13', true, 0]);
  socket.say([8, 'cats', 'b', 14]);
  assert.deepEqual(took(), ['a', 'b']);
});

test('subscribe, unsubscribe, subscribe, before the first answer: one subscription', async (t) => {
  const { welcome, listen, took, again } = recovering(t);
  const socket = welcome();
  listen('cats')();
  listen('cats', { since: 'e1-5' });
  assert.deepEqual(socket.took(), [[5, 'cats'], [5, 'cats']], 'the server answers only one of them');
  socket.say([9, 'cats', 'e1-8', true, 0]);
  socket.say([8, 'cats', 'a', 9]);
  await settled();
  assert.deepEqual(took(), ['gap cats', 'a'], 'the answer may be to the SUBSCRIBE without since');
  assert.deepEqual(again().sent, [[5, 'cats', { since: 'e1-9' }]]);
});

test('unsubscribed before the answer: UNSUBSCRIBE follows it, and nothing is delivered', (t) => {
  const { welcome, listen, took, again } = recovering(t);
  const socket = welcome();
  listen('cats')();
  assert.deepEqual(socket.took(), [[5, 'cats']]);
  socket.say([9, 'cats', 'e1-8', true, 1]);
  socket.say([8, 'cats', 'a', 7]);
  assert.deepEqual([socket.took(), took()], [[[6, 'cats']], []]);
  listen('dogs')();
  assert.deepEqual(again().sent, [], 'a topic without handlers is not subscribed again');
});

test('lost before SUBSCRIBED: the new subscription begins at the reconnect', (t) => {
  const { welcome, listen, took, again } = recovering(t);
  welcome();
  listen('cats');
  const next = again();
  assert.deepEqual(next.sent, [[5, 'cats']]);
  next.socket.say([9, 'cats', 'e1-8', true, 0]);
  assert.deepEqual(took(), []);
});

test('malformed messages are ignored', (t) => {
  const { pusher, welcome, listen, took, states } = recovering(t);
  const socket = welcome();
  listen('cats');
  for (const message of [[9], [9, 'cats'], [9, 'cats', 'x', true, 0], [9, 'cats', 7, true, 0], [9, 'cats', 'e-1.5', true, 0],
    [9, 'cats', ['e-1'], true, 0], [9, 'dogs', 'e1-1', true, 0], [9, ['cats'], 'e1-1', true, 0]]) socket.say(message);
  assert.equal(pusher.position('cats'), null);
  socket.say([9, 'cats', 'e1-10', true, 'many', 'from a later version']);
  socket.say([9, 'cats', 'e1-99', true, 0]);
  assert.equal(pusher.position('cats'), 'e1-10', 'the second answer is none');
  for (const message of [[10], [10, 'cats'], [10, 'cats', 'x'], [10, 'cats', 7], [10, 'dogs', 'e1-20'], [10, null, 'e1-20'],
    [11, 'cats'], [11, 'cats', 7], [11, 'dogs', 'ticket_missing'], [14, 'cats', 'e1-30', true]]) socket.say(message);
  assert.deepEqual(took(), []);
  for (const sequence of ['11', null, 11.5, -1, [11], {}, true, 2 ** 60, 10]) socket.say([8, 'cats', sequence, sequence]);
  socket.raw('[8,"cats","big",1e999]');
  assert.deepEqual(took(), ['11', null, 11.5, [11], {}, true, 2 ** 60, 'big'], 'an event without a number is delivered');
  assert.equal(pusher.position('cats'), 'e1-10');
  assert.equal(states.filter((each) => each.gap).length, 0);
});

for (const recovered of [null, 0, 1, 'true', {}]) {
  test(`SUBSCRIBED with recovered ${JSON.stringify(recovered)} is a gap`, (t) => {
    const { again, took } = subscribed(t);
    again().socket.say([9, 'cats', 'e1-12', recovered, 3]);
    assert.deepEqual(took(), ['gap cats']);
  });
}

test('close() in `gap` or in a watcher ends everything', async (t) => {
  const { pusher, socket, took } = subscribed(t, { gap: () => pusher.close() });
  const states = [];
  pusher.watch((state, info) => states.push([state, info.gap]));
  socket.say([10, 'cats', 'e1-20']);
  socket.say([8, 'cats', 'a', 21]);
  assert.deepEqual(states, [['open', undefined], ['closed', undefined]]);
  pusher.subscribe('cats', assert.fail, { since: 'e1-1', gap: assert.fail });
  await settled();
  assert.deepEqual(took(), []);
});

test('a handler that `gap` removes is not told', (t) => {
  const { pusher, socket, listen, took } = subscribed(t, { gap: () => pusher.unsubscribe('cats') });
  listen('cats');
  socket.say([10, 'cats', 'e1-20']);
  assert.deepEqual(took(), []);
  assert.deepEqual(socket.took(), [[6, 'cats']]);
});

test('`gap` must be a function', (t) => {
  const { pusher } = recovering(t);
  for (const gap of ['x', 1, {}]) assert.throws(() => pusher.subscribe('t', () => {}, { gap }), TypeError);
  assert.throws(() => pusher.position({}), TypeError);
  assert.equal(pusher.position('never'), null);
});

test('topics are CURIEs or URIs', (t) => {
  const { pusher, welcome, listen } = recovering(t);
  pusher.prefix('p', 'http://p/');
  listen('p:cats', { since: 'e1-5' });
  assert.deepEqual(welcome().took(), [[1, 'p', 'http://p/'], [5, 'http://p/cats', { since: 'e1-5' }]]);
  assert.deepEqual([pusher.position('p:cats'), pusher.position('http://p/cats')], ['e1-5', 'e1-5']);
});

// ---- servers that have only "wamp"

test('wamp: SUBSCRIBE is as before, and each reconnect is a gap', (t) => {
  const { WebSocket, listen, tick, took, states } = recovering(t);
  listen('cats');
  listen('dogs', { since: 'e1-5' });
  WebSocket.last.welcome();
  assert.deepEqual(WebSocket.last.took(), [[5, 'cats'], [5, 'dogs']]);
  assert.deepEqual(took(), ['gap dogs'], 'nobody knows what was missed');
  for (const message of [[9, 'cats', 'e1-5', true, 0], [10, 'cats', 'e1-7'], [8, 'cats', 'a', 3], [8, 'cats', 'b', 2]]) {
    WebSocket.last.say(message);
  }
  assert.deepEqual(took(), ['a', 'b'], 'a "wamp" server has no sequences');
  WebSocket.last.lose();
  tick(1000);
  WebSocket.last.welcome();
  assert.deepEqual(WebSocket.last.took(), [[5, 'cats'], [5, 'dogs']]);
  assert.deepEqual(took(), ['gap cats', 'gap dogs']);
  assert.deepEqual(states.filter((each) => each.gap), [], 'watchers have "open"');
});

test('wamp: `since` while open is a gap, and UNSUBSCRIBE does not wait', async (t) => {
  const { WebSocket, listen, took } = recovering(t);
  WebSocket.last.welcome();
  listen('cats', { since: 'e1-5' })();
  const off = listen('dogs', { since: 'e1-5' });
  await settled();
  assert.deepEqual(took(), ['gap dogs']);
  off();
  assert.deepEqual(WebSocket.last.took(), [[5, 'cats'], [6, 'cats'], [5, 'dogs'], [6, 'dogs']]);
});

test('the server is exchanged for an older one and back: a gap each time, no stale position', (t) => {
  const { WebSocket, again, socket, tick, took } = subscribed(t);
  socket.say([8, 'cats', 'a', 12]);
  socket.lose();
  tick(1000);
  WebSocket.last.welcome();
  assert.deepEqual(WebSocket.last.took(), [[5, 'cats']]);
  WebSocket.last.say([8, 'cats', 'b']);
  const next = again();
  assert.deepEqual(next.sent, [[5, 'cats']]);
  next.socket.say([9, 'cats', 'e1-30', true, 0]);
  assert.deepEqual(took(), ['a', 'gap cats', 'b', 'gap cats']);
});

// ---- the delay that the server announces

for (const [retryMs, first, second] of [[20000, 20000, 40000], [100000, 100000, 100000], [1e9, 300000, 300000], [0, 100, 200],
  [1, 100, 200], ['5000', 1000, 2000], [-1, 1000, 2000], [null, 1000, 2000], [[5000], 1000, 2000], [undefined, 1000, 2000]]) {
  test(`retryMs ${JSON.stringify(retryMs)}: the delays are up to ${first} and ${second} ms`, (t) => {
    const { WebSocket, welcome, states, tick } = recovering(t, { backoffMaxMs: 50000 });
    t.mock.method(Math, 'random', () => 1);
    const socket = welcome();
    socket.say([12, 25000, retryMs]);
    socket.lose();
    assert.equal(states[states.length - 1].delayMs, first);
    tick(first);
    WebSocket.last.lose();
    assert.equal(states[states.length - 1].delayMs, second);
  });
}

test('the last announcement counts, until the next connection', (t) => {
  const { welcome, states, tick } = recovering(t);
  t.mock.method(Math, 'random', () => 0.5);
  const socket = welcome();
  socket.say([12, 25000, 5000]);
  tick(20000);
  socket.say([12, 25000, 30000]);
  socket.lose();
  assert.equal(states[states.length - 1].delayMs, 15000);
  tick(15000);
  const next = welcome();
  tick(20000);
  next.lose();
  assert.equal(states[states.length - 1].delayMs, 500);
});
