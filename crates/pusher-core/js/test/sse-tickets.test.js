'use strict';
// Private topics where WebSockets are blocked: event streams with a cookie or a ticket.
const { test } = require('node:test');
const assert = require('node:assert/strict');
require('../pusher-sse.js');
const { withPage } = require('./client.js');
const { browser } = require('./fake-tabs.js');
const { settled } = require('./fake-socket.js');

const last = (list) => list[list.length - 1];

/** A tab whose stream is open at e1-10. */
async function streaming(t, topics, options, without) {
  const it = browser(t, without);
  const tab = await it.blocked(it.tab(topics, {}, options));
  it.EventSource.last.at('e1-10');
  await settled();
  return { ...it, ...tab, stream: () => it.EventSource.last };
}

/** Tickets "t1", "t2" ..: the option, and the number of them. */
function numbered() {
  const page = { given: 0, ticket: () => Promise.resolve('t' + ++page.given) };
  return page;
}

test('a ticket is a parameter of the stream; without the option there is none', async (t) => {
  const page = numbered();
  const { stream } = await streaming(t, ['orders'], { ticket: page.ticket });
  assert.deepEqual([stream().names, stream().ticket, page.given], [['topic', 'ticket'], 't1', 1]);
});

for (const [given, expected] of [[{}, false], [{ withCredentials: true }, true]]) {
  test(`withCredentials ${expected}: also for the question why the stream was refused`, async (t) => {
    const { stream, fetch, pass } = await streaming(t, ['orders'], given);
    assert.deepEqual([stream().withCredentials, stream().names], [expected, ['topic']]);
    stream().refuse();
    await pass(100);
    assert.equal(fetch.asked[0].credentials, expected ? 'include' : 'same-origin');
  });
}

test('`event: denied` ends the stream; the other topics go on, and nothing is missed', async (t) => {
  const { stream, took, states, pass, EventSource, listen } = await streaming(t, ['orders', 'news']);
  stream().say('news', 'a', 'e1-11');
  stream().denied('orders', 'ticket_expired');
  stream().fail();
  await pass(100);
  assert.deepEqual([stream().topics, stream().since, EventSource.open.length], [['news'], 'e1-11', 1]);
  stream().at('e1-11');
  stream().say('news', 'b', 'e1-12');
  assert.deepEqual(took(), ['news a', 'orders denied ticket_expired', 'news b']);
  assert.deepEqual(last(states), { state: 'open', receiveOnly: true });
  listen('birds');
  await pass(100);
  stream().at('e1-20');
  assert.deepEqual(stream().topics, ['news', 'birds'], 'the denied topic waits for the next connection');
});

test('subscribing to a denied topic tries again', async (t) => {
  const { stream, pass, listen, took } = await streaming(t, ['orders', 'news']);
  stream().denied('orders', 'ticket_revoked');
  listen('orders');
  await pass(100);
  assert.deepEqual([stream().topics, stream().since], [['orders', 'news'], 'e1-10']);
  stream().at('e1-10');
  stream().say('orders', 'a', 'e1-11');
  assert.deepEqual(took(), ['orders denied ticket_revoked', 'orders a', 'orders a']);
});

test('the stream waits for the ticket', async (t) => {
  let give = null;
  const it = browser(t);
  await it.blocked(it.tab(['orders'], {}, { ticket: () => new Promise((resolve) => { give = resolve; }) }));
  await it.pass(5000);
  assert.equal(it.EventSource.streams.length, 0);
  give('abc');
  await it.pass(100);
  assert.deepEqual(it.EventSource.streams.map((stream) => stream.ticket), ['abc']);
});

test('a ticket that arrives after a move to an older server is not sent', async (t) => {
  const page = withPage(t), open = [];
  const { WebSocket, stream, pass } = await streaming(t, ['orders'], { ticket: () => (open.length ? new Promise(open[0]) : 'abc') });
  await pass(20000);
  let give = null;
  open.push((resolve) => { give = resolve; });
  stream().denied('orders', 'ticket_expired');
  page.online();
  WebSocket.last.welcome();
  give('late');
  await pass(100);
  assert.deepEqual(WebSocket.last.took(), [[5, 'orders']]);
});

test('malformed refusals are ignored', async (t) => {
  const { stream, took, EventSource, pass } = await streaming(t, ['orders']);
  for (const data of ['', 'x', 'null', '7', '{}', '{"topic":"orders"}', '{"topic":"orders","code":7}']) stream().emit('denied', { data });
  await pass(100);
  assert.deepEqual([took(), EventSource.streams.length], [[], 1]);
});

