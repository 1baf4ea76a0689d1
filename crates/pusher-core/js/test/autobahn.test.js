'use strict';
// autobahn.js must behave like version 0.7/0.8, for pages that were written for that.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const vm = require('node:vm');
const ab = require('../autobahn.js');
const { fakeClock, fakeWebSocket, settled } = require('./fake-socket.js');
const { served } = require('./served.js');

/** A session that records its onopen and onclose in `told`. */
function start(t, options) {
  const { tick } = fakeClock(t);
  const WebSocket = fakeWebSocket();
  const told = [];
  const session = new ab.Session('ws://push.test/', () => told.push('open'), (...args) => told.push(args),
    { WebSocket, skipSubprotocolCheck: true, ...options });
  t.after(() => session.close());
  return { session, WebSocket, told, tick };
}

function opened(t) {
  const it = start(t);
  it.WebSocket.last.welcome('sid');
  return it;
}

test('codes and version', () => {
  assert.deepEqual([ab.CONNECTION_CLOSED, ab.CONNECTION_LOST, ab.CONNECTION_RETRIES_EXCEEDED, ab.CONNECTION_UNREACHABLE,
    ab.CONNECTION_UNSUPPORTED, ab.CONNECTION_UNREACHABLE_SCHEDULED_RECONNECT, ab.CONNECTION_LOST_SCHEDULED_RECONNECT],
  [0, 1, 2, 3, 4, 5, 6]);
  assert.match(ab.version(), /^0\.8\./);
});

test('the recipe\'s page: onopen at WELCOME, callback(topic, event)', (t) => {
  const { session, WebSocket, told } = start(t);
  const heard = [];
  WebSocket.last.open();
  assert.deepEqual(told, []);
  assert.throws(() => session.subscribe('cats', () => {}), (fault) => fault === 'Autobahn not connected');
  WebSocket.last.say([0, 'sid', 1, 'x']);
  assert.deepEqual(told, ['open']);
  assert.equal(session.sessionid(), 'sid');
  assert.equal(session.wsuri(), 'ws://push.test/');
  session.subscribe('kittensCategory', (topic, data) => heard.push([topic, data.title]));
  WebSocket.last.say([8, 'kittensCategory', { title: '新着' }]);
  assert.deepEqual(heard, [['kittensCategory', '新着']]);
  assert.deepEqual(WebSocket.last.took(), [[5, 'kittensCategory']]);
});

test('subscribe and unsubscribe throw as in v1', (t) => {
  const { session, WebSocket } = opened(t);
  const heard = [];
  const first = () => heard.push('first'), second = () => heard.push('second');
  session.prefix('e', 'http://e/');
  session.subscribe('e:cats', first);
  session.subscribe('http://e/cats', second);
  assert.throws(() => session.subscribe('e:cats', first), (fault) => /already subscribed for topic http:\/\/e\/cats/.test(fault));
  assert.throws(() => session.unsubscribe('dogs'), (fault) => fault === 'not subscribed to topic dogs');
  assert.throws(() => session.unsubscribe('e:cats', () => {}), (fault) => /^no callback/.test(fault));
  WebSocket.last.say([8, 'http://e/cats', 1]);
  session.unsubscribe('e:cats', first);
  WebSocket.last.say([8, 'http://e/cats', 1]);
  session.unsubscribe('e:cats');
  WebSocket.last.say([8, 'http://e/cats', 1]);
  assert.deepEqual(heard, ['first', 'second', 'second']);
  assert.throws(() => session.unsubscribe('e:cats'), (fault) => /^not subscribed/.test(fault));
  session.subscribe('toString', () => heard.push('odd'));
  WebSocket.last.say([8, 'toString', 1]);
  assert.equal(heard.pop(), 'odd');
  assert.deepEqual(WebSocket.last.took(), [[1, 'e', 'http://e/'], [5, 'http://e/cats'], [6, 'http://e/cats'], [5, 'toString']]);
});

test('publish: flag, or lists', (t) => {
  const { session, WebSocket } = opened(t);
  session.publish('t', { n: 1 });
  session.publish('t', 1, true);
  session.publish('t', 1, ['a']);
  session.publish('t', 1, ['a'], ['b']);
  assert.deepEqual(WebSocket.last.took(), [[7, 't', { n: 1 }], [7, 't', 1, true], [7, 't', 1, ['a']], [7, 't', 1, ['a'], ['b']]]);
  for (const args of [['x'], [1], [true, ['b']], [['a'], 'b'], [null]]) {
    assert.throws(() => session.publish('t', 1, ...args), (fault) => fault === 'invalid argument type(s)');
  }
  assert.deepEqual(WebSocket.last.took(), []);
});

