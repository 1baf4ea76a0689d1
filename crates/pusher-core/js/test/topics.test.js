'use strict';
// Run with: node --test crates/pusher-core/js/test/*.test.js
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { start, opened } = require('./client.js');

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

test('one SUBSCRIBE and one UNSUBSCRIBE per topic, for any number of handlers', (t) => {
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

test('subscribes to the current topics after a reconnect', (t) => {
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

test('numeric topics become strings; other types throw', (t) => {
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

test('a handler that throws is reported, and the others are called', (t) => {
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

test('handlers may be added and removed while an event is delivered', (t) => {
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

test('publish: message layouts, and false while not open', (t) => {
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
