'use strict';
// Run with: node --test crates/pusher-core/js/test/*.test.js
const { test } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const zlib = require('node:zlib');
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

const named = (states) => states.map((each) => each.state);

test('offers wamp, and is open with WELCOME only', (t) => {
  const { pusher, WebSocket, states } = start(t);
  const socket = WebSocket.last;
  assert.equal(socket.url, 'ws://push.test/');
  assert.deepEqual(socket.protocols, ['wamp']);
  socket.open();
  assert.equal(pusher.state, 'connecting');
  assert.equal(pusher.sessionId, null);
  socket.say([0, 'abc', 1, 'pushd/0.1']);
  assert.deepEqual(named(states), ['connecting', 'open']);
  assert.equal(pusher.sessionId, 'abc');
  assert.equal(pusher.server, 'pushd/0.1');
});

test('nothing is sent before WELCOME, then prefixes before subscriptions', (t) => {
  const { pusher, WebSocket } = start(t);
  pusher.prefix('blog', 'http://blog.test/');
  pusher.subscribe('blog:cats', () => {});
  pusher.subscribe('dogs', () => {});
  WebSocket.last.open();
  assert.deepEqual(WebSocket.last.took(), []);
  WebSocket.last.say([0, 'abc', 1, 'x']);
  assert.deepEqual(WebSocket.last.took(), [[1, 'blog', 'http://blog.test/'], [5, 'http://blog.test/cats'], [5, 'dogs']]);
});

test('one SUBSCRIBE and one UNSUBSCRIBE a topic, however many handlers', (t) => {
  const { pusher, WebSocket } = opened(t);
  const socket = WebSocket.last;
  const heard = [];
  const off = pusher.subscribe('cats', (event, topic) => heard.push(['a', event, topic]));
  const second = (event) => heard.push(['b', event]);
  pusher.subscribe('cats', second);
  assert.deepEqual(socket.took(), [[5, 'cats']]);
  socket.say([8, 'cats', { n: 1 }]);
  assert.deepEqual(heard.splice(0), [['a', { n: 1 }, 'cats'], ['b', { n: 1 }]]);
  off();
  off();
  assert.deepEqual(socket.took(), []);
  socket.say([8, 'cats', null]);
  assert.deepEqual(heard.splice(0), [['b', null]]);
  pusher.unsubscribe('cats', second);
  pusher.unsubscribe('cats', second);
  pusher.unsubscribe('never');
  assert.deepEqual(socket.took(), [[6, 'cats']]);
  socket.say([8, 'cats', 1]);
  assert.deepEqual(heard, []);
});

test('one handler subscribed twice is two subscriptions; unsubscribe without handler ends all', (t) => {
  const { pusher, WebSocket } = opened(t);
  let count = 0;
  const handler = () => { count += 1; };
  const off = pusher.subscribe('cats', handler);
  pusher.subscribe('cats', handler);
  WebSocket.last.say([8, 'cats', 0]);
  assert.equal(count, 2);
  off();
  WebSocket.last.say([8, 'cats', 0]);
  assert.equal(count, 3);
  pusher.unsubscribe('cats');
  WebSocket.last.say([8, 'cats', 0]);
  assert.equal(count, 3);
  assert.deepEqual(WebSocket.last.took(), [[5, 'cats'], [6, 'cats']]);
});

test('subscribes again after a reconnect, with what holds by then', (t) => {
  const { pusher, WebSocket, tick } = opened(t);
  pusher.prefix('p', 'http://p/');
  pusher.subscribe('p:cats', () => {});
  pusher.subscribe('gone', () => {});
  const events = [];
  pusher.subscribe('dogs', (event) => events.push(event));
  WebSocket.last.lose();
  assert.equal(pusher.sessionId, null);
  pusher.unsubscribe('gone');
  pusher.subscribe('new', () => {});
  tick(1000);
  assert.equal(WebSocket.sockets.length, 2);
  WebSocket.last.welcome('session-2');
  assert.equal(pusher.sessionId, 'session-2');
  assert.deepEqual(WebSocket.last.took(), [[1, 'p', 'http://p/'], [5, 'http://p/cats'], [5, 'dogs'], [5, 'new']]);
  WebSocket.last.say([8, 'dogs', 'wau']);
  assert.deepEqual(events, ['wau']);
});

