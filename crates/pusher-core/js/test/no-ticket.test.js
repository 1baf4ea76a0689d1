'use strict';
// Pages that have no ticket, because nobody is logged in: the option, or its function, gives null.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { settled } = require('./fake-socket.js');
const { counter, renewing, ticketed } = require('./ticketed.js');

for (const none of ['', null, undefined]) {
  test(`the option ${JSON.stringify(none)} is no ticket`, async (t) => {
    const { listen, welcome } = await ticketed(t, { ticket: none });
    listen('news');
    assert.deepEqual((await welcome()).took(), [[5, 'news']]);
  });
}

for (const none of ['', null]) {
  test(`a function that gives ${JSON.stringify(none)} has none: public topics work, and it is asked again with the next connection`, async (t) => {
    let asked = 0;
    const { listen, welcome, again, took, tick } = await ticketed(t, { ticket: () => { asked++; return none; } });
    listen('news');
    assert.deepEqual((await welcome()).took(), [[5, 'news']]);
    tick(200000);
    await settled();
    assert.deepEqual([asked, took()], [1, []]);
    await again();
    assert.equal(asked, 2);
  });
}

/** A page that subscribes to "orders". Its function gave null, so the topic is denied, and the page was told. */
async function loggedOut(t) {
  const { calls, ticket, give, fail } = counter();
  const it = await ticketed(t, { ticket });
  it.listen('orders');
  const socket = await it.welcome();
  socket.say([12, 3600000]);
  await give(null);
  socket.say([11, 'orders', 'ticket_missing']);
  assert.deepEqual([it.took(), socket.took(), calls.length], [['denied orders ticket_missing'], [[5, 'orders']], 0]);
  return { ...it, calls, give, fail, socket };
}

for (const topic of ['orders', 'user.7']) {
  test(`a function that gave null is asked again if a later subscribe() of ${topic} is denied`, async (t) => {
    t.mock.method(Math, 'random', () => 1);
    const { socket, listen, calls, give, took, tick } = await loggedOut(t);
    listen(topic);
    assert.deepEqual([socket.took(), calls.length], [[[5, topic]], 0], 'the server may know the user by a cookie');
    socket.say([11, topic, 'ticket_missing']);
    assert.deepEqual([calls.length, took()], [1, []]);
    await give('of user 7');
    assert.deepEqual(socket.took(), [[13, 'of user 7']]);
    socket.say([13, 300000]);
    const denied = topic === 'orders' ? ['orders'] : ['orders', topic];
    assert.deepEqual(socket.took(), denied.map((each) => [5, each]));
    denied.forEach((each, i) => {
      socket.say([9, each, 'e1-10', true, 0]);
      socket.say([8, each, each, 11 + i]);
    });
    assert.deepEqual(took(), topic === 'orders' ? ['orders', 'orders'] : ['orders', 'user.7']);
    tick(255000);
    assert.equal(calls.length, 1, 'it is renewed');
  });
}

test('nobody is logged in: each later subscribe() of a denied topic is told, after one call of the function for all', async (t) => {
  const { socket, listen, calls, give, took, tick } = await loggedOut(t);
  for (let round = 0; round < 2; round++) {
    for (const topic of ['orders', 'user.7']) listen(topic);
    for (const topic of ['orders', 'user.7']) socket.say([11, topic, 'ticket_missing']);
    assert.deepEqual([calls.length, took()], [1, []]);
    await give(null);
    tick(200000);
    assert.deepEqual([took(), calls.length], [['denied orders ticket_missing', 'denied user.7 ticket_missing'], 0]);
  }
  assert.deepEqual(socket.took(), [[5, 'orders'], [5, 'user.7'], [5, 'orders'], [5, 'user.7']]);
});

test('a function that gave null is not asked again for an open topic, or for a denial that no subscribe() preceded', async (t) => {
  const { socket, listen, calls, took } = await loggedOut(t);
  socket.say([11, 'orders', 'ticket_revoked']);
  assert.deepEqual([calls.length, took()], [0, ['denied orders ticket_revoked']]);
  listen('news');
  socket.say([9, 'news', 'e1-10', true, 0]);
  assert.deepEqual([calls.length, took()], [0, []]);
});

test('a function that gave null, and then fails: both are told, and it is called again', async (t) => {
  t.mock.method(Math, 'random', () => 1);
  const { socket, listen, calls, fail, took, tick } = await loggedOut(t);
  listen('orders');
  socket.say([11, 'orders', 'ticket_missing']);
  await fail();
  assert.deepEqual(took(), ['denied null ticket_unavailable', 'denied orders ticket_missing']);
  tick(999);
  assert.equal(calls.length, 0);
  tick(1);
  assert.equal(calls.length, 1);
});

test('expired, and nobody is logged in: told', async (t) => {
  const { socket, give, tick, took, calls } = await renewing(t);
  tick(60000);
  socket.say([11, 'orders', 'ticket_expired']);
  await give(null);
  tick(100000);
  assert.deepEqual([took(), socket.took(), calls.length], [['denied orders ticket_expired'], [], 0]);
});
