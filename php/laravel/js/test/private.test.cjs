'use strict';
// Private and presence channels: tickets of the site.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { start, opened, begun } = require('./site.cjs');

test('one ticket for all private channels of a page, before they are subscribed', async (t) => {
  const { echo, site, welcome } = await start(t);
  echo.private('orders.1');
  echo.private('orders.2');
  const socket = await welcome();
  assert.deepEqual(site.requests.map((request) => request.body), [{ channels: ['private-orders.1', 'private-orders.2'] }]);
  assert.deepEqual(socket.took(), [[13, 'ticket 1'], [5, 'private-orders.1'], [5, 'private-orders.2']]);
});

test('channels that are joined later get another ticket, together', async (t) => {
  const { echo, site, socket, settled } = await opened(t);
  const heard = [];
  echo.private('a').listen('.x', (data) => heard.push(data));
  echo.private('b');
  assert.deepEqual(socket.took(), []);
  await settled();
  assert.deepEqual(site.requests.map((request) => request.body.channels), [['private-a', 'private-b']]);
  assert.deepEqual(socket.took(), [[13, 'ticket 1'], [5, 'private-a'], [5, 'private-b']]);
  socket.say([13, 300000]);
  begun(socket, 'private-a');
  socket.say([8, 'private-a', { event: 'x', data: 1 }, 11]);
  assert.deepEqual(heard, [1]);
  echo.private('c');
  await settled();
  assert.deepEqual(site.requests[1].body.channels, ['private-a', 'private-b', 'private-c']);
  assert.deepEqual(socket.took(), [[13, 'ticket 2'], [5, 'private-c']]);
});

test('the request has the headers of Echo', async (t) => {
  const page = { querySelector: () => ({ getAttribute: () => 'of the page' }), addEventListener() {}, removeEventListener() {} };
  globalThis.document = page;
  t.after(() => { delete globalThis.document; });
  const cases = [
    [{}, { 'X-CSRF-TOKEN': 'of the page' }, '/broadcasting/auth', 'same-origin'],
    [{ csrfToken: 'c', bearerToken: 'b', authEndpoint: '/mine', withCredentials: true, auth: { headers: { 'X-My': '1' } } },
      { 'X-CSRF-TOKEN': 'c', Authorization: 'Bearer b', 'X-My': '1' }, '/mine', 'include'],
  ];
  for (const [options, headers, url, credentials] of cases) {
    const { echo, site, settled } = await opened(t, options);
    echo.private('a');
    await settled();
    const asked = site.requests[0];
    assert.deepEqual([asked.url, asked.method, asked.credentials], [url, 'POST', credentials]);
    assert.deepEqual(asked.headers, { Accept: 'application/json', 'Content-Type': 'application/json', ...headers });
  }
});

test('a denied channel has an error, is not subscribed, and does not disturb the others', async (t) => {
  const { echo, site, socket, settled } = await opened(t);
  site.answer = () => ({ status: 200, body: { ticket: 'for a', denied: ['private-b'] } });
  const errors = [];
  echo.private('a').error((error) => errors.push(['a', error.status]));
  echo.private('b').error((error) => errors.push(['b', error.status, error.type]));
  await settled();
  assert.deepEqual(socket.took(), [[13, 'for a'], [5, 'private-a']]);
  assert.deepEqual(errors, [['b', 403, 'AuthError']]);
  // The next ticket asks for it again, and the page has been told.
  echo.private('c');
  await settled();
  assert.deepEqual(site.requests[1].body.channels, ['private-a', 'private-b', 'private-c']);
  assert.equal(errors.length, 1);
  site.answer = () => ({ status: 200, body: { ticket: 'for all', denied: [] } });
  echo.connector.pusher.renewTicket();
  await settled();
  assert.deepEqual(socket.took().slice(-2), [[13, 'for all'], [5, 'private-b']]);
});

test('nobody is logged in: errors with the status, and no ticket', async (t) => {
  const { echo, site, socket, settled } = await opened(t);
  for (const status of [401, 403, 419]) {
    site.answer = () => ({ status });
    const errors = [];
    echo.private(`of ${status}`).error((error) => errors.push(error.status));
    await settled();
    assert.deepEqual([errors, socket.took()], [[status], []]);
  }
});

