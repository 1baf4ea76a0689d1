'use strict';
// A connection that died without a close, with a pushd.1 server.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { start, withPage } = require('./client.js');

const ASK = [12];

/** Connects. The server announces a ping interval of 4 s, so the client waits 6 s. */
function kept(t, options, intervalMs = 4000) {
  const it = start(t, options);
  it.WebSocket.last.welcome('sid', 'pushd.1');
  if (intervalMs !== null) it.WebSocket.last.say([12, intervalMs]);
  return it;
}

test('asks after 5/4 of the interval plus a second of silence; an answer keeps the connection', (t) => {
  const { pusher, WebSocket, tick } = kept(t);
  for (let round = 0; round < 3; round++) {
    tick(5999);
    assert.deepEqual(WebSocket.last.took(), []);
    tick(1);
    assert.deepEqual(WebSocket.last.took(), [ASK]);
    tick(4999);
    assert.equal(pusher.state, 'open');
    WebSocket.last.say([12, 4000]);
  }
  assert.equal(WebSocket.sockets.length, 1);
});

test('without an answer drops the socket, and reconnects without waiting for its close', (t) => {
  const { WebSocket, states, tick } = kept(t);
  const dead = WebSocket.last;
  tick(6000 + 4999);
  assert.equal(states.length, 2);
  tick(1);
  assert.equal(dead.closed, true);
  const { delayMs, ...lost } = states[2];
  assert.deepEqual(lost,
    { state: 'waiting', code: 1006, reason: 'no answer within 5000 ms', wasClean: false, opened: true });
  tick(1000);
  assert.equal(WebSocket.sockets.length, 2);
  WebSocket.last.welcome('again', 'pushd.1');
  dead.say([8, 'cats', 'late']);
  dead.lose();
  assert.equal(states[states.length - 1].state, 'open');
});

test('never asks a server that pings in time', (t) => {
  const { WebSocket, tick } = kept(t);
  for (let seconds = 0; seconds < 3600; seconds += 5) {
    tick(5000);
    WebSocket.last.say([12, 4000]);
  }
  assert.deepEqual(WebSocket.last.took(), []);
});

for (const message of ['[8,"cats",1]', '[3,"7",1]', '[99]', 'no json']) {
  test(`any message counts as an answer: ${message}`, (t) => {
    const { pusher, WebSocket, tick } = kept(t);
    tick(5000);
    WebSocket.last.raw(message);
    tick(5999);
    assert.deepEqual(WebSocket.last.took(), []);
    tick(1);
    assert.deepEqual(WebSocket.last.took(), [ASK]);
    WebSocket.last.raw(message);
    tick(5000);
    assert.equal(pusher.state, 'open');
  });
}

for (const [name, event] of [['on line again', 'online'], ['restored from the cache', 'restored'],
  ['thawed', 'resumed'], ['visible again', 'show']]) {
  test(`${name}: asks at once`, (t) => {
    const page = withPage(t);
    const { pusher, WebSocket, tick } = kept(t);
    tick(3000);
    for (let i = 0; i < 100; i++) page[event]('visible');
    tick(0);
    assert.deepEqual(WebSocket.last.took(), [ASK], 'a hundred events, one question');
    tick(5000);
    assert.equal(pusher.state, 'waiting');
    assert.equal(page.listeners(), 5);
    pusher.close();
    assert.equal(page.listeners(), 0);
  });
}

test('a page event right after a message: asks after 2 s of silence', (t) => {
  const page = withPage(t);
  const { WebSocket, tick } = kept(t);
  page.online();
  tick(1999);
  assert.deepEqual(WebSocket.last.took(), []);
  tick(1);
  assert.deepEqual(WebSocket.last.took(), [ASK]);
  WebSocket.last.say([12, 4000]);
  tick(1000);
  page.show('visible');
  tick(500);
  WebSocket.last.say([8, 'cats', 1]);
  tick(500 + 5499);
  assert.deepEqual(WebSocket.last.took(), [], 'the event was an answer');
  tick(1);
  assert.deepEqual(WebSocket.last.took(), [ASK]);
});

