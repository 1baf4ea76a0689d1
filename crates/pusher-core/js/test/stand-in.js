'use strict';
// A session of our autobahn.js with its own fake server, for the tests. Not a test itself.
const assert = require('node:assert/strict');
const vm = require('node:vm');
const ab = require('../autobahn.js');
const { fakeClock, fakeWebSocket } = require('./fake-socket.js');
const { served } = require('./served.js');

/** Loads our autobahn.js as a page does, with these globals. */
function load(globals) {
  const page = { console, ...globals };
  page.self = page;
  vm.runInNewContext(served('autobahn.js'), page);
  return page;
}

/** A session and its server; `told` has the arguments of onopen and onclose. */
function start(t, options) {
  const clock = fakeClock(t);
  const WebSocket = fakeWebSocket();
  const told = [];
  const session = new ab.Session('ws://x/', () => told.push('open'), (...args) => told.push(args), { WebSocket, ...options });
  t.after(() => session.close());
  return { session, socket: WebSocket.last, WebSocket, told, ...clock };
}

function opened(t, options) {
  const it = start(t, options);
  it.socket.welcome('sid');
  return it;
}

/** Returns the console output of `run`: lines, and the starts and ends of groups. */
function printed(t, run) {
  const lines = [];
  t.mock.method(console, 'log', (...items) => lines.push(...items));
  t.mock.method(console, 'group', (title) => lines.push(title, '{'));
  t.mock.method(console, 'groupEnd', () => lines.push('}'));
  run();
  t.mock.restoreAll();
  return lines;
}

const throws = (run, text) => assert.throws(run, (fault) => fault === text);

module.exports = { ab, load, opened, printed, start, throws };