test('a late word of a socket that was lost changes nothing', (t) => {
  const { pusher, WebSocket, tick, states } = start(t);
  const old = WebSocket.last;
  tick(10000);
  assert.equal(old.closed, true);
  old.welcome();
  old.lose();
  assert.deepEqual(named(states), ['connecting', 'waiting']);
  assert.equal(pusher.sessionId, null);
});

for (const [random, name] of [[0, 'none'], [0.5, 'half'], [0.999999, 'all']]) {
  test(`backoff doubles up to its limit; of it ${name} at random`, (t) => {
    const { WebSocket, states, tick } = start(t);
    t.mock.method(Math, 'random', () => random);
    const ceilings = [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000];
    for (const ceiling of ceilings) {
      const attempts = WebSocket.sockets.length;
      WebSocket.last.lose();
      const last = states[states.length - 1];
      assert.equal(last.state, 'waiting');
      assert.equal(last.delayMs, Math.round(ceiling * random));
      if (last.delayMs > 1) tick(last.delayMs - 1);
      if (last.delayMs > 1) assert.equal(WebSocket.sockets.length, attempts, 'not too early');
      tick(1);
      assert.equal(WebSocket.sockets.length, attempts + 1);
    }
  });
}

test('the random part differs, and stays within 0 and the ceiling', (t) => {
  const delays = new Set();
  fakeClock(t);
  for (let i = 0; i < 200; i++) {
    const WebSocket = fakeWebSocket();
    const pusher = new Pusher('ws://x/', { WebSocket });
    WebSocket.last.lose();
    pusher.watch((state, info) => delays.add(info.delayMs))();
    pusher.close();
  }
  assert.ok(delays.size > 50, 'spread');
  assert.ok(Math.min(...delays) >= 0 && Math.max(...delays) <= 1000);
});

test('backoff begins anew after a connection that lasted, not after a short one', (t) => {
  const { WebSocket, states, tick } = start(t);
  t.mock.method(Math, 'random', () => 1);
  const loseAndWait = () => {
    WebSocket.last.lose();
    const { delayMs } = states[states.length - 1];
    tick(delayMs);
    return delayMs;
  };
  assert.equal(loseAndWait(), 1000);
  WebSocket.last.welcome();
  tick(9999);
  assert.equal(loseAndWait(), 2000);
  WebSocket.last.welcome();
  tick(10000);
  assert.equal(loseAndWait(), 1000);
});

test('comes back after a clean close too', (t) => {
  const { WebSocket, states, tick } = opened(t);
  WebSocket.last.lose(1001, 'going away');
  const { delayMs, ...rest } = states[2];
  assert.deepEqual(rest, { state: 'waiting', code: 1001, reason: 'going away', wasClean: true, opened: true });
  tick(1000);
  assert.equal(WebSocket.sockets.length, 2);
});

test('an error without a close, as Node has it, ends an attempt; once open, close decides', (t) => {
  const { WebSocket, states, tick } = start(t);
  WebSocket.last.onerror({});
  assert.deepEqual(named(states), ['connecting', 'waiting']);
  assert.deepEqual([states[1].code, states[1].opened], [1006, false]);
  tick(1000);
  WebSocket.last.welcome();
  WebSocket.last.onerror({});
  assert.equal(states[states.length - 1].state, 'open');
  WebSocket.last.onclose({ code: 1008, reason: 'no', wasClean: true });
  assert.equal(states[states.length - 1].code, 1008);
});

test('an attempt without WELCOME fails after 10 s', (t) => {
  const { WebSocket, states, tick } = start(t);
  WebSocket.last.open();
  tick(9999);
  assert.deepEqual(named(states), ['connecting']);
  tick(1);
  assert.equal(states[1].state, 'waiting');
  assert.match(states[1].reason, /WELCOME/);
  assert.equal(WebSocket.last.closed, true);
});

