'use strict';
// Run with: node --test crates/pusher-core/js/test/*.test.js
const { test } = require('node:test');
const assert = require('node:assert/strict');
const Pusher = require('../pusher.js');
const { fakeClock, fakeWebSocket } = require('./fake-socket.js');
const { start, opened, withPage } = require('./client.js');

const named = (states) => states.map((each) => each.state);

test('offers pushd.1 and wamp, and is open only after WELCOME', (t) => {
  const { pusher, WebSocket, states } = start(t);
  const socket = WebSocket.last;
  assert.equal(socket.url, 'ws://push.test/');
  assert.deepEqual(socket.protocols, ['pushd.1', 'wamp']);
  socket.open();
  assert.equal(pusher.state, 'connecting');
  assert.equal(pusher.sessionId, null);
  socket.say([0, 'abc', 1, 'pushd/0.1']);
  assert.deepEqual(named(states), ['connecting', 'open']);
  assert.equal(pusher.sessionId, 'abc');
  assert.equal(pusher.server, 'pushd/0.1');
});

test('a late message of a lost socket changes nothing', (t) => {
  const { pusher, WebSocket, tick, states } = start(t);
  const old = WebSocket.last;
  tick(10000);
  assert.equal(old.closed, true);
  old.welcome();
  old.lose();
  assert.deepEqual(named(states), ['connecting', 'waiting']);
  assert.equal(pusher.sessionId, null);
});

for (const [random, name] of [[0, 'none'], [0.5, 'half'], [0.999999, 'all']]) {
  test(`backoff doubles up to its limit; of it ${name} at random`, (t) => {
    const { WebSocket, states, tick } = start(t);
    t.mock.method(Math, 'random', () => random);
    const ceilings = [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000];
    for (const ceiling of ceilings) {
      const attempts = WebSocket.sockets.length;
      WebSocket.last.lose();
      const last = states[states.length - 1];
      assert.equal(last.state, 'waiting');
      assert.equal(last.delayMs, Math.round(ceiling * random));
      if (last.delayMs > 1) tick(last.delayMs - 1);
      if (last.delayMs > 1) assert.equal(WebSocket.sockets.length, attempts, 'not too early');
      tick(1);
      assert.equal(WebSocket.sockets.length, attempts + 1);
    }
  });
}

test('the delay is random, between 0 and the ceiling', (t) => {
  const delays = new Set();
  fakeClock(t);
  for (let i = 0; i < 200; i++) {
    const WebSocket = fakeWebSocket();
    const pusher = new Pusher('ws://x/', { WebSocket });
    WebSocket.last.lose();
    pusher.watch((state, info) => delays.add(info.delayMs))();
    pusher.close();
  }
  assert.ok(delays.size > 50, 'spread');
  assert.ok(Math.min(...delays) >= 0 && Math.max(...delays) <= 1000);
});

test('a long connection resets the backoff, a short one does not', (t) => {
  const { WebSocket, states, tick } = start(t);
  t.mock.method(Math, 'random', () => 1);
  const loseAndWait = () => {
    WebSocket.last.lose();
    const { delayMs } = states[states.length - 1];
    tick(delayMs);
    return delayMs;
  };
  assert.equal(loseAndWait(), 1000);
  WebSocket.last.welcome();
  tick(9999);
  assert.equal(loseAndWait(), 2000);
  WebSocket.last.welcome();
  tick(10000);
  assert.equal(loseAndWait(), 1000);
});

test('reconnects after a clean close too', (t) => {
  const { WebSocket, states, tick } = opened(t);
  WebSocket.last.lose(1001, 'going away');
  const { delayMs, ...rest } = states[2];
  assert.deepEqual(rest, { state: 'waiting', code: 1001, reason: 'going away', wasClean: true, opened: true });
  tick(1000);
  assert.equal(WebSocket.sockets.length, 2);
});

test('error without close (Node) ends an attempt; once open, only close does', (t) => {
  const { WebSocket, states, tick } = start(t);
  WebSocket.last.onerror({});
  assert.deepEqual(named(states), ['connecting', 'waiting']);
  assert.deepEqual([states[1].code, states[1].opened], [1006, false]);
  tick(1000);
  WebSocket.last.welcome();
  WebSocket.last.onerror({});
  assert.equal(states[states.length - 1].state, 'open');
  WebSocket.last.onclose({ code: 1008, reason: 'no', wasClean: true });
  assert.equal(states[states.length - 1].code, 1008);
});

test('an attempt without WELCOME fails after 10 s', (t) => {
  const { WebSocket, states, tick } = start(t);
  WebSocket.last.open();
  tick(9999);
  assert.deepEqual(named(states), ['connecting']);
  tick(1);
  assert.equal(states[1].state, 'waiting');
  assert.match(states[1].reason, /WELCOME/);
  assert.equal(WebSocket.last.closed, true);
});

test('after a refusal the delay is longer, up to five minutes', (t) => {
  const { WebSocket, states, tick } = start(t);
  t.mock.method(Math, 'random', () => 0);
  for (const floor of [15000, 30000, 60000, 120000, 150000, 150000]) {
    WebSocket.last.welcome();
    WebSocket.last.lose(1008, 'publishing is not allowed');
    const last = states[states.length - 1];
    assert.equal(last.delayMs, floor);
    tick(floor);
  }
});

test('a server of another protocol is dropped, with the longer delay', (t) => {
  const { WebSocket, states } = start(t);
  WebSocket.last.open('');
  assert.equal(WebSocket.last.closed, true);
  assert.equal(states[1].state, 'waiting');
  assert.match(states[1].reason, /WAMP/);
  assert.ok(states[1].delayMs >= 15000 && states[1].delayMs <= 30000);
});

