'use strict';
// A client with its own fake server, for the tests.
const Pusher = require('../pusher.js');
const { fakeClock, fakeWebSocket } = require('./fake-socket.js');

/** A client with its fake server; `states` has the states reported by watch(). */
function start(t, options) {
  const clock = fakeClock(t);
  const WebSocket = fakeWebSocket();
  const pusher = new Pusher('ws://push.test/', { WebSocket, ...options });
  t.after(() => pusher.close());
  const states = [];
  pusher.watch((state, info) => states.push({ state, ...info }));
  return { pusher, WebSocket, states, ...clock };
}

function opened(t, options) {
  const it = start(t, options);
  it.WebSocket.last.welcome();
  return it;
}

/** The browser's events, for clients that are created in the callback. */
function withPage(t) {
  const page = new EventTarget();
  const document = new EventTarget();
  document.visibilityState = 'visible';
  let listeners = 0;
  const counted = (target, method, step) => function (...args) {
    listeners += step;
    EventTarget.prototype[method].apply(target, args);
  };
  for (const [method, step] of [['addEventListener', 1], ['removeEventListener', -1]]) {
    globalThis[method] = counted(page, method, step);
    document[method] = counted(document, method, step);
  }
  globalThis.document = document;
  t.after(() => ['addEventListener', 'removeEventListener', 'document'].forEach((name) => delete globalThis[name]));
  const show = (state) => {
    document.visibilityState = state;
    document.dispatchEvent(new Event('visibilitychange'));
  };
  return {
    online: () => page.dispatchEvent(new Event('online')),
    restored: () => page.dispatchEvent(new Event('pageshow')),
    left: () => page.dispatchEvent(new Event('pagehide')),
    resumed: () => document.dispatchEvent(new Event('resume')),
    show,
    listeners: () => listeners,
  };
}

module.exports = { start, opened, withPage };