test('whoever refuses us is left alone for longer, up to five minutes', (t) => {
  const { WebSocket, states, tick } = start(t);
  t.mock.method(Math, 'random', () => 0);
  for (const floor of [15000, 30000, 60000, 120000, 150000, 150000]) {
    WebSocket.last.welcome();
    WebSocket.last.lose(1008, 'publishing is not allowed');
    const last = states[states.length - 1];
    assert.equal(last.delayMs, floor);
    tick(floor);
  }
});

test('a server of another protocol is dropped and left alone', (t) => {
  const { WebSocket, states } = start(t);
  WebSocket.last.open('');
  assert.equal(WebSocket.last.closed, true);
  assert.equal(states[1].state, 'waiting');
  assert.match(states[1].reason, /WAMP/);
  assert.ok(states[1].delayMs >= 15000 && states[1].delayMs <= 30000);
});

/** The browser's events, for clients that are made within. */
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
  return { online: () => page.dispatchEvent(new Event('online')), show, listeners: () => listeners };
}

test('on line again, or visible again: tries at once', (t) => {
  const { online, show, listeners } = withPage(t);
  const { pusher, WebSocket } = start(t);
  assert.equal(listeners(), 2);
  online();
  assert.equal(WebSocket.sockets.length, 1, 'not while connecting');
  WebSocket.last.lose();
  show('hidden');
  assert.equal(WebSocket.sockets.length, 1);
  show('visible');
  assert.equal(WebSocket.sockets.length, 2);
  WebSocket.last.lose();
  online();
  assert.equal(WebSocket.sockets.length, 3);
  WebSocket.last.welcome();
  online();
  assert.equal(WebSocket.sockets.length, 3, 'not while open');
  WebSocket.last.lose(1008);
  online();
  show('visible');
  assert.equal(WebSocket.sockets.length, 3, 'not when refused');
  pusher.close();
  online();
  assert.equal(WebSocket.sockets.length, 3, 'not when closed');
  assert.equal(listeners(), 0, 'the page is free of us');
});

test('CURIEs: events come with full URIs; publish and call go out as written', (t) => {
  const { pusher, WebSocket } = opened(t);
  const socket = WebSocket.last;
  const heard = [];
  pusher.prefix('e', 'http://example.com/event#');
  pusher.subscribe('e:simple', (event, topic) => heard.push([event, topic]));
  pusher.subscribe('http://no/prefix', () => heard.push('other'));
  socket.say([8, 'http://example.com/event#simple', 5]);
  socket.say([8, 'e:simple', 6]);
  assert.deepEqual(heard, [[5, 'http://example.com/event#simple']]);
  pusher.publish('e:simple', 1);
  pusher.call('e:add', 1).catch(() => {});
  pusher.prefix('e', 'http://elsewhere/');
  assert.equal(pusher.resolve('e:simple'), 'http://elsewhere/simple');
  assert.equal(pusher.resolve('plain'), 'plain');
  pusher.unsubscribe('http://example.com/event#simple');
  assert.deepEqual(socket.took(), [
    [1, 'e', 'http://example.com/event#'], [5, 'http://example.com/event#simple'], [5, 'http://no/prefix'],
    [7, 'e:simple', 1], [2, '1', 'e:add', 1], [1, 'e', 'http://elsewhere/'], [6, 'http://example.com/event#simple'],
  ]);
});

test('odd names of topics, prefixes and calls', async (t) => {
  const { pusher, WebSocket } = opened(t);
  const heard = [];
  const names = ['toString', 'constructor', '__proto__', 'hasOwnProperty', '', ' ', '新着😀', 'a:b:c', ':'];
  names.forEach((name) => pusher.subscribe(name, (event, topic) => heard.push([event, topic])));
  assert.deepEqual(WebSocket.last.took(), names.map((name) => [5, name]));
  names.forEach((name, i) => WebSocket.last.say([8, name, i]));
  assert.deepEqual(heard, names.map((name, i) => [i, name]));
  WebSocket.last.say([8, 'valueOf', 1]);
  WebSocket.last.say([3, 'constructor', 1]);
  pusher.prefix('__proto__', 'http://x/');
  assert.equal(pusher.resolve('__proto__:y'), 'http://x/y');
  assert.equal(pusher.resolve('constructor:y'), 'constructor:y');
  assert.equal(heard.length, names.length);
});

