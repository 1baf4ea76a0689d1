'use strict';
// A connection that may have died without a close, with a "wamp" server: Ratchet, an older pushd.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { opened, withPage } = require('./client.js');
const { dice } = require('./dice.js');

const named = (states) => states.map((each) => each.state);

/** Open and silent for a while, then online again: a second connection is being opened. */
function checked(t, options) {
  const page = withPage(t);
  const it = opened(t, options);
  const heard = [];
  it.pusher.subscribe('cats', (event) => heard.push(event));
  const old = it.WebSocket.last;
  old.took();
  it.tick(60000);
  page.online();
  it.tick(0);
  return { ...it, page, heard, old };
}

/** The same, after WELCOME on the second connection. */
function moving(t, options) {
  const it = checked(t, options);
  const fresh = it.WebSocket.last;
  assert.notEqual(fresh, it.old);
  fresh.welcome('session-2');
  return { ...it, fresh };
}

test('online again: opens a second connection, subscribes there, and drops the first', (t) => {
  const { pusher, states, tick, old, fresh, heard } = moving(t);
  assert.deepEqual(fresh.took(), [[5, 'cats']]);
  assert.equal(old.closed, false, 'make before break');
  assert.deepEqual(named(states), ['connecting', 'open', 'open'], 'told again: something may have been missed');
  assert.equal(pusher.sessionId, 'session-2');
  fresh.say([8, 'cats', 1]);
  tick(2000);
  assert.equal(old.closed, true);
  assert.deepEqual(heard, [1]);
  fresh.say([8, 'cats', 2]);
  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual([...old.took(), ...fresh.took()], [], 'neither CALL nor KEEPALIVE');
});

test('visible again: only after half a minute of silence', (t) => {
  const page = withPage(t);
  const { WebSocket, tick } = opened(t);
  tick(29999);
  page.show('visible');
  page.restored();
  page.resumed();
  tick(100000);
  assert.equal(WebSocket.sockets.length, 1);
  for (let i = 0; i < 100; i++) page.show('visible');
  tick(0);
  assert.equal(WebSocket.sockets.length, 2);
});

test('without an event of the page nothing is checked', (t) => {
  const { WebSocket, tick } = opened(t);
  tick(86400000);
  assert.equal(WebSocket.sockets.length, 1);
  assert.deepEqual(WebSocket.last.took(), []);
});

test('a message on the old connection shows that it is alive: the second is dropped', (t) => {
  const { WebSocket, states, old, heard, tick } = checked(t);
  old.say([8, 'cats', 1]);
  assert.equal(WebSocket.last.closed, true);
  WebSocket.last.welcome('session-2');
  tick(60000);
  assert.deepEqual(named(states), ['connecting', 'open']);
  assert.deepEqual(heard, [1]);
  assert.equal(old.closed, false);
});

for (const [how, fail] of [
  ['is refused', ({ WebSocket }) => WebSocket.last.lose()],
  ['gets no WELCOME', ({ WebSocket, tick }) => { WebSocket.last.open(); tick(10000); }],
  ['gets something else', ({ WebSocket, tick }) => { WebSocket.last.open(); WebSocket.last.say([0, 7]); tick(10000); }],
]) {
  test(`a second connection that ${how} changes nothing until the next event`, (t) => {
    const it = checked(t);
    fail(it);
    assert.equal(it.WebSocket.last.closed, true);
    it.tick(600000);
    assert.equal(it.WebSocket.sockets.length, 2);
    assert.deepEqual(named(it.states), ['connecting', 'open']);
    it.old.say([8, 'cats', 1]);
    assert.deepEqual(it.heard, [1]);
    it.tick(5000);
    it.page.online();
    it.tick(0);
    assert.equal(it.WebSocket.sockets.length, 3);
  });
}

test('the old connection is lost meanwhile: reconnects as usual, and drops the second', (t) => {
  const { WebSocket, old, states, tick } = checked(t);
  old.lose();
  assert.equal(WebSocket.last.closed, true);
  assert.deepEqual(named(states), ['connecting', 'open', 'waiting']);
  tick(1000);
  assert.equal(WebSocket.sockets.length, 3);
});

test('the new connection is lost at once: its events are delivered', (t) => {
  const { old, fresh, heard, states } = moving(t);
  fresh.say([8, 'cats', 1]);
  fresh.lose();
  assert.deepEqual(heard, [1]);
  assert.equal(old.closed, true);
  assert.equal(states.pop().state, 'waiting');
});

test('a flood of events ends the move early', (t) => {
  const { old, fresh, heard } = moving(t);
  for (let n = 0; n < 9998; n++) fresh.say([8, 'cats', n]);
  old.say([8, 'cats', 0]);
  fresh.say([8, 'cats', 9998]);
  assert.deepEqual([old.closed, heard.length], [false, 1]);
  fresh.say([8, 'cats', 9999]);
  assert.equal(old.closed, true);
  assert.deepEqual(heard, Array.from({ length: 10000 }, (_, n) => n));
});