test('refused with 403: the client finds the denied topics, and opens a stream with the others', async (t) => {
  const it = browser(t);
  for (const topic of ['orders', 'user.7']) it.fetch.codes.set(topic, 'ticket_missing');
  const tab = await it.blocked(it.tab(['a', 'orders', 'b', 'c', 'user.7']));
  it.EventSource.last.refuse();
  await it.pass(1000);
  assert.deepEqual(it.EventSource.last.topics, ['a', 'b', 'c']);
  it.EventSource.last.at('e1-10');
  it.EventSource.last.say('a', 1, 'e1-11');
  assert.deepEqual(tab.took(), ['orders denied ticket_missing', 'user.7 denied ticket_missing', 'a 1']);
  assert.equal(tab.pusher.state, 'open');
});

for (const [how, without] of [['for another reason than a ticket', []], ['and there is no fetch', ['fetch']]]) {
  test(`refused ${how}: back to WebSockets`, async (t) => {
    const it = browser(t, without);
    const tab = await it.blocked(it.tab(['no history']));
    it.EventSource.last.refuse();
    await it.pass(0);
    assert.deepEqual([it.EventSource.open.length, last(tab.states).state, tab.took()], [0, 'waiting', []]);
  });
}

test('an answer that comes after another stream was opened is ignored', async (t) => {
  const { stream, fetch, listen, took, pass } = await streaming(t, ['orders']);
  fetch.codes.set('orders', 'ticket_expired');
  stream().refuse();
  listen('news');
  await pass(100);
  stream().at('e1-20');
  assert.deepEqual([stream().topics, took()], [['orders', 'news'], []]);
});

test('why a stream was refused is not asked for longer than 8 s', async (t) => {
  const { stream, set, pass, EventSource, states } = await streaming(t, ['orders']);
  set('fetch', () => new Promise(() => {}));
  stream().refuse();
  await pass(7999);
  assert.equal(EventSource.streams.length, 1);
  await pass(1);
  assert.equal(last(states).state, 'waiting');
  await pass(5000);
  assert.equal(EventSource.streams.length, 2);
});

test('only denied topics: the client tries again with its next connection', async (t) => {
  const it = browser(t);
  it.fetch.codes.set('orders', 'ticket_missing');
  const tab = await it.blocked(it.tab(['orders']));
  it.EventSource.last.refuse();
  await it.pass(10000);
  assert.deepEqual([it.EventSource.open.length, last(tab.states).state], [0, 'waiting']);
  await it.pass(last(tab.states).delayMs);
  tab.WebSocket.last.welcome('sid', 'pushd.1');
  assert.deepEqual(tab.WebSocket.last.took(), [[5, 'orders']]);
});

for (const [how, end] of [['by `event: denied`', (it) => it.stream().denied('orders', 'ticket_expired')], ['with 403', async (it) => {
  it.stream().fail();
  await it.pass(5000);
  it.fetch.codes.set('orders', 'ticket_expired');
  it.stream().refuse();
  await settled();
  it.fetch.codes.clear();
}]]) {
  test(`expired, told ${how}: a stream with another ticket continues; the page hears nothing of it`, async (t) => {
    const page = numbered();
    const it = await streaming(t, ['orders', 'news'], { ticket: page.ticket });
    it.stream().say('orders', 'a', 'e1-12');
    await it.pass(20000);
    await end(it);
    await it.pass(100);
    for (let answered = null; answered !== it.stream(); await it.pass(100)) {
      answered = it.stream();
      answered.at(answered.since || 'e1-20');
    }
    assert.deepEqual([it.stream().topics, it.stream().since, it.stream().ticket, page.given], [['orders', 'news'], 'e1-12', 't2', 2]);
    it.stream().say('orders', 'b', 'e1-13');
    assert.deepEqual(it.took(), ['orders a', 'orders b']);
    assert.equal(it.EventSource.open.length, 1);
  });
}

test('a server that lets every ticket expire at once is asked more and more rarely', async (t) => {
  const page = numbered();
  const { stream, pass, took } = await streaming(t, ['orders', 'news'], { ticket: page.ticket });
  for (let round = 0; round < 600; round++) {
    if (!stream().closed) stream().at(stream().since || 'e1-10');
    if (stream().topics.includes('orders')) stream().denied('orders', 'ticket_expired');
    await pass(1000);
  }
  assert.ok(page.given >= 5 && page.given <= 25, String(page.given));
  assert.ok(took().includes('orders denied ticket_expired'));
});

test('the function fails: the public topics have their stream', async (t) => {
  t.mock.method(console, 'error', () => {});
  const { stream, took } = await streaming(t, ['news'], { ticket: () => Promise.reject(new Error('offline')) });
  assert.deepEqual([stream().topics, stream().ticket, took()], [['news'], null, ['null denied ticket_unavailable']]);
});

