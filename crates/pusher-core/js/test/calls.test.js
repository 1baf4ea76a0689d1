'use strict';
// Run with: node --test crates/pusher-core/js/test/*.test.js
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { start, opened } = require('./client.js');

test('calls: result, error with details, ids as strings or numbers', async (t) => {
  const { pusher, WebSocket } = opened(t);
  const socket = WebSocket.last;
  const sum = pusher.call('http://calc/add', 1, [2, 3], undefined);
  const failed = pusher.call('http://calc/div', 1, 0);
  const plain = pusher.call('http://calc/x');
  const nothing = pusher.call('http://calc/y');
  assert.deepEqual(socket.took(), [
    [2, '1', 'http://calc/add', 1, [2, 3], null], [2, '2', 'http://calc/div', 1, 0],
    [2, '3', 'http://calc/x'], [2, '4', 'http://calc/y'],
  ]);
  socket.say([4, '2', 'http://calc/error#zero', 'division by zero', { by: 0 }]);
  socket.say([3, '1', 6]);
  socket.say([4, 3, 'http://calc/error', 'no']);
  socket.say([3, '4', null]);
  socket.say([3, '1', 'twice']);
  assert.equal(await sum, 6);
  assert.equal(await nothing, null);
  await assert.rejects(failed, (error) => {
    assert.ok(error instanceof Error);
    assert.deepEqual([error.message, error.uri, error.description, error.details],
      ['division by zero', 'http://calc/error#zero', 'division by zero', { by: 0 }]);
    return true;
  });
  await assert.rejects(plain, { uri: 'http://calc/error', details: undefined });
});

test('calls reject at the end of the connection, at close(), at their deadline, and while not open', async (t) => {
  const { pusher, WebSocket, tick } = start(t);
  await assert.rejects(pusher.call('p'), { message: 'not connected', uri: null });
  WebSocket.last.welcome();
  const lost = pusher.call('p');
  WebSocket.last.lose();
  await assert.rejects(lost, { message: 'connection lost', uri: null });
  tick(1000);
  WebSocket.last.welcome();
  const late = pusher.call('p');
  tick(60000);
  await assert.rejects(late, { message: /no answer in 60000 ms/, uri: null });
  const closed = pusher.call('p');
  pusher.close();
  await assert.rejects(closed, { message: 'connection lost' });
});

test('an answered call leaves no timer, which would keep a Node process alive', async (t) => {
  const { pusher, WebSocket } = opened(t);
  const cleared = t.mock.method(globalThis, 'clearTimeout');
  const call = pusher.call('p');
  WebSocket.last.say([3, '1', 0]);
  await call;
  assert.equal(cleared.mock.callCount(), 1);
});

test('1000 calls may be pending; the 1001st is refused until an answer arrives', async (t) => {
  const { pusher, WebSocket } = opened(t);
  const calls = Array.from({ length: 1000 }, () => pusher.call('p'));
  await assert.rejects(pusher.call('p'), { message: 'too many calls pending' });
  assert.equal(WebSocket.last.took().length, 1000);
  WebSocket.last.say([3, '1', 'one']);
  assert.equal(await calls[0], 'one');
  const next = pusher.call('p');
  WebSocket.last.say([3, '1001', 'next']);
  assert.equal(await next, 'next');
  pusher.close();
  const rest = await Promise.allSettled(calls);
  assert.equal(rest.filter((each) => each.status === 'rejected').length, 999);
});

test('arguments that JSON cannot carry reject, and leave nothing pending', async (t) => {
  const { pusher, WebSocket } = opened(t);
  await assert.rejects(pusher.call('p', 1n), TypeError);
  await assert.rejects(pusher.call({}), TypeError);
  assert.deepEqual(WebSocket.last.took(), []);
});