test('a flood on the old connection ends the move early, without duplicates', (t) => {
  const { old, fresh, heard } = moving(t);
  const all = Array.from({ length: 10001 }, (_, n) => n);
  for (const n of all) if (!old.closed) old.say([8, 'cats', n]);
  assert.equal(old.closed, true);
  for (const n of all) fresh.say([8, 'cats', n]);
  assert.deepEqual(heard, all);
});

test('a handler may close as a flood ends the move', (t) => {
  const { pusher, fresh } = moving(t);
  const late = [];
  pusher.subscribe('dogs', (event) => { late.push(event); pusher.close(); });
  fresh.say([8, 'dogs', 1]);
  for (let n = 0; n < 9999; n++) fresh.say([8, 'cats', n]);
  fresh.say([8, 'dogs', 2]);
  assert.deepEqual(late, [1]);
});

test('close() while both are open closes both, and no handler is called after it', (t) => {
  const { pusher, old, fresh, heard, tick } = moving(t);
  fresh.say([8, 'cats', 1]);
  pusher.close();
  tick(600000);
  assert.deepEqual([old.closed, fresh.closed], [true, true]);
  assert.deepEqual(heard, []);
});

test('a handler may close as the held events are delivered', (t) => {
  const { pusher, fresh, tick } = moving(t);
  const late = [];
  pusher.subscribe('dogs', (event) => { late.push(event); pusher.close(); });
  fresh.say([8, 'dogs', 1]);
  fresh.say([8, 'dogs', 2]);
  tick(2000);
  assert.deepEqual(late, [1]);
});

test('calls of the old connection fail at its end, calls of the new one continue', async (t) => {
  const page = withPage(t);
  const { pusher, WebSocket, tick } = opened(t, { callDeadlineMs: 0 });
  const [answered, lost] = [pusher.call('a'), pusher.call('b')];
  tick(60000);
  page.online();
  tick(0);
  const old = WebSocket.sockets[0], fresh = WebSocket.last;
  fresh.welcome('session-2');
  const next = pusher.call('c');
  assert.deepEqual(fresh.took(), [[2, '3', 'c']]);
  old.say([3, '1', 'one']);
  tick(2000);
  fresh.say([3, '3', 'three']);
  assert.equal(await answered, 'one');
  assert.equal(await next, 'three');
  await assert.rejects(lost, { message: 'connection lost' });
});

test('publish excludes both sessions while both are open', (t) => {
  const { pusher, fresh, tick } = moving(t);
  fresh.took();
  pusher.publish('cats', 1, { excludeMe: true });
  pusher.publish('cats', 1, { excludeMe: true, exclude: ['x'] });
  tick(4000);
  pusher.publish('cats', 1, { excludeMe: true });
  const both = ['session-2', 'session-1'];
  assert.deepEqual(fresh.took(), [[7, 'cats', 1, both], [7, 'cats', 1, ['x', ...both]], [7, 'cats', 1, true]]);
});

test('without reconnect there is no second connection, because the session would change', (t) => {
  const page = withPage(t);
  const { WebSocket, tick } = opened(t, { reconnect: false });
  tick(60000);
  page.online();
  tick(600000);
  assert.equal(WebSocket.sockets.length, 1);
});

// Each connection brings all events since its subscription, in order, each with its own delay.
for (const oldIsDead of [false, true]) {
  test(`each event once and in order, whichever connection is faster; the old one ${oldIsDead ? 'dead' : 'alive'}`, (t) => {
    for (let seed = 1; seed <= 200; seed++) {
      const roll = dice(seed);
      const { old, fresh, heard, tick, pusher } = moving(t);
      const subscribedMs = roll(100); // the server has handled SUBSCRIBE
      const published = [], arrivals = [];
      const last = [0, 0];
      for (let ms = roll(50); ms < 6000; ms += 1 + roll(200)) {
        // Some events occur twice with the same bytes, but not just before SUBSCRIBE is handled.
        const event = ms > 300 && roll(4) === 0 ? 'twin' : ms;
        if (ms >= subscribedMs || !oldIsDead) published.push(event);
        [old, fresh].forEach((socket, which) => {
          if (socket === old ? oldIsDead : ms < subscribedMs) return;
          last[which] = Math.max(last[which], ms + roll(150));
          arrivals.push({ at: last[which], socket, event });
        });
      }
      arrivals.sort((a, b) => a.at - b.at);
      let now = 0;
      for (const { at, socket, event } of arrivals) {
        tick(at - now);
        now = at;
        socket.say([8, 'cats', event]);
      }
      assert.deepEqual(heard, published, `seed ${seed}`);
      pusher.close();
    }
  });
}