test('call: shrinks the URI; errors are plain objects', async (t) => {
  const { session, WebSocket, tick } = opened(t);
  session.prefix('c', 'http://calc/');
  session.prefix('cs', 'http://calc/simple#');
  WebSocket.last.took();
  const done = [];
  session.call('http://calc/simple#add', 1, 2).then((result) => done.push(result), assert.fail);
  session.call('c:div', 1, 0).then(assert.fail, (error) => done.push(error));
  session.call('other').then(assert.fail, (error) => done.push(error));
  session.call('unanswered').then(assert.fail, (error) => done.push(error));
  session.call('nobody listens to this one');
  assert.deepEqual(WebSocket.last.took().map((message) => message.slice(2)),
    [['cs:add', 1, 2], ['c:div', 1, 0], ['other'], ['unanswered'], ['nobody listens to this one']]);
  WebSocket.last.say([3, '1', 3]);
  WebSocket.last.say([4, '2', 'http://calc/error', 'by zero', [0]]);
  WebSocket.last.say([4, '3', 'http://calc/error', 'no']);
  await settled();
  const error = { uri: 'http://calc/error', desc: 'by zero', detail: [0] };
  assert.deepEqual(done.splice(0), [3, error, { uri: 'http://calc/error', desc: 'no' }]);
  tick(3600000);
  await settled();
  assert.deepEqual(done, [], 'no deadline in v1');
  WebSocket.last.lose();
  await settled();
  assert.deepEqual(done, [{ uri: 'http://api.wamp.ws/error#generic', desc: 'connection lost' }]);
  assert.throws(() => session.call('p'), (fault) => fault === 'Autobahn not connected');
  assert.throws(() => session.publish('t', 1), (fault) => fault === 'Autobahn not connected');
});

test('shrink and resolve', (t) => {
  const { session } = opened(t);
  session.prefix('e', 'http://e/');
  assert.equal(session.shrink('http://e/x'), 'e:x');
  assert.equal(session.shrink('http://f/x'), 'http://f/x');
  assert.equal(session.shrink('http://f/x', false), null);
  assert.equal(session.resolve('e:x'), 'http://e/x');
  assert.equal(session.resolve('f:x'), 'f:x');
  assert.equal(session.resolve('f:x', false), null);
});

for (const [how, lose, expected] of [
  ['cleanly', (socket) => { socket.welcome(); socket.lose(1000, 'bye'); }, [ab.CONNECTION_CLOSED, 'WS-1000: bye']],
  ['cleanly before WELCOME', (socket) => { socket.open(); socket.lose(1008, 'no'); }, [ab.CONNECTION_CLOSED, 'WS-1008: no']],
  ['uncleanly', (socket) => { socket.welcome(); socket.lose(); }, [ab.CONNECTION_LOST]],
  ['before it began', (socket) => socket.lose(), [ab.CONNECTION_UNREACHABLE]],
]) {
  test(`a session that ends ${how} calls onclose once, and never reconnects`, async (t) => {
    const { session, WebSocket, told, tick } = start(t);
    lose(WebSocket.last);
    await settled();
    assert.deepEqual(told.filter((each) => each !== 'open'), [expected]);
    assert.equal(session.wsuri(), null);
    tick(600000);
    assert.equal(WebSocket.sockets.length, 1);
  });
}

test('close: onclose comes later, as a clean close', async (t) => {
  const { session, WebSocket, told } = opened(t);
  session.close();
  assert.deepEqual(told, ['open'], 'not from within close()');
  await settled();
  assert.deepEqual(told, ['open', [ab.CONNECTION_CLOSED, 'WS-1000: ']]);
  assert.equal(WebSocket.last.closed, true);
});

test('without WebSocket: the code, or the message thrown', () => {
  const saved = globalThis.WebSocket;
  delete globalThis.WebSocket;
  try {
    const told = [];
    new ab.Session('ws://x/', null, (code) => told.push(code)).close();
    assert.deepEqual(told, [ab.CONNECTION_UNSUPPORTED]);
    assert.throws(() => new ab.Session('ws://x/', null), (fault) => fault === ab.browserNotSupportedMessage);
    ab.connect('ws://x/', () => {}, (code) => told.push(code));
    assert.deepEqual(told, [ab.CONNECTION_UNSUPPORTED, ab.CONNECTION_UNSUPPORTED]);
  } finally {
    if (saved) globalThis.WebSocket = saved;
  }
});

