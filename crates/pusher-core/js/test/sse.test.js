'use strict';
// Where WebSockets are blocked, events come as Server-Sent Events. One tab here; several are in tabs.test.js.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const Pusher = require('../pusher.js');
require('../pusher-sse.js');
const { withPage } = require('./client.js');
const { browser } = require('./fake-tabs.js');
const { settled } = require('./fake-socket.js');

const last = (list) => list[list.length - 1];

/** A tab whose stream is open at e1-10. */
async function streaming(t, topics = ['cats'], since) {
  const it = browser(t);
  const tab = await it.blocked(it.tab(topics, since));
  it.EventSource.last.at('e1-10');
  await settled();
  return { ...it, ...tab, stream: () => it.EventSource.last };
}

test('two attempts without WELCOME: the third is a stream', async (t) => {
  const { EventSource, WebSocket, states, pusher } = await streaming(t);
  assert.equal(WebSocket.sockets.length, 2);
  assert.equal(EventSource.streams.length, 1);
  const { address, topics, since, names } = EventSource.last;
  assert.deepEqual([address, topics, since, names], ['https://push.test/live/events', ['cats'], null, ['topic']]);
  assert.deepEqual(states.map((each) => each.state),
    ['connecting', 'waiting', 'connecting', 'waiting', 'connecting', 'open']);
  assert.deepEqual(last(states), { state: 'open', receiveOnly: true });
  assert.deepEqual([pusher.sessionId, pusher.server], [null, null]);
});

test('one attempt is not enough, and after a WELCOME two are not either', async (t) => {
  const { EventSource, tab, pass } = browser(t);
  const { WebSocket, states } = tab(['cats']);
  for (let attempt = 0; attempt < 6; attempt++) {
    if (attempt === 1) WebSocket.last.welcome();
    WebSocket.last.lose();
    await pass(last(states).delayMs + 1);
  }
  assert.equal(EventSource.streams.length, 0);
  assert.equal(WebSocket.sockets.length, 7);
});

test('a WebSocket that opens and brings no WELCOME counts as blocked', async (t) => {
  const { EventSource, tab, pass } = browser(t);
  const { WebSocket, states } = tab(['cats']);
  for (let attempt = 0; attempt < 2; attempt++) {
    WebSocket.last.open();
    await pass(10000);
    await pass(last(states).delayMs + 100);
  }
  assert.equal(EventSource.streams.length, 1);
});

for (const [name, without, topics] of [['EventSource is missing', ['EventSource'], ['cats']], ['there is no topic', [], []]]) {
  test(`no stream if ${name}`, async (t) => {
    const { EventSource, tab, pass } = browser(t, without);
    const { WebSocket, states } = tab(topics);
    for (let attempt = 0; attempt < 4; attempt++) {
      WebSocket.last.lose();
      await pass(last(states).delayMs + 1);
    }
    assert.deepEqual([WebSocket.sockets.length, EventSource.streams.length], [5, 0]);
  });
}

test('events, and positions', async (t) => {
  const { stream, pusher, took } = await streaming(t);
  assert.equal(pusher.position('cats'), 'e1-10');
  stream().say('cats', 'a', 'e1-12');
  stream().say('cats', 'again', 'e1-12');
  stream().say('cats', null, 'e1-13');
  assert.deepEqual(took(), ['cats a', 'cats null']);
  assert.equal(pusher.position('cats'), 'e1-13');
  stream().at('e1-20');
  assert.equal(pusher.position('cats'), 'e1-20', 'a quiet topic moves on');
});

test('several topics: each event names its own, and one position is that of all', async (t) => {
  const { stream, pusher, took } = await streaming(t, ['cats', 'dogs']);
  assert.deepEqual(stream().topics, ['cats', 'dogs']);
  stream().say('dogs', 'a', 'e1-12');
  stream().say('birds', 'not ours', 'e1-13');
  assert.deepEqual(took(), ['dogs a']);
  assert.deepEqual([pusher.position('cats'), pusher.position('dogs')], ['e1-13', 'e1-13']);
});

test('malformed events are ignored', async (t) => {
  const { stream, pusher, took, states } = await streaming(t, ['cats', 'dogs']);
  for (const data of ['', 'x', 'null', '7', '{}', '{"topic":["cats"],"event":1}', '{"position":7}', '{"position":"x"}']) {
    for (const lastEventId of ['', 'x', 'e1']) {
      for (const type of ['message', 'position', 'gap', 'other']) stream().emit(type, { data, lastEventId });
    }
  }
  assert.deepEqual(took(), []);
  assert.equal(pusher.position('cats'), 'e1-10');
  assert.equal(last(states).state, 'open');
});

