'use strict';
// Behaviour equal to autobahn.js 0.8.2: a test for each such row of the table in README.md.
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const vm = require('node:vm');
const { ab, load, opened, printed, throws } = require('./stand-in.js');
const { fakeClock, fakeWebSocket, settled } = require('./fake-socket.js');
const { served } = require('./served.js');

module.exports = {
  '`ab.Session`': async (t) => {
    const clock = fakeClock(t), WebSocket = fakeWebSocket(), told = [];
    function Mine() { ab.Session.call(this, 'ws://x/', () => told.push('open'), (...args) => told.push(args), { WebSocket }); }
    Mine.prototype = Object.create(ab.Session.prototype);
    const session = new Mine();
    WebSocket.last.open();
    assert.deepEqual(told, []);
    WebSocket.last.say([0, 'sid', 1, 'x']);
    WebSocket.last.lose(1000, 'bye');
    await settled();
    clock.tick(600000);
    assert.deepEqual(told, ['open', [ab.CONNECTION_CLOSED, 'WS-1000: bye']]);
    assert.ok(session instanceof ab.Session);
  },

  '`session.subscribe`, `unsubscribe`': (t) => {
    const { session, socket } = opened(t);
    const heard = [], one = (...args) => heard.push(args), other = () => {};
    session.subscribe('t', one);
    throws(() => session.subscribe('t', one), `callback ${one} already subscribed for topic t`);
    throws(() => session.unsubscribe('t', other), `no callback ${other} subscribed on topic t`);
    throws(() => session.unsubscribe('u'), 'not subscribed to topic u');
    socket.say([8, 't', 1]);
    session.unsubscribe('t');
    socket.say([8, 't', 2]);
    assert.deepEqual(heard, [['t', 1]]);
    assert.deepEqual(socket.took(), [[5, 't'], [6, 't']]);
  },

  '`session.publish`': (t) => {
    const { session, socket } = opened(t);
    for (const rest of [[], [true], [['a']], [[]], [['a'], ['b']], [[], []]]) {
      session.publish('t', 1, ...rest);
      assert.deepEqual(socket.took(), [[7, 't', 1, ...rest]]);
    }
    for (const rest of [['a'], [undefined], [null], [1], [true, []], [['a'], true], [['a'], undefined]]) {
      throws(() => session.publish('t', 1, ...rest), 'invalid argument type(s)');
    }
  },

  '`session.publish` beyond 1 MiB unsent': (t) => {
    const { session, socket } = opened(t);
    socket.bufferedAmount = 1 << 30;
    session.publish('t', 1);
    assert.deepEqual(socket.took(), [[7, 't', 1]]);
  },

  '`session.call`': async (t) => {
    const { session, socket } = opened(t);
    session.prefix('c', 'http://c/');
    const settledAs = [];
    const call = (...args) => session.call(...args).then((value) => settledAs.push(value), (error) => settledAs.push(error));
    call('http://c/x', 1, [2]);
    call('y');
    socket.say([3, '1', { sum: 3 }]);
    socket.say([4, '2', 'http://c/error', 'no', [0]]);
    await settled();
    assert.deepEqual(settledAs, [{ sum: 3 }, { uri: 'http://c/error', desc: 'no', detail: [0] }]);
    assert.deepEqual(socket.took(), [[1, 'c', 'http://c/'], [2, '1', 'c:x', 1, [2]], [2, '2', 'y']]);
  },

  '`session.call` beyond 1000 pending': async (t) => {
    const { session, socket, tick } = opened(t);
    socket.bufferedAmount = 1 << 30;
    const calls = Array.from({ length: 1500 }, () => session.call('p'));
    assert.equal(socket.took().length, 1500);
    tick(86400000);
    socket.say([3, '1500', 'late']);
    assert.equal(await calls[1499], 'late');
  },

  '`session.prefix`, `resolve`, `shrink`': (t) => {
    const { session, socket } = opened(t);
    session.prefix('e', 'http://e/');
    assert.deepEqual(socket.took(), [[1, 'e', 'http://e/']]);
    assert.deepEqual([session.resolve('e:x'), session.resolve('f:x'), session.resolve('f:x', false)], ['http://e/x', 'f:x', null]);
    assert.deepEqual([session.shrink('http://e/x'), session.shrink('u'), session.shrink('u', false)], ['e:x', 'u', null]);
    socket.lose();
    throws(() => session.prefix('f', 'http://f/'), 'Autobahn not connected');
  },

  '`session.sessionid`, `wsuri`, `close`': async (t) => {
    fakeClock(t);
    const WebSocket = fakeWebSocket();
    let within = null;
    const session = new ab.Session('ws://x/', null, () => { within = session.wsuri(); }, { WebSocket });
    assert.equal(session.sessionid(), null);
    WebSocket.last.welcome('sid');
    assert.deepEqual([session.sessionid(), session.wsuri()], ['sid', 'ws://x/']);
    session.close();
    await settled();
    assert.deepEqual([within, session.wsuri(), session.sessionid()], ['ws://x/', null, 'sid']);
    session.close();
  },

  '`session.log`': (t) => {
    const { log } = opened(t).session;
    assert.deepEqual(printed(t, () => log('a', { b: 1 })), ['WAMP Session [sid]', '{', 'a', { b: 1 }, '}']);
    const named = opened(t, { sessionIdent: 'me' }).session.log;
    assert.deepEqual(printed(t, () => named()), ["WAMP Session 'me' [sid]", '{', '}']);
  },

  '`session.authreq`, `auth`, `authsign`': async (t) => {
    const { session, socket } = opened(t);
    session.authreq('ann', { a: 1 }).then((challenge) => session.auth(session.authsign(challenge, 'key'))).otherwise(() => {});
    socket.say([3, '1', '{"x":1}']);
    await settled();
    const signature = crypto.createHmac('sha256', 'key').update('{"x":1}').digest('base64');
    assert.deepEqual(socket.took(), [[2, '1', 'http://api.wamp.ws/procedure#authreq', 'ann', { a: 1 }],
      [2, '2', 'http://api.wamp.ws/procedure#auth', signature]]);
  },

  'session internals': async (t) => {
    const { session, socket } = opened(t);
    const callback = () => {};
    session.prefix('e', 'http://e/');
    session.subscribe('e:x', callback);
    assert.deepEqual([session._session_id, session._wamp_version, session._server, session._wsuri],
      ['sid', 1, 'pushd/test', 'ws://x/']);
    assert.equal(session._prefixes.get('e'), 'http://e/');
    assert.deepEqual(Object.keys(session._subscriptions), ['http://e/x']);
    assert.deepEqual(session._subscriptions['http://e/x'], [callback]);
    assert.ok(session._options.WebSocket);
    assert.deepEqual([session._websocket, session._websocket_connected], [socket, true]);
    session.unsubscribe('e:x');
    assert.equal('http://e/x' in session._subscriptions, false);
    socket.lose();
    await settled();
    assert.deepEqual([session._websocket, session._websocket_connected], [null, false]);
  },

  'promise methods': async (t) => {
    const { session, socket } = opened(t);
    const made = () => {
      const promise = session.call('p');
      const id = socket.took()[0][1];
      return { promise, good: (value) => socket.say([3, id, value]), bad: () => socket.say([4, id, 'u', 'd']) };
    };
    const outcome = (promise) => promise.then((value) => ['ok', value], (reason) => ['no', reason.desc || reason]);
    const fails = () => { throw 'thrown'; };
    for (const [name, args, good, bad] of [
      ['otherwise', [(error) => error.desc], ['ok', [1, 2]], ['ok', 'd']],
      ['catch', [(error) => error.desc], ['ok', [1, 2]], ['ok', 'd']],
      ['ensure', [(...none) => none.length], ['ok', [1, 2]], ['no', 'd']],
      ['ensure', [fails], ['no', 'thrown'], ['no', 'thrown']],
      ['ensure', ['no function'], ['ok', [1, 2]], ['no', 'd']],
      ['finally', [(...none) => none.length], ['ok', [1, 2]], ['no', 'd']],
      ['always', [(either) => either.desc || 'fine'], ['ok', 'fine'], ['ok', 'd']],
      ['yield', [Promise.resolve(7)], ['ok', 7], ['no', 'd']],
      ['tap', [() => 7], ['ok', [1, 2]], ['no', 'd']],
      ['tap', [fails], ['no', 'thrown'], ['no', 'd']],
      ['spread', [(a, b) => a + b], ['ok', 3], ['no', 'd']],
    ]) {
      const one = made(), other = made();
      const outcomes = [outcome(one.promise[name](...args)), outcome(other.promise[name](...args))];
      one.good([1, 2]);
      other.bad();
      assert.deepEqual(await Promise.all(outcomes), [good, bad], name);
      const derived = one.promise[name](...args);
      assert.equal(typeof derived.otherwise, 'function', `${name} makes a promise of the same kind`);
      derived.otherwise(() => {});
    }
    const last = made();
    assert.deepEqual(last.promise.inspect(), { state: 'pending' });
    last.good(5);
    await settled();
    assert.deepEqual(last.promise.inspect(), { state: 'fulfilled', value: 5 });
    const lost = made();
    lost.bad();
    await settled();
    assert.deepEqual(lost.promise.inspect(), { state: 'rejected', reason: { uri: 'u', desc: 'd' } });
  },

  '`ab.Deferred`': async (t) => {
    const { tick } = fakeClock(t);
    const progress = [];
    const deferred = new ab.Deferred(), plain = ab.Deferred();
    const { resolve, reject, notify, promise } = deferred;
    const next = promise.then(null, null, (update) => { progress.push(update); return update + 1; });
    next.then(null, null, (update) => progress.push(['down', update]));
    assert.equal(notify(1), 1);
    assert.deepEqual(progress, [], 'later, not at once');
    await settled();
    assert.deepEqual(progress, [1, ['down', 2]]);
    assert.equal(resolve(Promise.resolve('value')), promise);
    reject('too late');
    resolve('too late');
    assert.equal(await promise, 'value');
    assert.equal(notify(9), 9);
    await settled();
    assert.equal(progress.length, 2);
    const done = [];
    assert.equal(promise.done((value) => done.push(value)), undefined);
    promise.done(() => { throw new Error('fatal'); });
    await settled();
    await settled();
    assert.throws(() => tick(0), /fatal/, 'to window.onerror');
    assert.deepEqual(done, ['value']);
    plain.resolver.reject('why');
    assert.equal(await plain.promise.otherwise((reason) => reason), 'why');
    assert.deepEqual(Object.keys(plain.resolver).sort(), ['notify', 'reject', 'resolve']);
  },

  '`ab.PrefixMap`': () => {
    const map = new ab.PrefixMap();
    map.set('e', 'http://e/');
    map.set('es', 'http://e/s#');
    map.setDefault('http://d/');
    assert.deepEqual([map.get('e'), map.get('x')], ['http://e/', undefined]);
    assert.deepEqual([map.resolve('e:a:b'), map.resolve('x:y'), map.resolve('x:y', true), map.resolve(':z')],
      ['http://e/a:b', null, 'x:y', 'http://d/z']);
    assert.deepEqual([map.shrink('http://e/s#a'), map.shrink('http://e/a'), map.shrink('u'), map.shrink('u', true)],
      ['es:a', 'e:a', null, 'u']);
    map.remove('e');
    map.remove('never');
    assert.deepEqual([map.resolve('e:a'), map.shrink('http://e/a', true)], [null, 'http://e/a']);
  },

  '`ab.connect`': async (t) => {
    const { tick } = fakeClock(t);
    const WebSocket = fakeWebSocket(), told = [];
    const options = { WebSocket, retryDelay: 100, maxRetries: 2 };
    ab.connect('ws://x/', (session) => told.push(session.sessionid()), (code, reason, detail) => {
      told.push(detail ? [code, detail] : [code]);
      return told.length > 4;
    }, options);
    WebSocket.last.welcome('one');
    WebSocket.last.lose();
    await settled();
    tick(100);
    WebSocket.last.welcome('two');
    WebSocket.last.lose();
    await settled();
    tick(100);
    WebSocket.last.lose();
    await settled();
    tick(600000);
    const detail = (retries) => ({ delay: 100, retries, maxretries: 2 });
    assert.deepEqual(told, ['one', [6, detail(1)], 'two', [6, detail(1)], [5, detail(2)], [2]]);
    assert.equal(WebSocket.sockets.length, 3);
    throws(() => ab.connect('ws://x/'), 'onConnect handler required!');
  },

  '`ab.launch`': async (t) => {
    fakeClock(t);
    const signature = (key) => crypto.createHmac('sha256', key).update('{}').digest('base64');
    for (const [config, key, signed] of [[{}, null, null], [{ appkey: 'k', appsecret: 's' }, 'k', signature('s')],
      [{ appkey: 'k', appsecret: () => 'mine' }, 'k', 'mine']]) {
      const WebSocket = fakeWebSocket();
      let session = null;
      ab.launch({ wsuri: 'ws://x/', sessionConfig: { WebSocket }, ...config }, (it) => { session = it; });
      const socket = WebSocket.last;
      socket.welcome('sid');
      socket.say([3, '1', '{}']);
      await settled();
      socket.say([3, '2', {}]);
      await settled();
      assert.deepEqual(socket.took().map(([, , , argument]) => argument), [key, signed]);
      assert.equal(session.sessionid(), 'sid');
      session.close();
    }
  },

  '`ab.deriveKey`': () => {
    const derived = crypto.pbkdf2Sync('pw', 's', 10, 16, 'sha256').toString('base64');
    assert.equal(ab.deriveKey('pw', { salt: 's', iterations: 10, keylen: 16 }), derived);
    assert.equal(ab.deriveKey('pw'), 'pw');
  },

  '`ab.getServerUrl`': () => {
    const at = (href, ...args) => {
      const { protocol, origin } = new URL(href);
      return load({ location: { protocol, origin } }).ab.getServerUrl(...args);
    };
    assert.equal(at('http://site.test/a/b'), 'ws://site.test/ws');
    assert.equal(at('https://site.test:8443/', 'push'), 'wss://site.test:8443/push');
    assert.equal(at('file:///x.html'), 'ws://127.0.0.1/ws');
    assert.equal(at('file:///x.html', 'ws', 'ws://else/'), 'ws://else/');
  },

  '`ab.getBrowser`': () => {
    const at = (userAgent) => JSON.stringify(load({ navigator: { userAgent } }).ab.getBrowser());
    assert.equal(at('Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/120.0.6 Safari/537.36'),
      '{"name":"Chrome","version":[120,0,6]}');
    assert.equal(at('Mozilla/5.0 (X11; rv:115.0) Gecko/20100101 Firefox/115.0'), '{"name":"Firefox","version":[115,0]}');
    assert.equal(at('Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)'), '{"name":"MSIE","version":[8,0]}');
    assert.equal(at('Lynx'), 'null');
  },

  '`ab.log`, `ab.version`, `ab.browserNotSupportedMessage`': (t) => {
    assert.deepEqual(printed(t, () => ab.log('one')), ['one']);
    assert.deepEqual(printed(t, () => ab.log(1, 2)), ['Log Item', '{', 1, 2, '}']);
    assert.equal(ab.version(), '0.8.2');
    assert.match(ab.browserNotSupportedMessage, /WebSocket/);
  },

  '`ab.CONNECTION_*`': () => {
    const codes = Object.entries(ab).filter(([name]) => name.startsWith('CONNECTION_'));
    assert.deepEqual(Object.fromEntries(codes), {
      CONNECTION_CLOSED: 0, CONNECTION_LOST: 1, CONNECTION_RETRIES_EXCEEDED: 2, CONNECTION_UNREACHABLE: 3,
      CONNECTION_UNSUPPORTED: 4, CONNECTION_UNREACHABLE_SCHEDULED_RECONNECT: 5, CONNECTION_LOST_SCHEDULED_RECONNECT: 6,
    });
  },

  AMD: () => {
    const defined = [];
    const define = Object.assign((...args) => defined.push(args), { amd: {} });
    const page = load({ define });
    assert.equal(defined.length, 1);
    const [dependencies, make] = defined[0];
    assert.equal(dependencies.length, 0);
    assert.equal(make(), page.ab);
  },

  CommonJS: () => {
    const module = { exports: {} };
    vm.runInNewContext(served('autobahn.js'), { module, console, require: assert.fail });
    assert.equal(typeof module.exports.Session, 'function');
    assert.equal(ab.Pusher, require('../pusher.js'));
  },
};