/** Calls ab.connect, and records the arguments of onconnect and onhangup. */
function connect(t, options, hangup = () => undefined) {
  const { tick } = fakeClock(t);
  const WebSocket = fakeWebSocket();
  const sessions = [], hangups = [];
  ab.connect('ws://push.test/', (session) => sessions.push(session), (code, reason, detail) => {
    hangups.push(detail ? [code, detail] : [code]);
    return hangup(code);
  }, { WebSocket, ...options });
  t.after(() => sessions.forEach((session) => session.close()));
  const lose = async (...args) => {
    WebSocket.last.lose(...args);
    await settled();
    return hangups.splice(0);
  };
  return { WebSocket, sessions, hangups, lose, tick };
}

test('connect retries after an unclean loss: every 5 s, 10 times', async (t) => {
  const { WebSocket, sessions, lose, tick } = connect(t);
  WebSocket.last.welcome('one');
  for (let retries = 1; retries <= 10; retries++) {
    const code = retries === 1 ? ab.CONNECTION_LOST_SCHEDULED_RECONNECT : ab.CONNECTION_UNREACHABLE_SCHEDULED_RECONNECT;
    assert.deepEqual(await lose(), [[code, { delay: 5000, retries, maxretries: 10 }]]);
    tick(4999);
    assert.equal(WebSocket.sockets.length, retries);
    tick(1);
    assert.equal(WebSocket.sockets.length, retries + 1);
  }
  assert.deepEqual(await lose(), [[ab.CONNECTION_RETRIES_EXCEEDED]]);
  tick(600000);
  assert.equal(WebSocket.sockets.length, 11);
  assert.deepEqual(sessions.map((session) => session.sessionid()), ['one']);
});

test('connect: a new session each time resets the retries', async (t) => {
  const { WebSocket, sessions, lose, tick } = connect(t, { retryDelay: 100, maxRetries: 1 });
  for (const id of ['one', 'two', 'three']) {
    WebSocket.last.welcome(id);
    assert.equal((await lose())[0][0], ab.CONNECTION_LOST_SCHEDULED_RECONNECT);
    tick(100);
  }
  assert.deepEqual(sessions.map((session) => session.sessionid()), ['one', 'two', 'three']);
  assert.equal(new Set(sessions).size, 3);
});

test('connect: no retry after a clean close, or after a failed first attempt', async (t) => {
  const first = connect(t);
  first.WebSocket.last.welcome();
  assert.deepEqual(await first.lose(1001), [[ab.CONNECTION_CLOSED]]);
  first.tick(600000);
  assert.equal(first.WebSocket.sockets.length, 1);
  const second = connect(t);
  assert.deepEqual(await second.lose(), [[ab.CONNECTION_UNREACHABLE]]);
  second.tick(600000);
  assert.equal(second.WebSocket.sockets.length, 1);
});

test('connect: a truthy result of onhangup stops the retries', async (t) => {
  const { WebSocket, lose, tick } = connect(t, {}, () => true);
  WebSocket.last.welcome();
  const codes = (await lose()).map(([code]) => code);
  assert.deepEqual(codes, [ab.CONNECTION_LOST_SCHEDULED_RECONNECT, ab.CONNECTION_RETRIES_EXCEEDED]);
  tick(600000);
  assert.equal(WebSocket.sockets.length, 1);
  assert.throws(() => ab.connect('ws://x/'), (fault) => fault === 'onConnect handler required!');
});

test('Deferred', async () => {
  const good = new ab.Deferred(), bad = ab.Deferred();
  good.resolve(7);
  bad.reject('why');
  assert.equal(await good.promise.then((value) => value + 1, assert.fail), 8);
  assert.equal(await bad.promise.then(assert.fail, (reason) => reason), 'why');
});

const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest('base64');