test('numeric topics are strings; others are the caller\'s mistake', (t) => {
  const { pusher, WebSocket } = opened(t);
  const heard = [];
  pusher.subscribe(123, (event, topic) => heard.push(topic));
  WebSocket.last.say([8, '123', 1]);
  assert.deepEqual(heard, ['123']);
  assert.throws(() => pusher.subscribe({}, () => {}), TypeError);
  assert.throws(() => pusher.subscribe('t', 'no function'), TypeError);
  assert.throws(() => pusher.publish(null, 1), TypeError);
  assert.throws(() => pusher.watch(), TypeError);
});

test('a handler that throws is reported and harms nobody', (t) => {
  const { pusher, WebSocket } = opened(t);
  const complaints = t.mock.method(console, 'error', () => {});
  const heard = [];
  pusher.subscribe('cats', () => { throw new Error('mine'); });
  pusher.subscribe('cats', (event) => heard.push(event));
  pusher.watch(() => { throw new Error('mine too'); });
  const states = [];
  pusher.watch((state) => states.push(state));
  WebSocket.last.say([8, 'cats', 1]);
  WebSocket.last.lose();
  assert.deepEqual(heard, [1]);
  assert.deepEqual(states, ['open', 'waiting']);
  assert.equal(complaints.mock.callCount(), 3);
});

test('handlers may come and go while an event is delivered', (t) => {
  const { pusher, WebSocket } = opened(t);
  const heard = [];
  let off = () => {};
  pusher.subscribe('cats', () => {
    heard.push('first');
    off();
    if (heard.length < 5) pusher.subscribe('cats', () => heard.push('late'));
  });
  off = pusher.subscribe('cats', () => heard.push('removed'));
  WebSocket.last.say([8, 'cats', 1]);
  assert.deepEqual(heard, ['first']);
});

test('a watcher that closes has the last word', (t) => {
  const { pusher, WebSocket } = start(t);
  pusher.watch((state) => { if (state === 'open') pusher.close(); });
  const states = [];
  pusher.watch((state) => states.push(state));
  WebSocket.last.welcome();
  assert.deepEqual(states, ['connecting', 'closed']);
});

test('watch can be undone', (t) => {
  const { pusher, WebSocket } = start(t);
  const states = [];
  const off = pusher.watch((state) => states.push(state));
  off();
  WebSocket.last.welcome();
  assert.deepEqual(states, ['connecting']);
});

test('garbage is passed over', (t) => {
  const { pusher, WebSocket, states } = opened(t);
  const heard = [];
  pusher.subscribe('cats', (event) => heard.push(event));
  const socket = WebSocket.last;
  for (const data of ['', 'no json', '{}', 'null', '7', '"x"', '[]', '[8]', '[8,"cats"]', '[8,7,7]', '[8,["cats"],1]',
    '[9,"cats",1]', '[-1]', '["8","cats",1]', '[0,"again",1,"x"]', '[3]', '[3,"nobody",1]', '[4,"nobody"]', '[3,{},1]',
    new ArrayBuffer(4), undefined, '\ufeff[8,"cats",1]']) {
    socket.raw(data);
  }
  assert.deepEqual(heard, []);
  assert.equal(pusher.sessionId, 'session-1');
  assert.deepEqual(named(states), ['connecting', 'open']);
  socket.say([8, 'cats', 'real', 'extra']);
  assert.deepEqual(heard, ['real']);
});

test('before WELCOME only WELCOME counts', (t) => {
  const { pusher, WebSocket } = start(t);
  const heard = [];
  pusher.subscribe('cats', (event) => heard.push(event));
  WebSocket.last.open();
  for (const message of [[8, 'cats', 1], [0], [0, 7, 1, 'x'], [0, null]]) WebSocket.last.say(message);
  assert.equal(pusher.state, 'connecting');
  assert.deepEqual(heard, []);
});