test('a function that gave null is asked again if a later subscribe() is denied', async (t) => {
  const page = { given: null, asked: 0 };
  const ticket = () => {
    page.asked++;
    return page.given;
  };
  const { stream, pass, listen, took } = await streaming(t, ['news'], { ticket });
  assert.deepEqual([stream().ticket, page.asked], [null, 1]);
  for (const given of [null, 'of user 7']) {
    page.given = given;
    listen('orders');
    await pass(100);
    assert.ok(stream().topics.includes('orders'));
    stream().denied('orders', 'ticket_missing');
    await pass(100);
    assert.deepEqual([took(), stream().ticket], [given ? [] : ['orders denied ticket_missing'], given]);
    for (let answered = null; answered !== stream(); await pass(100)) {
      answered = stream();
      answered.at(answered.since || 'e1-20');
    }
  }
  assert.deepEqual([stream().topics, page.asked], [['news', 'orders'], 3]);
  stream().say('orders', 'a', 'e1-21');
  assert.deepEqual(took(), ['orders a', 'orders a']);
});

test('with a WebSocket again, the ticket is a message', async (t) => {
  const page = numbered();
  const { WebSocket, stream, pass, EventSource } = await streaming(t, ['orders'], { ticket: page.ticket });
  for (let left = 300000; left > 0; left -= 20000) {
    await pass(20000);
    stream().at('e1-12');
  }
  WebSocket.last.welcome('sid', 'pushd.1');
  await settled();
  assert.deepEqual(WebSocket.last.took(), [[13, 't2'], [5, 'orders', { since: 'e1-12' }]]);
  assert.deepEqual([WebSocket.last.url, EventSource.open.length], ['wss://push.test/live/ws?x=1', 0]);
});

// ---- several tabs

test('a Pusher with a ticket has its own stream, and says nothing to other tabs', async (t) => {
  const it = browser(t);
  const spy = new it.BroadcastChannel('pushd.sse.2 https://push.test/live/');
  spy.onmessage = ({ data }) => assert.doesNotMatch(JSON.stringify(data), /ticket|secret/);
  const tabs = [];
  for (const options of [{}, { ticket: 'of user 7' }, { ticket: 'of user 8' }]) {
    tabs.push(await it.blocked(it.tab(['orders'], {}, options)));
    it.EventSource.last.at('e1-10');
    await settled();
  }
  assert.deepEqual(it.EventSource.open.map((stream) => stream.ticket), [null, 'of user 7', 'of user 8']);
  it.EventSource.open[1].say('orders', 'for 7', 'e1-11');
  await settled();
  assert.deepEqual(tabs.map((tab) => tab.took()), [[], ['orders for 7'], []]);
  assert.equal(it.BroadcastChannel.open, 2, 'the spy, and the tab without a ticket');
  spy.close();
});

test('tabs share a stream only if both have `withCredentials`, or neither', async (t) => {
  const it = browser(t);
  for (const withCredentials of [false, true, true, false]) {
    await it.blocked(it.tab(['news'], {}, { withCredentials }));
    it.EventSource.last.at('e1-10');
    await settled();
  }
  assert.deepEqual(it.EventSource.open.map((stream) => stream.withCredentials), [false, true]);
});

test('a denied topic is told to each tab that has it, and all tabs keep their streams', async (t) => {
  const it = browser(t);
  const tabs = [];
  for (const topics of [['news'], ['orders', 'news'], ['orders', 'birds']]) {
    tabs.push(await it.blocked(it.tab(topics)));
    for (let answered = null; answered !== it.EventSource.last;) {
      answered = it.EventSource.last;
      answered.at(answered.since || 'e1-10');
      await settled();
    }
  }
  it.EventSource.last.denied('orders', 'ticket_revoked');
  await it.pass(100);
  assert.deepEqual([it.EventSource.last.topics, it.EventSource.open.length], [['news', 'birds'], 1]);
  it.EventSource.last.at('e1-10');
  await settled();
  it.EventSource.last.say('news', 1, 'e1-11');
  await settled();
  const denied = 'orders denied ticket_revoked';
  assert.deepEqual(tabs.map((tab) => tab.took()), [['news 1'], [denied, 'news 1'], [denied]]);
  assert.deepEqual(tabs.map((tab) => tab.pusher.state), ['open', 'open', 'open']);
  tabs[0].pusher.close();
  await it.pass(100);
  assert.ok(it.EventSource.last.topics.includes('orders'), 'the next leader tries again');
});
