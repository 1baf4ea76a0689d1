'use strict';
// A client with a server of its own, for the tests.
const Pusher = require('../pusher.js');
const { fakeClock, fakeWebSocket } = require('./fake-socket.js');

/** A client with its fake server; `states` is what watch() told. */
function start(t, options) {
  const { tick } = fakeClock(t);
  const WebSocket = fakeWebSocket();
  const pusher = new Pusher('ws://push.test/', { WebSocket, ...options });
  t.after(() => pusher.close());
  const states = [];
  pusher.watch((state, info) => states.push({ state, ...info }));
  return { pusher, WebSocket, states, tick };
}

function opened(t, options) {
  const it = start(t, options);
  it.WebSocket.last.welcome();
  return it;
}

module.exports = { start, opened };