test('calls: result, error with details, ids as strings or numbers', async (t) => {
  const { pusher, WebSocket } = opened(t);
  const socket = WebSocket.last;
  const sum = pusher.call('http://calc/add', 1, [2, 3], undefined);
  const failed = pusher.call('http://calc/div', 1, 0);
  const plain = pusher.call('http://calc/x');
  const nothing = pusher.call('http://calc/y');
  assert.deepEqual(socket.took(), [
    [2, '1', 'http://calc/add', 1, [2, 3], null], [2, '2', 'http://calc/div', 1, 0],
    [2, '3', 'http://calc/x'], [2, '4', 'http://calc/y'],
  ]);
  socket.say([4, '2', 'http://calc/error#zero', 'division by zero', { by: 0 }]);
  socket.say([3, '1', 6]);
  socket.say([4, 3, 'http://calc/error', 'no']);
  socket.say([3, '4', null]);
  socket.say([3, '1', 'twice']);
  assert.equal(await sum, 6);
  assert.equal(await nothing, null);
  await assert.rejects(failed, (error) => {
    assert.ok(error instanceof Error);
    assert.deepEqual([error.message, error.uri, error.description, error.details],
      ['division by zero', 'http://calc/error#zero', 'division by zero', { by: 0 }]);
    return true;
  });
  await assert.rejects(plain, { uri: 'http://calc/error', details: undefined });
});

test('calls end with the connection, with close(), with their deadline, and cannot begin without one', async (t) => {
  const { pusher, WebSocket, tick } = start(t);
  await assert.rejects(pusher.call('p'), { message: 'not connected', uri: null });
  WebSocket.last.welcome();
  const lost = pusher.call('p');
  WebSocket.last.lose();
  await assert.rejects(lost, { message: 'connection lost', uri: null });
  tick(1000);
  WebSocket.last.welcome();
  const late = pusher.call('p');
  tick(60000);
  await assert.rejects(late, { message: /no answer in 60000 ms/, uri: null });
  const closed = pusher.call('p');
  pusher.close();
  await assert.rejects(closed, { message: 'connection lost' });
});

test('an answered call leaves no timer behind, which would keep a Node process alive', async (t) => {
  const { pusher, WebSocket } = opened(t);
  const cleared = t.mock.method(globalThis, 'clearTimeout');
  const call = pusher.call('p');
  WebSocket.last.say([3, '1', 0]);
  await call;
  assert.equal(cleared.mock.callCount(), 1);
});

test('1000 calls may be pending, the 1001st is refused; an answer makes room', async (t) => {
  const { pusher, WebSocket } = opened(t);
  const calls = Array.from({ length: 1000 }, () => pusher.call('p'));
  await assert.rejects(pusher.call('p'), { message: 'too many calls pending' });
  assert.equal(WebSocket.last.took().length, 1000);
  WebSocket.last.say([3, '1', 'one']);
  assert.equal(await calls[0], 'one');
  const next = pusher.call('p');
  WebSocket.last.say([3, '1001', 'next']);
  assert.equal(await next, 'next');
  pusher.close();
  const rest = await Promise.allSettled(calls);
  assert.equal(rest.filter((each) => each.status === 'rejected').length, 999);
});

test('arguments that JSON cannot carry reject, and leave nothing pending', async (t) => {
  const { pusher, WebSocket } = opened(t);
  await assert.rejects(pusher.call('p', 1n), TypeError);
  await assert.rejects(pusher.call({}), TypeError);
  assert.deepEqual(WebSocket.last.took(), []);
});

test('publish: the layouts, and false while it cannot be sent', (t) => {
  const { pusher, WebSocket } = start(t);
  assert.equal(pusher.publish('cats', 1), false);
  const socket = WebSocket.last;
  socket.welcome('me');
  assert.deepEqual(socket.took(), [], 'nothing was kept');
  const table = [
    [undefined, []],
    [{}, []],
    [{ excludeMe: true }, [true]],
    [{ excludeMe: false }, []],
    [{ exclude: ['a'] }, [['a']]],
    [{ eligible: ['b'] }, [[], ['b']]],
    [{ exclude: ['a'], eligible: ['b'] }, [['a'], ['b']]],
    [{ excludeMe: true, exclude: ['a'] }, [['a', 'me']]],
    [{ excludeMe: true, eligible: ['b', 'me'] }, [['me'], ['b', 'me']]],
  ];
  for (const [options, rest] of table) {
    assert.equal(pusher.publish('cats', { n: 1 }, options), true);
    assert.deepEqual(socket.took(), [[7, 'cats', { n: 1 }, ...rest]]);
  }
  pusher.publish('cats');
  assert.deepEqual(socket.took(), [[7, 'cats', null]]);
  socket.bufferedAmount = 1 << 20;
  assert.equal(pusher.publish('cats', 1), true);
  socket.bufferedAmount += 1;
  assert.equal(pusher.publish('cats', 1), false);
  socket.lose();
  assert.equal(pusher.publish('cats', 1), false);
});