test('the stream begins at the oldest position of the page, and each topic at its own', async (t) => {
  const { stream, took } = await streaming(t, ['cats', 'dogs'], { cats: 'e1-7', dogs: 'e1-5' });
  assert.equal(stream().since, 'e1-5');
  stream().say('cats', 'old', 'e1-6');
  stream().say('dogs', 'a', 'e1-7');
  stream().say('cats', 'b', 'e1-8');
  assert.deepEqual(took(), ['dogs a', 'cats b']);
});

test('a gap is told', async (t) => {
  const { blocked, tab, EventSource } = browser(t);
  const it = await blocked(tab(['cats'], { cats: 'e1-5' }));
  EventSource.last.gap('e2-1');
  assert.deepEqual(it.states.slice(-2), [{ state: 'open', receiveOnly: true }, { state: 'open', gap: 'cats' }]);
  EventSource.last.say('cats', 'a', 'e2-2');
  EventSource.last.gap('e2-50');
  EventSource.last.say('cats', 'old', 'e2-50');
  assert.deepEqual(it.took(), ['cats gap', 'cats a', 'cats gap']);
  assert.equal(it.pusher.position('cats'), 'e2-50');
});

test('publish returns false, call rejects, prefix works', async (t) => {
  const { pusher } = await streaming(t);
  assert.equal(pusher.publish('cats', 1), false);
  await assert.rejects(pusher.call('p'), { message: 'not connected' });
  pusher.prefix('p', 'http://p/');
  assert.equal(pusher.resolve('p:x'), 'http://p/x');
});

test('an ended stream is opened again, at the position, and nothing is missed or doubled', async (t) => {
  const { EventSource, stream, states, took, pass } = await streaming(t);
  stream().say('cats', 'a', 'e1-12');
  stream().fail();
  const { delayMs, ...lost } = last(states);
  assert.deepEqual(lost, { state: 'waiting', code: 1006, reason: 'the event stream ended', wasClean: false, opened: true });
  assert.ok(delayMs >= 2000 && delayMs <= 5000, String(delayMs));
  assert.equal(EventSource.open.length, 0);
  await pass(delayMs);
  assert.equal(stream().since, 'e1-12');
  stream().fail(); // a 502
  await pass(5000);
  stream().at('e1-12');
  stream().say('cats', 'b', 'e1-13');
  assert.equal(last(states).state, 'open');
  assert.deepEqual(took(), ['cats a', 'cats b']);
  assert.equal(EventSource.open.length, 1);
});

test('a stream that fails four times in a row: back to WebSockets, and then to a stream again', async (t) => {
  const { EventSource, WebSocket, stream, states, pusher, pass } = await streaming(t);
  for (let failure = 0; failure < 4; failure++) {
    stream().fail();
    await pass(5000);
  }
  assert.equal(EventSource.open.length, 0);
  assert.equal(WebSocket.sockets.length, 3);
  assert.equal(pusher.state, 'connecting');
  for (let attempt = 0; EventSource.open.length === 0 && attempt < 3; attempt++) {
    WebSocket.last.lose();
    await pass(last(states).delayMs + 100);
  }
  assert.equal(stream().since, 'e1-10');
});

for (const [how, fail] of [['is refused', ({ EventSource }) => EventSource.last.fail()],
  ['never begins', ({ pass }) => pass(8000)]]) {
  test(`a first stream that ${how}: back to WebSockets, with the same growing delays`, async (t) => {
    const it = browser(t);
    const tab = await it.blocked(it.tab(['cats']));
    await fail(it);
    assert.equal(it.EventSource.open.length, 0);
    assert.equal(last(tab.states).state, 'waiting');
    assert.equal(last(tab.states).opened, false);
    await it.pass(last(tab.states).delayMs + 1);
    assert.equal(tab.WebSocket.sockets.length, 3);
    tab.WebSocket.last.welcome('sid', 'pushd.1');
    assert.deepEqual(tab.WebSocket.last.took(), [[5, 'cats']]);
  });
}

