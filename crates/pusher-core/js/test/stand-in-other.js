'use strict';
// Intended differences from autobahn.js 0.8.2: a test for each such row of the table in README.md.
const assert = require('node:assert/strict');
const vm = require('node:vm');
const { ab, load, opened, printed, start } = require('./stand-in.js');
const { fakeClock, fakeWebSocket, settled } = require('./fake-socket.js');

module.exports = {
  'missed events': async (t) => {
    const { tick } = fakeClock(t);
    const WebSocket = fakeWebSocket(), heard = [], sessions = [];
    const subscribe = (session, topic) => session.subscribe(topic, (...args) => heard.push(args));
    ab.connect('ws://x/', (session) => {
      sessions.push(session);
      subscribe(session, 'cats');
    }, null, { WebSocket, retryDelay: 100 });
    t.after(() => sessions.forEach((session) => session.close()));
    const welcome = () => {
      WebSocket.last.welcome('sid', 'pushd.1');
      return WebSocket.last;
    };
    const lose = async () => {
      WebSocket.last.lose();
      await settled();
      tick(100);
    };
    const first = welcome();
    subscribe(sessions[0], 'dogs');
    first.say([9, 'cats', 'e1-3', true, 0]);
    first.say([9, 'dogs', 'e1-3', true, 0]);
    first.say([8, 'cats', 'a', 4]);
    assert.deepEqual(first.took(), [[5, 'cats'], [5, 'dogs']]);
    await lose();
    await lose(); // an attempt that opens nothing
    const second = welcome();
    second.say([9, 'cats', 'e1-6', true, 1]);
    second.say([8, 'cats', 'b', 5]);
    tick(119000);
    subscribe(sessions[1], 'dogs');
    assert.deepEqual(second.took(), [[5, 'cats', { since: 'e1-4' }], [5, 'dogs', { since: 'e1-3' }]]);
    sessions[1].unsubscribe('dogs');
    subscribe(sessions[1], 'cats');
    await lose();
    const third = welcome();
    tick(120000);
    subscribe(sessions[2], 'dogs');
    assert.deepEqual(third.took(), [[5, 'cats', { since: 'e1-5' }], [5, 'dogs']]);
    assert.deepEqual(heard, [['cats', 'a'], ['cats', 'b']]);
    // A session of its own is new, and gets nothing of others.
    const own = new ab.Session('ws://x/', () => own.subscribe('cats', () => {}), null, { WebSocket });
    sessions.push(own);
    assert.deepEqual(welcome().took(), [[5, 'cats']]);
  },

  'a gap': async (t) => {
    const { session, socket, told } = start(t);
    socket.welcome('sid', 'pushd.1');
    const heard = [];
    session.subscribe('cats', (topic, event) => heard.push(event));
    session.subscribe('cats', (topic, event) => heard.push(event));
    socket.say([9, 'cats', 'e1-3', true, 0]);
    socket.say([10, 'cats', 'e1-8']);
    assert.deepEqual(heard, [], 'nobody listens to pushd:gap');
    session.subscribe('pushd:gap', (topic, event) => heard.push([topic, event]));
    socket.say([10, 'cats', 'e1-9']);
    assert.deepEqual(heard, [['pushd:gap', { topic: 'cats', position: 'e1-9' }]]);
    assert.deepEqual(told, ['open'], 'the session goes on');
  },

  'a denied topic': (t) => {
    t.mock.method(console, 'warn', () => assert.fail('pushd:denied is the place'));
    const { session, socket, told } = start(t);
    socket.welcome('sid', 'pushd.1');
    const heard = [];
    session.subscribe('orders', assert.fail);
    session.subscribe('pushd:denied', (topic, event) => heard.push([topic, event]));
    socket.say([13, null, 'ticket_expired']);
    socket.say([11, 'orders', 'ticket_missing']);
    assert.deepEqual(heard, [['pushd:denied', { topic: 'orders', code: 'ticket_missing' }]]);
    assert.deepEqual(told, ['open'], 'the session goes on');
    const printed = t.mock.method(console, 'warn', () => {});
    session.unsubscribe('pushd:denied');
    session.subscribe('orders', () => assert.fail('a second callback'));
    session.subscribe('user.7', assert.fail);
    for (const topic of ['orders', 'user.7', 'orders']) socket.say([11, topic, 'ticket_missing']);
    const lines = printed.mock.calls.map((call) => call.arguments);
    assert.deepEqual(lines, ['orders', 'user.7'].map((topic) => [`autobahn.js: the server refuses topic "${topic}": ticket_missing`]));
    assert.equal(heard.length, 1);
  },

  'a dead connection': async (t) => {
    const { socket, told, tick, WebSocket } = start(t);
    socket.welcome('sid', 'pushd.1');
    socket.say([12, 4000]);
    tick(11000);
    await settled();
    assert.deepEqual(told, ['open', [ab.CONNECTION_LOST]]);
    assert.equal(WebSocket.sockets.length, 1);
  },

  'pending calls at the end': async (t) => {
    const { session, socket } = opened(t);
    const call = session.call('p').otherwise((error) => error);
    socket.lose();
    assert.deepEqual(await call, { uri: 'http://api.wamp.ws/error#generic', desc: 'connection lost' });
  },

  'a callback that throws': (t) => {
    const { session, socket } = opened(t);
    const reported = t.mock.method(console, 'error', () => {});
    const heard = [];
    session.subscribe('t', () => { throw new Error('mine'); });
    session.subscribe('t', (topic, event) => heard.push(event));
    socket.say([8, 't', 1]);
    assert.deepEqual(heard, [1]);
    assert.equal(reported.mock.callCount(), 1);
  },

  'rejections that nobody handles': async (t) => {
    const { session, socket } = opened(t);
    const reported = [];
    const before = process.rawListeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', (reason) => reported.push(reason.desc));
    t.after(() => {
      process.removeAllListeners('unhandledRejection');
      before.forEach((listener) => process.on('unhandledRejection', listener));
    });
    session.call('nobody asks');
    session.call('p').then(() => {});
    socket.say([4, '1', 'u', 'silent']);
    socket.say([4, '2', 'u', 'told']);
    await new Promise((resolve) => { setImmediate(resolve); });
    assert.deepEqual(reported, ['told']);
  },

  'topics such as `toString`': (t) => {
    const { session, socket } = opened(t);
    const heard = [];
    for (const topic of ['toString', 'constructor', '__proto__']) {
      session.subscribe(topic, (...args) => heard.push(args));
      socket.say([8, topic, 1]);
    }
    assert.deepEqual(heard, [['toString', 1], ['constructor', 1], ['__proto__', 1]]);
  },

  'SUBSCRIBE with a CURIE': (t) => {
    const { session, socket } = opened(t);
    session.prefix('e', 'http://e/');
    session.subscribe('e:x', () => {});
    session.unsubscribe('http://e/x');
    assert.deepEqual(socket.took().slice(1), [[5, 'http://e/x'], [6, 'http://e/x']]);
  },

  'messages that make no sense': (t) => {
    const { session, socket, told } = opened(t);
    for (const data of ['', 'no json', '{}', '[0,"again",1,"x"]', '[99]', '[12,1]']) socket.raw(data);
    assert.deepEqual([session.sessionid(), told], ['sid', ['open']]);
  },

  '`close()` before WELCOME': async (t) => {
    const { session, socket, told } = start(t);
    session.close();
    await settled();
    assert.deepEqual(told, [[ab.CONNECTION_UNREACHABLE]]);
    assert.equal(socket.closed, true);
  },

  subprotocols: (t) => {
    const { socket } = start(t, { skipSubprotocolAnnounce: true, skipSubprotocolCheck: true });
    assert.deepEqual(socket.protocols, ['pushd.1', 'wamp']);
    socket.open('');
    assert.equal(socket.closed, true);
  },

  '`ab.deriveKey` beyond a million iterations': () => {
    assert.throws(() => ab.deriveKey('pw', { salt: 's', iterations: 1000001 }), (fault) => /refused/.test(fault));
  },

  '`ab.debug`': (t) => {
    ab.debug(true, true);
    t.after(() => ab.debug(false));
    const lines = printed(t, () => opened(t));
    assert.equal(lines[0], '[ab]');
  },

  'words of `onhangup`': async (t) => {
    fakeClock(t);
    const WebSocket = fakeWebSocket(), told = [];
    ab.connect('ws://x/', () => {}, (...args) => told.push(args), { WebSocket });
    WebSocket.last.welcome();
    WebSocket.last.lose(1000, 'bye');
    await settled();
    assert.deepEqual(told, [[ab.CONNECTION_CLOSED, 'Connection was closed properly [WS-1000: bye]']]);
  },

  'options of `ab.connect`': (t) => {
    fakeClock(t);
    const WebSocket = fakeWebSocket();
    const options = Object.freeze({ WebSocket });
    ab.connect('ws://x/', () => {}, null, options);
    assert.deepEqual(Object.keys(options), ['WebSocket']);
  },

  '`when`, `CryptoJS`': () => {
    const page = load({});
    assert.deepEqual(Object.keys(page).sort(), ['Pusher', 'ab', 'console', 'self']);
  },

  '`ab._` names': () => {
    assert.deepEqual(Object.keys(ab).filter((name) => name.startsWith('_')), []);
  },

  'internals of calls and sending': (t) => {
    const { session } = opened(t);
    for (const name of ['_calls', '_send', '_txcnt', '_rxcnt']) assert.equal(session[name], undefined);
  },

  'browsers without WebSocket of their own': () => {
    const page = load({ MozWebSocket: fakeWebSocket() });
    assert.equal(vm.runInContext("let code; new ab.Session('ws://x/', null, (it) => { code = it; }); code", page),
      ab.CONNECTION_UNSUPPORTED);
  },
};
