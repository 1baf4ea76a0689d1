'use strict';
// Public channels, events and the connection.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { start, opened, begun } = require('./site.cjs');

test('a public channel needs no ticket, and gets events by their names', async (t) => {
  const { echo, site, socket } = await opened(t);
  const heard = [];
  echo.channel('kittens')
    .listen('Posted', (data) => heard.push(['Posted', data]))
    .listen('Shop\\Sold', (data) => heard.push(['Sold', data]))
    .listen('.born', (data) => heard.push(['born', data]))
    .listen('\\Other\\Event', (data) => heard.push(['Other', data]));
  assert.deepEqual(socket.took(), [[5, 'kittens']]);
  begun(socket, 'kittens');
  ['App\\Events\\Posted', 'App\\Events\\Shop\\Sold', 'born', 'Other\\Event', 'Posted'].forEach((event, n) => {
    socket.say([8, 'kittens', { event, data: { n } }, 11 + n]);
  });
  assert.deepEqual(heard, [['Posted', { n: 0 }], ['Sold', { n: 1 }], ['born', { n: 2 }], ['Other', { n: 3 }]]);
  assert.deepEqual(site.requests, []);
});

test('echo.listen(), another namespace, and none', async (t) => {
  for (const [namespace, event] of [['Shop.Events', 'Shop\\Events\\Sold'], [false, 'Sold']]) {
    const { echo, socket } = await opened(t, { namespace });
    const heard = [];
    echo.listen('shop', 'Sold', (data) => heard.push(data));
    begun(socket, 'shop');
    socket.say([8, 'shop', { event, data: 1 }, 11]);
    assert.deepEqual(heard, [1]);
  }
});

test('an event of another publisher is "message", and names of the connector are no events', async (t) => {
  const { echo, socket } = await opened(t);
  const heard = [];
  const channel = echo.channel('kittens').listen('.message', (data) => heard.push(data));
  channel.listenToAll((event) => heard.push(event)).subscribed(() => heard.push('subscribed')).error(() => heard.push('error'));
  begun(socket, 'kittens');
  const events = [{ title: 'x' }, 7, null, ['a'], { event: 'a', data: 1, more: 2 }, { event: 'a' }, { event: 1, data: 2 }];
  events.forEach((event, n) => socket.say([8, 'kittens', event, 11 + n]));
  assert.deepEqual(heard.splice(0), ['subscribed', ...events.flatMap((event) => [event, '.message'])]);
  socket.say([8, 'kittens', { event: 'pusher:subscription_error', data: {}, user_id: '7' }, 20]);
  socket.say([8, 'kittens', { event: 'App\\Events\\Posted', data: {} }, 21]);
  assert.deepEqual(heard, ['.pusher:subscription_error', 'Posted']);
});

test('a callback that throws is reported, and the others are called', async (t) => {
  const { echo, socket } = await opened(t);
  const reported = t.mock.method(console, 'error', () => {});
  const heard = [];
  echo.channel('kittens').listen('.a', () => { throw new Error('broken'); }).listen('.a', (data) => heard.push(data));
  begun(socket, 'kittens');
  socket.say([8, 'kittens', { event: 'a', data: 1 }, 11]);
  assert.deepEqual([heard, reported.mock.callCount()], [[1], 1]);
});

test('stopListening() of one callback, of an event, and of everything', async (t) => {
  const { echo, socket } = await opened(t);
  const heard = [], one = () => heard.push('one'), two = () => heard.push('two'), all = () => heard.push('all');
  const channel = echo.channel('kittens').listen('.a', one).listen('.a', two).listenToAll(all);
  begun(socket, 'kittens');
  let sequence = 10;
  const say = () => {
    socket.say([8, 'kittens', { event: 'a', data: 1 }, ++sequence]);
    return heard.splice(0);
  };
  assert.deepEqual(say(), ['one', 'two', 'all']);
  channel.stopListening('.a', one);
  assert.deepEqual(say(), ['two', 'all']);
  channel.stopListening('.a');
  assert.deepEqual(say(), ['all']);
  channel.stopListeningToAll(all);
  assert.deepEqual(say(), []);
  channel.listenToAll(all).stopListeningToAll().stopListening('.unknown', one);
  assert.deepEqual(say(), []);
});

test('notifications', async (t) => {
  const { echo, socket } = await opened(t);
  const heard = [], note = (data) => heard.push(data.id);
  const channel = echo.channel('App.Models.User.7').notification(note);
  begun(socket, 'App.Models.User.7');
  const event = 'Illuminate\\Notifications\\Events\\BroadcastNotificationCreated';
  socket.say([8, 'App.Models.User.7', { event, data: { id: 1 } }, 11]);
  channel.stopListeningForNotification(note);
  socket.say([8, 'App.Models.User.7', { event, data: { id: 2 } }, 12]);
  assert.deepEqual(heard, [1]);
});

test('subscribed() after the beginning, and again only if events are missing', async (t) => {
  const { echo, socket } = await opened(t);
  let count = 0;
  echo.channel('kittens').subscribed(() => count++);
  assert.equal(count, 0);
  begun(socket, 'kittens');
  assert.equal(count, 1);
  socket.say([10, 'kittens', 'e1-30']);
  assert.equal(count, 2);
});

test('leaving ends all kinds of a channel; joining again subscribes again', async (t) => {
  const { echo, socket, settled } = await opened(t);
  echo.channel('a');
  assert.equal(echo.channel('a'), echo.channel('a'));
  begun(socket, 'a');
  echo.private('a');
  await settled();
  begun(socket, 'private-a');
  socket.took();
  echo.leave('a');
  assert.deepEqual(socket.took(), [[6, 'a'], [6, 'private-a']]);
  echo.channel('a');
  assert.deepEqual(socket.took(), [[5, 'a']]);
  echo.leaveAllChannels();
  assert.deepEqual(Object.keys(echo.connector.channels), []);
});

test('the status of the connection, and the socket id', async (t) => {
  const { echo, WebSocket, welcome } = await start(t, {});
  const seen = [];
  const off = echo.connector.onConnectionChange((status) => seen.push(status));
  assert.deepEqual([echo.connectionStatus(), echo.socketId()], ['connecting', undefined]);
  await welcome();
  assert.deepEqual([echo.connectionStatus(), echo.socketId()], ['connected', 'session-1']);
  WebSocket.last.lose();
  assert.deepEqual([echo.connectionStatus(), echo.socketId()], ['reconnecting', undefined]);
  echo.disconnect();
  off();
  assert.deepEqual(seen, ['connected', 'reconnecting', 'disconnected']);
});

test('without pusher.js, and with another library of the name, the error says so', async () => {
  const { default: Connector } = await import('../echo.js');
  for (const Other of [undefined, class {}]) {
    assert.throws(() => new Connector({ Pusher: Other }), /pusher\.js of pushd is missing/);
  }
});
