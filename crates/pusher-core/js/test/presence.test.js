'use strict';
// presence(): who is subscribed to a topic.
const { test } = require('node:test');
const assert = require('node:assert/strict');
require('../pusher-sse.js');
const { start } = require('./client.js');
const { browser } = require('./fake-tabs.js');
const { settled } = require('./fake-socket.js');

const ANN = { sub: '7', info: { name: 'Ann' } }, BOB = { sub: '9' }, CY = { sub: '12' };
const ROOM = 'pushd:presence:chat';

/** Handlers that write what they hear to `heard`. */
function listener() {
  const heard = [];
  const handlers = {
    here: (members, count) => heard.push(['here', members.map((member) => member.sub).join(), count]),
    joined: (member, count) => heard.push(['joined', member.sub, count]),
    left: (member, count) => heard.push(['left', member.sub, count]),
    count: (count) => heard.push(count),
  };
  return { handlers, heard, took: () => heard.splice(0) };
}

/** A client of a pushd.1 server with presence of "chat". */
function present(t, options) {
  const it = start(t, options), page = listener();
  it.WebSocket.last.welcome('sid', 'pushd.1');
  const off = it.pusher.presence('chat', page.handlers);
  const socket = () => it.WebSocket.last;
  const confirm = (position) => [ROOM, 'chat'].forEach((topic) => socket().say([9, topic, position, true, 0]));
  const say = (event, ...rest) => socket().say([8, ROOM, event, ...rest]);
  const again = () => {
    socket().lose();
    it.tick(it.states[it.states.length - 1].delayMs);
    socket().welcome('sid', 'pushd.1');
  };
  return { ...it, ...page, off, socket, confirm, say, again };
}

test('subscribes to the topic and to its presence; who is here, who joins and who leaves', (t) => {
  const { socket, confirm, say, took, off } = present(t);
  assert.deepEqual(socket().took(), [[5, 'chat'], [5, ROOM]]);
  confirm('e1-10');
  say({ here: [ANN, BOB], count: 2 });
  say({ joined: CY, count: 3 });
  say({ left: BOB, count: 2 });
  assert.deepEqual(took(), [['here', '7,9', 2], 2, ['joined', '12', 3], 3, ['left', '9', 2], 2]);
  off();
  assert.deepEqual(socket().took(), [[6, 'chat'], [6, ROOM]]);
  say({ joined: BOB, count: 3 });
  assert.deepEqual(took(), []);
});

test('`here` has the members as the server describes them', (t) => {
  const { pusher, socket, say, confirm } = present(t);
  const heard = [];
  confirm('e1-10');
  pusher.presence('chat', { here: (members) => heard.push(members), joined: (member) => heard.push(member) });
  socket().say([9, ROOM, 'e1-10', true, 0]);
  say({ here: [ANN, BOB], count: 2 });
  say({ joined: CY, count: 3 });
  assert.deepEqual(heard, [[ANN, BOB], CY]);
});

test('a page that is subscribed already: one SUBSCRIBE, and the end of presence keeps the subscription', (t) => {
  const { pusher, WebSocket } = start(t);
  WebSocket.last.welcome('sid', 'pushd.1');
  const heard = [];
  pusher.subscribe('chat', (event) => heard.push(event));
  const off = pusher.presence('chat', {});
  assert.deepEqual(WebSocket.last.took(), [[5, 'chat'], [5, ROOM]]);
  for (const topic of ['chat', ROOM]) WebSocket.last.say([9, topic, 'e1-10', true, 0]);
  off();
  WebSocket.last.say([8, 'chat', 'a', 11]);
  assert.deepEqual([WebSocket.last.took(), heard], [[[6, ROOM]], ['a']]);
});

test('after a reconnect `here` comes again and replaces the members; that is no gap', (t) => {
  const { socket, confirm, say, took, again, states } = present(t);
  confirm('e1-10');
  say({ here: [ANN, BOB], count: 2 });
  socket().took();
  took();
  again();
  assert.deepEqual(socket().took(), [[5, 'chat', { since: 'e1-10' }], [5, ROOM]], 'no position: the log does not keep it');
  confirm('e1-50');
  say({ here: [BOB, CY], count: 2 });
  say({ joined: ANN, count: 3 });
  say({ left: CY, count: 2 });
  assert.deepEqual(took(), [['here', '9,12', 2], 2, ['joined', '7', 3], 3, ['left', '12', 2], 2]);
  socket().say([10, ROOM, 'e1-60']);
  assert.deepEqual(states.filter((each) => each.gap), []);
});

test('members that are here do not join, and others do not leave', (t) => {
  const { confirm, say, took } = present(t);
  confirm('e1-10');
  say({ here: [ANN], count: 1 });
  say({ joined: ANN, count: 1 });
  say({ left: BOB, count: 1 });
  say({ left: ANN, count: 0 });
  say({ left: ANN, count: 0 });
  assert.deepEqual(took(), [['here', '7', 1], 1, 1, 1, ['left', '7', 0], 0, 0]);
  say({ joined: BOB, count: 1 });
  say({ joined: BOB, count: 1 });
  assert.deepEqual(took(), [['joined', '9', 1], 1, 1]);
});

test('a topic with many members: only the count, and a list that is not whole hides nobody', (t) => {
  const { confirm, say, took } = present(t);
  confirm('e1-10');
  say({ here: [ANN], count: 1 });
  say({ count: 5000 });
  say({ joined: ANN, count: 5001 });
  assert.deepEqual(took(), [['here', '7', 1], 1, 5000, ['joined', '7', 5001], 5001]);
  say({ here: [ANN], count: 101 });
  say({ left: BOB, count: 100 });
  say({ joined: ANN, count: 101 });
  assert.deepEqual(took(), [['here', '7', 101], 101, ['left', '9', 100], 100, ['joined', '7', 101], 101]);
});