test('a site that fails is asked again, and the page hears of it', async (t) => {
  const { echo, site, WebSocket, welcome, settled } = await start(t);
  t.mock.method(console, 'error', () => {});
  site.answer = () => ({ status: 500 });
  const errors = [];
  echo.private('a').error((error) => errors.push(error.error));
  const socket = await welcome();
  assert.deepEqual([errors, socket.took()], [['ticket_unavailable'], []]);
  site.answer = () => ({ status: 200, body: { ticket: 'good', denied: [] } });
  echo.connector.pusher.renewTicket();
  await settled();
  assert.deepEqual(WebSocket.last.took(), [[13, 'good'], [5, 'private-a']]);
});

test('pushd refuses or ends a subscription: an error with the code', async (t) => {
  const { echo, socket, settled } = await opened(t);
  const errors = [];
  echo.private('a').error((error) => errors.push(error));
  await settled();
  socket.say([13, 300000]);
  begun(socket, 'private-a');
  socket.say([11, 'private-a', 'ticket_revoked']);
  assert.deepEqual(errors, [{ type: 'AuthError', error: 'ticket_revoked', status: 403 }]);
});

test('a channel that was left while the site answered stays left', async (t) => {
  const { echo, socket, settled } = await opened(t);
  echo.private('a');
  await Promise.resolve();
  echo.leave('a');
  await settled();
  assert.deepEqual(socket.took().filter((message) => message[0] === 5), []);
});

test('presence: who is here, who joins, who leaves', async (t) => {
  const { echo, socket, settled } = await opened(t);
  const heard = [];
  const note = (name) => (value) => heard.push([name, value]);
  echo.join('chat').here(note('here')).joining(note('joining')).leaving(note('leaving')).count(note('count'));
  await settled();
  assert.deepEqual(socket.took(), [[13, 'ticket 1'], [5, 'presence-chat'], [5, 'pushd:presence:presence-chat']]);
  begun(socket, 'presence-chat');
  begun(socket, 'pushd:presence:presence-chat');
  const say = (event) => socket.say([8, 'pushd:presence:presence-chat', event]);
  say({ here: [{ sub: '7', info: { name: 'Ann' } }, { sub: '9' }], count: 2 });
  say({ joined: { sub: '12', info: { name: 'Bo' } }, count: 3 });
  say({ left: { sub: '7' }, count: 2 });
  say({ left: { sub: '12' }, count: 1 });
  say({ left: { sub: '9' }, count: 0 });
  assert.deepEqual(heard, [
    ['here', [{ name: 'Ann' }, { id: '9' }]], ['count', 2], ['joining', { name: 'Bo' }], ['count', 3],
    ['leaving', { name: 'Ann' }], ['count', 2], ['leaving', { name: 'Bo' }], ['count', 1], ['leaving', { id: '9' }], ['count', 0],
  ]);
  socket.took();
  echo.leave('chat');
  assert.deepEqual(socket.took(), [[6, 'presence-chat'], [6, 'pushd:presence:presence-chat']]);
});

test('presence without presence in pushd is one error', async (t) => {
  const { echo, socket, settled } = await opened(t);
  const errors = [];
  echo.join('chat').error((error) => errors.push(error.error));
  await settled();
  socket.say([13, 300000]); // the ticket is accepted
  begun(socket, 'presence-chat');
  socket.say([11, 'pushd:presence:presence-chat', 'presence_off']);
  assert.deepEqual(errors, ['presence_off']);
});

test('whispers: heard always, sent only with the option', async (t) => {
  const silent = await opened(t);
  assert.throws(() => silent.echo.private('chat').whisper('typing', {}), /client-publish/);
  const { echo, socket, settled } = await opened(t, { whispers: true });
  const heard = [], note = (data) => heard.push(data);
  const channel = echo.private('chat').listenForWhisper('typing', note);
  await settled();
  begun(socket, 'private-chat');
  socket.took();
  assert.equal(channel.whisper('typing', { name: 'Ann' }), channel);
  assert.deepEqual(socket.took(), [[7, 'private-chat', { event: 'client-typing', data: { name: 'Ann' } }, true]]);
  socket.say([8, 'private-chat', { event: 'client-typing', data: { name: 'Bo' } }, 11]);
  channel.stopListeningForWhisper('typing', note);
  socket.say([8, 'private-chat', { event: 'client-typing', data: { name: 'Cy' } }, 12]);
  assert.deepEqual(heard, [{ name: 'Bo' }]);
});