test('a stream that is silent for 50 s is dead: another one is opened', async (t) => {
  const { EventSource, WebSocket, stream, states, pass, took } = await streaming(t);
  for (let i = 0; i < 3; i++) {
    await pass(49000);
    stream().say('cats', i, 'e1-' + (11 + i));
  }
  assert.equal(EventSource.streams.length, 1);
  await pass(50000);
  assert.deepEqual([EventSource.streams.length, EventSource.open.length, stream().since], [2, 1, 'e1-13']);
  stream().at('e1-13');
  stream().say('cats', 'a', 'e1-14');
  assert.deepEqual(took(), ['cats 0', 'cats 1', 'cats 2', 'cats a']);
  assert.equal(states.filter((each) => each.state === 'waiting').length, 2, 'only before the stream');
});

test('the server may begin before the end of the log, with the last events', async (t) => {
  const { stream, listen, took, pass } = await streaming(t);
  listen('dogs');
  await pass(100);
  stream().at('e1-5');
  assert.deepEqual([stream().topics, stream().since], [['cats', 'dogs'], 'e1-5']);
  stream().at('e1-5');
  stream().say('dogs', 'a', 'e1-6');
  stream().say('cats', 'old', 'e1-9');
  assert.deepEqual(took(), ['dogs a']);
});

test('subscribing adds a topic that begins at the end of the log; the others continue', async (t) => {
  const { EventSource, stream, pusher, listen, took, pass } = await streaming(t);
  listen('dogs');
  listen('birds');
  await pass(100);
  assert.deepEqual([stream().topics, stream().since], [['dogs', 'birds'], null], 'asks for the end');
  assert.equal(EventSource.open.length, 1);
  stream().at('e1-30');
  assert.deepEqual([stream().topics, stream().since], [['cats', 'dogs', 'birds'], 'e1-10']);
  stream().at('e1-10');
  stream().say('cats', 'missed meanwhile', 'e1-20');
  stream().say('dogs', 'before the subscription', 'e1-25');
  stream().say('dogs', 'a', 'e1-31');
  assert.deepEqual(took(), ['cats missed meanwhile', 'dogs a']);
  assert.equal(pusher.state, 'open');
});

test('subscribing with `since`: the stream goes back to it, and nothing is doubled', async (t) => {
  const { stream, pusher, took, pass } = await streaming(t);
  stream().say('cats', 'a', 'e1-12');
  const dogs = [];
  pusher.subscribe('dogs', (event) => dogs.push(event), { since: 'e1-11' });
  await pass(100);
  assert.deepEqual([stream().topics, stream().since], [['cats', 'dogs'], 'e1-11']);
  stream().at('e1-11');
  stream().say('cats', 'a', 'e1-12');
  stream().say('dogs', 'b', 'e1-13');
  assert.deepEqual([took(), dogs], [['cats a'], ['b']]);
});

test('a `since` of another epoch than the stream is a gap of that topic', async (t) => {
  const { stream, pusher, took, pass } = await streaming(t);
  const dogs = [];
  pusher.subscribe('dogs', (event) => dogs.push(event), { since: 'e0-99', gap: () => dogs.push('gap') });
  await pass(100);
  assert.deepEqual([stream().topics, stream().since], [['cats', 'dogs'], 'e1-10']);
  stream().at('e1-10');
  stream().say('dogs', 'b', 'e1-13');
  assert.deepEqual([took(), dogs], [[], ['gap', 'b']]);
});

test('unsubscribing: no further events, and the next stream is without the topic', async (t) => {
  const { stream, offs, listen, took, pass } = await streaming(t, ['cats', 'dogs']);
  offs[0]();
  await pass(100);
  stream().say('cats', 'a', 'e1-12');
  listen('birds');
  await pass(100);
  stream().at('e1-20');
  assert.deepEqual([stream().topics, stream().since], [['dogs', 'birds'], 'e1-12']);
  assert.deepEqual(took(), []);
});

for (const [when, act] of [['after 5 minutes', ({ pass, stream }) => keepOpen(pass, stream, 300000)],
  ['when the machine is online again', ({ online }) => online()]]) {
  test(`${when} it tries a WebSocket, and moves there without missing or doubling an event`, async (t) => {
    const { online } = withPage(t);
    const it = await streaming(t);
    const { EventSource, WebSocket, stream, states, pusher, took } = it;
    stream().say('cats', 'a', 'e1-12');
    await act({ ...it, online });
    assert.equal(WebSocket.sockets.length, 3);
    stream().say('cats', 'b', 'e1-14');
    WebSocket.last.welcome('sid', 'pushd.1');
    assert.equal(EventSource.open.length, 0);
    assert.deepEqual(WebSocket.last.took(), [[5, 'cats', { since: 'e1-14' }]]);
    assert.deepEqual(last(states), { state: 'open' });
    WebSocket.last.say([9, 'cats', 'e1-15', true, 1]);
    WebSocket.last.say([8, 'cats', 'c', 15]);
    assert.deepEqual(took(), ['cats a', 'cats b', 'cats c']);
    assert.equal(pusher.publish('cats', 1), true);
    WebSocket.last.lose();
    assert.equal(last(states).state, 'waiting');
  });
}