test('a position for a topic of the server is not sent, because it has none', (t) => {
  const { pusher, socket } = present(t);
  socket().took();
  pusher.subscribe('pushd:presence:other', () => {}, { since: 'e1-5', gap: assert.fail });
  socket().say([9, 'pushd:presence:other', 'e1-9', true, 0]);
  assert.deepEqual(socket().took(), [[5, 'pushd:presence:other']]);
});

test('a sequence number does not hide an event', (t) => {
  const { confirm, say, took } = present(t);
  confirm('e1-10');
  for (const sequence of [0, 3, 3, undefined]) say({ count: 1 }, sequence);
  assert.deepEqual(took(), [1, 1, 1, 1]);
});

test('a second presence() of the topic gets `here`, too', (t) => {
  const { pusher, socket, confirm, say, took } = present(t);
  const second = listener();
  pusher.presence('chat', second.handlers);
  assert.deepEqual(socket().took(), [[5, 'chat'], [5, ROOM]], 'not yet confirmed: the first `here` is for both');
  confirm('e1-10');
  say({ here: [ANN], count: 1 });
  const third = listener();
  const off = pusher.presence('chat', third.handlers);
  assert.deepEqual(socket().took(), [[6, ROOM], [5, ROOM]]);
  say({ joined: BOB, count: 2 });
  socket().say([9, ROOM, 'e1-11', true, 0]);
  say({ here: [ANN, BOB], count: 2 });
  assert.deepEqual(third.took(), [['here', '7,9', 2], 2]);
  assert.deepEqual([took(), second.took()], [0, 1].map(() => [['here', '7', 1], 1, ['here', '7,9', 2], 2]));
  off();
  say({ left: ANN, count: 1 });
  assert.deepEqual([took(), second.took(), third.took()], [[['left', '7', 1], 1], [['left', '7', 1], 1], []]);
});

test('denied: told to its own handler', (t) => {
  const heard = [];
  const { pusher, socket } = present(t, { denied: () => {} });
  pusher.presence('chat', { denied: (topic, code) => heard.push(topic + ' ' + code) });
  socket().say([11, ROOM, 'presence_off']);
  socket().say([11, 'chat', 'ticket_missing']);
  assert.deepEqual(heard, [ROOM + ' presence_off', 'chat ticket_missing']);
});

test('the topic may be a CURIE', (t) => {
  const { pusher, socket } = present(t);
  pusher.prefix('p', 'http://p/');
  pusher.prefix('pushd', 'http://q/');
  pusher.presence('p:x', {});
  assert.deepEqual(socket().took().slice(-2), [[5, 'http://p/x'], [5, 'pushd:presence:http://p/x']]);
});

test('malformed events are ignored, and handlers must be functions', (t) => {
  const { pusher, confirm, say, took } = present(t);
  confirm('e1-10');
  for (const event of [null, 7, 'x', [], {}, { here: [] }, { joined: ANN }, { count: '2' }]) say(event);
  assert.deepEqual(took(), []);
  for (const name of ['here', 'joined', 'left', 'count', 'denied']) {
    assert.throws(() => pusher.presence('chat', { [name]: 'x' }), TypeError);
  }
  assert.throws(() => pusher.presence({}, {}), TypeError);
});

test('an error of a handler does not affect the others; off() in a handler ends it', (t) => {
  t.mock.method(console, 'error', () => {});
  const { pusher, socket, confirm, say, took } = present(t);
  confirm('e1-10');
  const off = pusher.presence('chat', { here: () => off(), count: assert.fail });
  pusher.presence('chat', { here: () => { throw new Error('mine'); } });
  socket().say([9, ROOM, 'e1-10', true, 0]);
  say({ here: [ANN], count: 1 });
  assert.deepEqual(took(), [['here', '7', 1], 1]);
  assert.equal(console.error.mock.callCount(), 1);
});

test('event streams: `here` comes at the beginning of each, also for a tab that joins later', async (t) => {
  const it = browser(t);
  const follow = async () => {
    await it.pass(100);
    for (let answered = null; answered !== it.EventSource.last;) {
      answered = it.EventSource.last;
      answered.at(answered.since || 'e1-10');
      await settled();
    }
  };
  const pages = [];
  for (let n = 0; n < 2; n++) {
    const tab = it.tab([]), page = listener();
    tab.pusher.presence('chat', page.handlers);
    pages.push({ ...tab, ...page });
    const before = it.EventSource.last;
    await it.blocked(tab);
    await follow();
    assert.notEqual(it.EventSource.last, before, 'another stream, which has `here`');
    it.EventSource.last.say(ROOM, { here: [ANN], count: 1 }, 'e1-10');
    await settled();
  }
  assert.deepEqual(it.EventSource.last.topics, ['chat', ROOM]);
  assert.deepEqual(pages.map((page) => page.took()), [[['here', '7', 1], 1, ['here', '7', 1], 1], [['here', '7', 1], 1]]);
  it.EventSource.last.say('chat', 'a', 'e1-12');
  it.EventSource.last.say(ROOM, { joined: BOB, count: 2 }, 'e1-12');
  await settled();
  assert.deepEqual(pages.map((page) => page.took()), [[['joined', '9', 2], 2], [['joined', '9', 2], 2]]);
});