test('WAMP-CRA: signatures are HMAC-SHA256 of any length of key and challenge', () => {
  const { authsign } = ab.Session.prototype;
  for (let length = 0; length < 200; length++) {
    assert.equal(authsign('a'.repeat(length), 'key'), hmac('key', 'a'.repeat(length)), `challenge of ${length}`);
    assert.equal(authsign('{}', 'k'.repeat(length)), hmac('k'.repeat(length), '{}'), `key of ${length}`);
  }
  assert.equal(authsign('{"x":"新着😀"}', '鍵'), hmac('鍵', '{"x":"新着😀"}'));
  assert.equal(authsign('{}', undefined), hmac('', '{}'));
});

test('WAMP-CRA: derived keys are PBKDF2-SHA256 in base64, and bounded', () => {
  const extras = [{ salt: 's', keylen: 32, iterations: 100 }, { salt: 'salt123', iterations: 1 },
    { salt: '塩', keylen: 80, iterations: 3 }, { salt: 'defaults' }];
  for (const extra of extras) {
    const derived = crypto.pbkdf2Sync('secret', extra.salt, extra.iterations || 10000, extra.keylen || 32, 'sha256');
    assert.equal(ab.deriveKey('secret', extra), derived.toString('base64'));
  }
  for (const extra of [undefined, null, {}, { salt: '' }]) assert.equal(ab.deriveKey('secret', extra), 'secret');
  assert.throws(() => ab.deriveKey('secret', { salt: 's', iterations: 1000001 }), (fault) => /refused/.test(fault));
  assert.throws(() => ab.deriveKey('secret', { salt: 's', keylen: 1025 }), (fault) => /refused/.test(fault));
});

test('WAMP-CRA: a v1 page\'s own lines, and ab.launch', async (t) => {
  const { session, WebSocket } = opened(t);
  const challenge = JSON.stringify({ authkey: 'ann', authextra: { salt: 's', keylen: 32, iterations: 10 } });
  const key = crypto.pbkdf2Sync('pw', 's', 10, 32, 'sha256').toString('base64');
  let granted = null;
  session.authreq('ann', { a: 1 }).then((text) => {
    const signature = session.authsign(text, ab.deriveKey('pw', JSON.parse(text).authextra));
    session.auth(signature).then((permissions) => { granted = permissions; }, assert.fail);
  }, assert.fail);
  assert.deepEqual(WebSocket.last.took(), [[2, '1', 'http://api.wamp.ws/procedure#authreq', 'ann', { a: 1 }]]);
  WebSocket.last.say([3, '1', challenge]);
  await settled();
  assert.deepEqual(WebSocket.last.took(), [[2, '2', 'http://api.wamp.ws/procedure#auth', hmac(key, challenge)]]);
  WebSocket.last.say([3, '2', { pubsub: [], rpc: [] }]);
  await settled();
  assert.deepEqual(granted, { pubsub: [], rpc: [] });
});

for (const [who, config, authreq, auth] of [
  ['appkey', { appkey: 'ann', appsecret: 'pw' }, ['ann', null], hmac('pw', '{}')],
  ['a function that signs', { appkey: 'ann', appsecret: () => 'mine' }, ['ann', null], 'mine'],
  ['nobody', {}, [null, null], null],
]) {
  test(`launch as ${who}`, async (t) => {
    fakeClock(t);
    const WebSocket = fakeWebSocket();
    let session = null;
    ab.launch({ wsuri: 'ws://x/', sessionConfig: { WebSocket }, ...config }, (opened) => { session = opened; });
    t.after(() => session.close());
    WebSocket.last.welcome('sid');
    assert.deepEqual(WebSocket.last.took(), [[2, '1', 'http://api.wamp.ws/procedure#authreq', ...authreq]]);
    WebSocket.last.say([3, '1', '{}']);
    await settled();
    assert.deepEqual(WebSocket.last.took(), [[2, '2', 'http://api.wamp.ws/procedure#auth', auth]]);
    WebSocket.last.say([3, '2', {}]);
    await settled();
    assert.equal(session.sessionid(), 'sid');
  });
}

test('served as one file: works in a page and as a module', () => {
  const both = served('autobahn.js');
  const page = { console };
  page.self = page;
  vm.runInNewContext(both, page);
  assert.equal(typeof page.ab.Session, 'function');
  assert.equal(page.ab.Pusher, page.Pusher);
  const module = { exports: {} };
  vm.runInNewContext(both, { module, console, require: assert.fail });
  assert.equal(typeof module.exports.connect, 'function');
  assert.equal(typeof module.exports.Pusher, 'function');
});