/** Lets time pass on a stream with a working server. */
async function keepOpen(pass, stream, ms) {
  for (let left = ms; left > 0; left -= 20000) {
    await pass(20000);
    stream().at('e1-12');
  }
}

test('a WebSocket that is still blocked changes nothing; the next try comes 5 minutes later', async (t) => {
  const { EventSource, WebSocket, stream, pass, states } = await streaming(t);
  await keepOpen(pass, stream, 300000);
  WebSocket.last.lose();
  await keepOpen(pass, stream, 280000);
  assert.equal(WebSocket.sockets.length, 3);
  await keepOpen(pass, stream, 40000);
  assert.equal(WebSocket.sockets.length, 4);
  assert.deepEqual([EventSource.streams.length, last(states).state], [1, 'open']);
});

test('close() closes the stream, the lock and the channel', async (t) => {
  const { EventSource, BroadcastChannel, navigator, pusher, pass } = await streaming(t);
  pusher.close();
  await pass(600000);
  assert.deepEqual([EventSource.open.length, BroadcastChannel.open, navigator.locks.held()], [0, 0, 0]);
  assert.equal(EventSource.streams.length, 1);
});

test('a page that the browser keeps for "back" ends its stream, and continues when it is shown', async (t) => {
  const page = withPage(t);
  const { EventSource, WebSocket, stream, states, pusher, pass, took } = await streaming(t);
  stream().say('cats', 'a', 'e1-12');
  page.left();
  assert.equal(EventSource.open.length, 0);
  assert.equal(pusher.state, 'waiting');
  page.restored();
  assert.equal(WebSocket.sockets.length, 3);
  for (let attempt = 0; EventSource.open.length === 0 && attempt < 2; attempt++) {
    WebSocket.last.lose();
    await pass(last(states).delayMs + 100);
  }
  assert.equal(stream().since, 'e1-12');
  assert.deepEqual(took(), ['cats a']);
  pusher.close();
  assert.equal(page.listeners(), 0);
});

// ---- the script is loaded only when needed

/** A page with a document; `scripts` has the elements that the client adds. */
function page(t, nonce) {
  const it = browser(t);
  const scripts = [];
  const document = Object.assign(new EventTarget(), {
    createElement: (name) => ({ name }),
    head: { appendChild: (element) => scripts.push(element) },
  });
  it.set('document', document);
  t.after(() => delete globalThis.document);
  const { Sse } = Pusher;
  delete Pusher.Sse;
  t.after(() => { Pusher.Sse = Sse; });
  return { ...it, scripts, loads: () => { Pusher.Sse = Sse; } };
}

test('pusher-sse.js is loaded from the folder of the server', async (t) => {
  const it = page(t);
  const tab = await it.blocked(it.tab(['cats']));
  const { name, src, onload } = last(it.scripts);
  assert.deepEqual([name, src], ['script', 'https://push.test/live/pusher-sse.js']);
  it.loads();
  onload();
  await it.pass(100);
  it.EventSource.last.at('e1-10');
  assert.equal(tab.pusher.state, 'open');
  assert.equal(it.scripts.length, 1);
});

for (const [how, fail] of [['cannot be loaded', ({ scripts }) => last(scripts).onerror()],
  ['is something else', ({ scripts }) => last(scripts).onload()], ['does not arrive', ({ pass }) => pass(10000)]]) {
  test(`if pusher-sse.js ${how}, WebSockets are tried again`, async (t) => {
    const it = page(t);
    const tab = await it.blocked(it.tab(['cats']));
    await fail(it);
    assert.equal(last(tab.states).state, 'waiting');
    await it.pass(last(tab.states).delayMs + 1);
    assert.equal(tab.WebSocket.sockets.length, 3);
    it.loads();
    last(it.scripts).onload();
    await it.pass(100);
    assert.equal(it.EventSource.streams.length, 0, 'too late');
  });
}