test('online again, or visible again: connects at once', (t) => {
  const { online, show, listeners } = withPage(t);
  const { pusher, WebSocket } = start(t);
  assert.equal(listeners(), 5);
  online();
  assert.equal(WebSocket.sockets.length, 1, 'not while connecting');
  WebSocket.last.lose();
  show('hidden');
  assert.equal(WebSocket.sockets.length, 1);
  show('visible');
  assert.equal(WebSocket.sockets.length, 2);
  WebSocket.last.lose();
  online();
  assert.equal(WebSocket.sockets.length, 3);
  WebSocket.last.welcome();
  online();
  assert.equal(WebSocket.sockets.length, 3, 'not while open, and a moment ago the server spoke');
  WebSocket.last.lose(1008);
  online();
  show('visible');
  assert.equal(WebSocket.sockets.length, 3, 'not when refused');
  pusher.close();
  online();
  assert.equal(WebSocket.sockets.length, 3, 'not when closed');
  assert.equal(listeners(), 0, 'the page is free of us');
});

test('a watcher may close the connection', (t) => {
  const { pusher, WebSocket } = start(t);
  pusher.watch((state) => { if (state === 'open') pusher.close(); });
  const states = [];
  pusher.watch((state) => states.push(state));
  WebSocket.last.welcome();
  assert.deepEqual(states, ['connecting', 'closed']);
});

test('watch can be undone', (t) => {
  const { pusher, WebSocket } = start(t);
  const states = [];
  const off = pusher.watch((state) => states.push(state));
  off();
  WebSocket.last.welcome();
  assert.deepEqual(states, ['connecting']);
});

test('garbage is ignored', (t) => {
  const { pusher, WebSocket, states } = opened(t);
  const heard = [];
  pusher.subscribe('cats', (event) => heard.push(event));
  const socket = WebSocket.last;
  for (const data of ['', 'no json', '{}', 'null', '7', '"x"', '[]', '[8]', '[8,"cats"]', '[8,7,7]', '[8,["cats"],1]',
    '[9,"cats",1]', '[-1]', '["8","cats",1]', '[0,"again",1,"x"]', '[3]', '[3,"nobody",1]', '[4,"nobody"]', '[3,{},1]',
    new ArrayBuffer(4), undefined, '\ufeff[8,"cats",1]']) {
    socket.raw(data);
  }
  assert.deepEqual(heard, []);
  assert.equal(pusher.sessionId, 'session-1');
  assert.deepEqual(named(states), ['connecting', 'open']);
  socket.say([8, 'cats', 'real', 'extra']);
  assert.deepEqual(heard, ['real']);
});

test('before WELCOME other messages are ignored', (t) => {
  const { pusher, WebSocket } = start(t);
  const heard = [];
  pusher.subscribe('cats', (event) => heard.push(event));
  WebSocket.last.open();
  for (const message of [[8, 'cats', 1], [0], [0, 7, 1, 'x'], [0, null]]) WebSocket.last.say(message);
  assert.equal(pusher.state, 'connecting');
  assert.deepEqual(heard, []);
});

test('close is final', (t) => {
  const { pusher, WebSocket, states, tick } = opened(t);
  pusher.subscribe('cats', () => assert.fail('closed'));
  const socket = WebSocket.last;
  pusher.close();
  pusher.close();
  assert.equal(socket.closed, true);
  socket.say([8, 'cats', 1]);
  socket.lose();
  tick(600000);
  assert.equal(WebSocket.sockets.length, 1);
  assert.deepEqual(states[2], { state: 'closed', code: 1000, reason: '', wasClean: true, opened: true });
  assert.deepEqual([pusher.sessionId, pusher.server], [null, null]);
});

test('close while waiting cancels the next attempt', (t) => {
  const { pusher, WebSocket, tick, states } = opened(t);
  WebSocket.last.lose();
  pusher.close();
  tick(600000);
  assert.equal(WebSocket.sockets.length, 1);
  assert.deepEqual(named(states), ['connecting', 'open', 'waiting', 'closed']);
});

test('without reconnect the first loss is final', (t) => {
  const { WebSocket, states, tick } = opened(t, { reconnect: false });
  WebSocket.last.lose(1006, '');
  tick(600000);
  assert.equal(WebSocket.sockets.length, 1);
  assert.deepEqual(states[2], { state: 'closed', code: 1006, reason: '', wasClean: false, opened: true });
});

test('an invalid address throws at once; later failures wait', (t) => {
  const { tick } = fakeClock(t);
  const WebSocket = fakeWebSocket();
  assert.throws(() => new Pusher('nonsense', { WebSocket }), SyntaxError);
  assert.throws(() => new Pusher(undefined, { WebSocket }), /which server/);
  let broken = false;
  class Moody extends WebSocket {
    constructor(...args) {
      if (broken) throw new Error('not now');
      super(...args);
    }
  }
  const pusher = new Pusher('http://push.test/x/', { WebSocket: Moody });
  assert.equal(pusher.url, 'ws://push.test/x/');
  broken = true;
  Moody.last.lose();
  tick(1000);
  assert.equal(pusher.state, 'waiting');
  broken = false;
  // The number of failures until now is random, so the delay is, too. 30 s is its maximum.
  for (let waited = 0; waited <= 30 && pusher.state === 'waiting'; waited += 1) tick(1000);
  assert.equal(pusher.state, 'connecting');
  pusher.close();
});
