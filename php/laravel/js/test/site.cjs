'use strict';
// laravel-echo with the connector, a server that is the test, and a site that answers as PushdBroadcaster does. Not a
// test itself.
const { pathToFileURL } = require('node:url');
const Pusher = require('../../../../crates/pusher-core/js/pusher.js');
const { fakeClock, fakeWebSocket } = require('../../../../crates/pusher-core/js/test/fake-socket.js');

// Its file for require() does not load in Node.
const installed = process.env.LARAVEL_ECHO ? pathToFileURL(process.env.LARAVEL_ECHO).href : 'laravel-echo';

/**
 * Starts Echo. `requests` has what the site was asked. `site.answer(channels)` returns the status and the body of its
 * next answers; by default everything is allowed.
 */
async function start(t, options) {
  const { default: Echo } = await import(installed);
  const { default: broadcaster } = await import('../echo.js');
  const clock = fakeClock(t);
  /** Lets promises settle, and timers of 0 ms. */
  const settled = async () => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
    clock.tick(0);
  };
  const WebSocket = fakeWebSocket();
  const site = { requests: [], answer: () => ({ status: 200, body: { ticket: `ticket ${site.requests.length}`, denied: [] } }) };
  t.mock.method(globalThis, 'fetch', async (url, request) => {
    const body = JSON.parse(request.body);
    site.requests.push({ url, ...request, body });
    const { status, body: answer } = site.answer(body.channels);
    return { ok: status === 200, status, json: async () => answer };
  });
  const echo = new Echo({ broadcaster, Pusher, url: 'ws://push.test/', pusher: { WebSocket }, ...options });
  t.after(() => echo.disconnect());
  const welcome = async (protocol = 'pushd.1') => {
    WebSocket.last.welcome('session-1', protocol);
    await settled();
    return WebSocket.last;
  };
  return { echo, site, WebSocket, welcome, settled };
}

/** The same, connected. */
async function opened(t, options) {
  const it = await start(t, options);
  const socket = await it.welcome();
  socket.took();
  return { ...it, socket };
}

/** What the server sends when a subscription has begun. */
const begun = (socket, topic, position = 'e1-10') => socket.say([9, topic, position, true, 0]);

module.exports = { start, opened, begun };