test('close is for good', (t) => {
  const { pusher, WebSocket, states, tick } = opened(t);
  pusher.subscribe('cats', () => assert.fail('closed'));
  const socket = WebSocket.last;
  pusher.close();
  pusher.close();
  assert.equal(socket.closed, true);
  socket.say([8, 'cats', 1]);
  socket.lose();
  tick(600000);
  assert.equal(WebSocket.sockets.length, 1);
  assert.deepEqual(states[2], { state: 'closed', code: 1000, reason: '', wasClean: true, opened: true });
  assert.deepEqual([pusher.sessionId, pusher.server], [null, null]);
});

test('close while waiting ends the waiting', (t) => {
  const { pusher, WebSocket, tick, states } = opened(t);
  WebSocket.last.lose();
  pusher.close();
  tick(600000);
  assert.equal(WebSocket.sockets.length, 1);
  assert.deepEqual(named(states), ['connecting', 'open', 'waiting', 'closed']);
});

test('without reconnect the first loss is final', (t) => {
  const { WebSocket, states, tick } = opened(t, { reconnect: false });
  WebSocket.last.lose(1006, '');
  tick(600000);
  assert.equal(WebSocket.sockets.length, 1);
  assert.deepEqual(states[2], { state: 'closed', code: 1006, reason: '', wasClean: false, opened: true });
});

test('an address that is none throws at once; later ones only wait', (t) => {
  const { tick } = fakeClock(t);
  const WebSocket = fakeWebSocket();
  assert.throws(() => new Pusher('nonsense', { WebSocket }), SyntaxError);
  assert.throws(() => new Pusher(undefined, { WebSocket }), /which server/);
  let broken = false;
  class Moody extends WebSocket {
    constructor(...args) {
      if (broken) throw new Error('not now');
      super(...args);
    }
  }
  const pusher = new Pusher('http://push.test/x/', { WebSocket: Moody });
  assert.equal(pusher.url, 'ws://push.test/x/');
  broken = true;
  Moody.last.lose();
  tick(1000);
  assert.equal(pusher.state, 'waiting');
  broken = false;
  // How often it failed meanwhile, and so how long it waits now, is up to chance; 30 s is the most.
  for (let waited = 0; waited <= 30 && pusher.state === 'waiting'; waited += 1) tick(1000);
  assert.equal(pusher.state, 'connecting');
  pusher.close();
});

// The script as a page loads it: no module, document.currentScript says where it came from.
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
    const code = fs.readFileSync(path.join(__dirname, '..', 'pusher.js'), 'utf8');
    vm.runInNewContext(code, page);
    if (!url) return assert.throws(() => vm.runInContext('new Pusher()', page), /which server/);
    vm.runInContext('new Pusher()', page);
    assert.equal(WebSocket.last.url, url);
  });
}

test('needs a WebSocket, and says so', () => {
  const saved = globalThis.WebSocket;
  delete globalThis.WebSocket;
  try {
    assert.throws(() => new Pusher('ws://x/'), /no WebSocket here/);
  } finally {
    if (saved) globalThis.WebSocket = saved;
  }
});

test('pusher.js and autobahn.js together are under 8 KB gzipped', () => {
  const both = ['pusher.js', 'autobahn.js'].map((name) => fs.readFileSync(path.join(__dirname, '..', name)));
  const size = zlib.gzipSync(Buffer.concat(both), { level: 9 }).length;
  assert.ok(size < 8000, `${size} bytes`);
});
