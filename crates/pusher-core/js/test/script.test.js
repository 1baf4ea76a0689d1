'use strict';
// Run with: node --test crates/pusher-core/js/test/*.test.js
const { test } = require('node:test');
const assert = require('node:assert/strict');
const vm = require('node:vm');
const zlib = require('node:zlib');
const Pusher = require('../pusher.js');
const { fakeWebSocket } = require('./fake-socket.js');
const { served } = require('./served.js');

// Loads the script as a page does: not as a module, with its address in document.currentScript.
for (const [src, url] of [
  ['http://host:8080/pusher.js', 'ws://host:8080/'],
  ['https://site.test/push/pusher.js', 'wss://site.test/push/'],
  ['https://site.test/pusher.js?v=2#x', 'wss://site.test/'],
  ['http://127.0.0.1:8080/autobahn.js', 'ws://127.0.0.1:8080/'],
  ['http://[::1]:8080/pusher.js', 'ws://[::1]:8080/'],
  ['https://site.test/bundle.js', null],
  ['https://site.test/x?/pusher.js', null],
]) {
  test(`the script's address ${src} gives ${url}`, () => {
    const WebSocket = fakeWebSocket();
    const document = Object.assign(new EventTarget(), { currentScript: { src } });
    const page = { document, WebSocket, setTimeout: () => 0, clearTimeout: () => {}, console };
    page.self = page;
    vm.runInNewContext(served('pusher.js'), page);
    if (!url) return assert.throws(() => vm.runInContext('new Pusher()', page), /which server/);
    vm.runInContext('new Pusher()', page);
    assert.equal(WebSocket.last.url, url);
  });
}

test('reports a missing WebSocket', () => {
  const saved = globalThis.WebSocket;
  delete globalThis.WebSocket;
  try {
    assert.throws(() => new Pusher('ws://x/'), /WebSocket is missing/);
  } finally {
    if (saved) globalThis.WebSocket = saved;
  }
});

for (const [name, bytesMax] of [['pusher.js', 10800], ['autobahn.js', 16200]]) {
  test(`${name}: under ${bytesMax} bytes gzipped`, () => {
    const size = zlib.gzipSync(served(name), { level: 9 }).length;
    assert.ok(size < bytesMax, `${size} bytes`);
  });
}
