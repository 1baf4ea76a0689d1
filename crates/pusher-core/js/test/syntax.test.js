'use strict';
// The scripts parse and load in the environments that README.md lists.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { fakeWebSocket } = require('./fake-socket.js');
const { served, source } = require('./served.js');

const root = path.join(__dirname, '../../../..');

function acorn() {
  // Debian's package node-acorn. Node's search path does not always include its folder.
  for (const name of ['acorn', '/usr/share/nodejs/acorn']) {
    try {
      return require(name);
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error('the parser acorn is missing: apt install node-acorn');
}

const BLOG = 'php/blog/public';
const ofBlog = fs.readdirSync(path.join(root, BLOG)).filter((name) => name.endsWith('.js'));

// The scripts of our pages: async functions are ES2017. Those of the blog are modules.
for (const [file, ecmaVersion, sourceType = 'script'] of [
  ['crates/pusher-core/js/pusher.js', 2015],
  ['crates/pusher-core/js/topics.js', 2015],
  ['crates/pusher-core/js/tickets.js', 2015],
  ['crates/pusher-core/js/liveness.js', 2015],
  ['crates/pusher-core/js/presence.js', 2015],
  ['crates/pusher-core/js/pusher-sse.js', 2015],
  ['crates/pusher-core/js/autobahn.js', 2015],
  ['php/wordpress/assets/live.js', 2017],
  ...ofBlog.map((name) => [`${BLOG}/${name}`, 2017, 'module']),
]) {
  test(`${file} is ECMAScript ${ecmaVersion}`, () => {
    const code = fs.readFileSync(path.join(root, file), 'utf8');
    const { parse } = acorn();
    parse(code, { ecmaVersion, sourceType });
    assert.throws(() => parse(code + '\na?.b;', { ecmaVersion, sourceType }), SyntaxError, 'the parser sees what is newer');
    if (ecmaVersion > 2015) return;
    const newer = /\.(includes|entries|values|flat|flatMap|at|padStart|replaceAll|allSettled|fromEntries|matchAll)\(/;
    assert.doesNotMatch(code, newer, 'built-ins of ECMAScript 2015');
  });
}

// Globals of each environment: `module` means CommonJS, `self` and `document` mean a page.
for (const [where, globals] of [
  ['Deno, or an ES module', { self: true }],
  ['a worker', { self: true, importScripts() {}, location: { href: 'http://site.test/worker.js' } }],
  ['a module in a page, where currentScript is null', { self: true, document: { currentScript: null, addEventListener() {} } }],
  ['Node before it has self', { module: true }],
  ['Bun', { self: true, module: true }],
]) {
  test(`${where}: loads, and requires an address`, () => {
    const WebSocket = fakeWebSocket();
    const world = { console, WebSocket, setTimeout: () => 0, clearTimeout() {}, ...globals };
    if (globals.self) world.self = world;
    if (globals.module) world.module = { exports: {} };
    vm.runInNewContext(served('pusher.js'), world);
    const Pusher = globals.module ? world.module.exports : world.Pusher;
    assert.throws(() => new Pusher(), /which server\? Give its address/);
    assert.equal(new Pusher('http://push.test/').url, 'ws://push.test/');
    assert.equal(WebSocket.sockets.length, 1);
    vm.runInContext(source('autobahn.js'), world);
    const ab = globals.module ? world.module.exports : world.ab;
    assert.equal(ab.version(), '0.8.2');
  });
}

test('autobahn.js without pusher.js names the missing script', () => {
  const page = {};
  page.self = page;
  assert.throws(() => vm.runInNewContext(source('autobahn.js'), page), /load pusher\.js first/);
});