test('becoming hidden causes no check', (t) => {
  const page = withPage(t);
  const { WebSocket, tick } = kept(t);
  tick(3000);
  page.show('hidden');
  page.resumed();
  tick(2999);
  assert.deepEqual(WebSocket.last.took(), []);
});

test('after a late timer the answer gets its time again', (t) => {
  const { pusher, WebSocket, tick, sleep } = kept(t);
  sleep(3600000);
  tick(0);
  assert.deepEqual(WebSocket.last.took(), [ASK], 'after an hour of sleep it asks and does not give up');
  sleep(3600000);
  tick(0);
  assert.equal(pusher.state, 'open');
  assert.deepEqual(WebSocket.last.took(), [ASK]);
  WebSocket.last.say([12, 4000]);
  tick(5000);
  assert.equal(pusher.state, 'open');
});

test('a hidden tab with timers once a minute: asks three times, then gives up', (t) => {
  const { pusher, WebSocket, tick, sleep } = kept(t);
  for (let minute = 1; minute <= 3; minute++) {
    sleep(60000);
    tick(0);
    assert.deepEqual(WebSocket.last.took(), [ASK]);
    assert.equal(pusher.state, 'open');
  }
  sleep(60000);
  tick(0);
  assert.equal(pusher.state, 'waiting');
});

test('a clock that is set back only causes a check', (t) => {
  const { pusher, WebSocket, tick, sleep } = kept(t);
  sleep(-3600000);
  tick(6000);
  assert.equal(pusher.state, 'open');
  WebSocket.last.took();
  WebSocket.last.say([12, 4000]);
  tick(5999);
  assert.deepEqual(WebSocket.last.took(), []);
});

test('the interval may change, within bounds', (t) => {
  const { WebSocket, tick } = kept(t, {}, null);
  const asksAfter = (ms) => {
    tick(ms - 1);
    assert.deepEqual(WebSocket.last.took(), []);
    tick(1);
    assert.deepEqual(WebSocket.last.took(), [ASK]);
    WebSocket.last.say([99]);
  };
  asksAfter(300000); // not announced
  WebSocket.last.say([12, 1000]);
  asksAfter(2250);
  for (const wrong of ['x', null, -1, {}, [[]], true, undefined]) WebSocket.last.say([12, wrong]);
  asksAfter(2250);
  WebSocket.last.raw('[12,1e999]');
  asksAfter(4501000);
  WebSocket.last.say([12, 0]);
  asksAfter(1000);
});

test('without reconnect a dead connection closes for good', (t) => {
  const { WebSocket, states, tick } = kept(t, { reconnect: false });
  tick(11000);
  assert.equal(states[2].state, 'closed');
  assert.deepEqual([states[2].code, states[2].wasClean], [1006, false]);
  tick(600000);
  assert.equal(WebSocket.sockets.length, 1);
});

test('close() stops the checks', (t) => {
  const { pusher, WebSocket, tick } = kept(t);
  tick(6000);
  pusher.close();
  WebSocket.last.took();
  tick(600000);
  assert.deepEqual(WebSocket.last.took(), []);
  assert.equal(pusher.state, 'closed');
});

test('in the back/forward cache a page has no connection; it continues at its positions when it is shown', (t) => {
  const page = withPage(t);
  const { pusher, WebSocket } = kept(t);
  const heard = [];
  pusher.subscribe('cats', (event) => heard.push(event));
  WebSocket.last.say([9, 'cats', 'e1-1', true, 0]);
  WebSocket.last.say([8, 'cats', 'a', 2]);
  const left = WebSocket.last;
  page.left();
  assert.equal(left.closed, true);
  assert.equal(pusher.state, 'waiting');
  page.restored();
  assert.equal(WebSocket.sockets.length, 2);
  WebSocket.last.welcome('again', 'pushd.1');
  assert.deepEqual(WebSocket.last.took(), [[5, 'cats', { since: 'e1-2' }]]);
  assert.deepEqual(heard, ['a']);
});

test('without reconnect, a page keeps its connection in the cache', (t) => {
  const page = withPage(t);
  const { pusher, WebSocket } = kept(t, { reconnect: false });
  page.left();
  assert.equal(WebSocket.last.closed, false);
  assert.equal(pusher.state, 'open');
});
