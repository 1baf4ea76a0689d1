'use strict';
// The tabs of a site share one event stream.
const { test } = require('node:test');
const assert = require('node:assert/strict');
require('../pusher-sse.js');
const { dice } = require('./dice.js');
const { browser } = require('./fake-tabs.js');
const { settled } = require('./fake-socket.js');

const last = (list) => list[list.length - 1];

/** Tabs with these topics, the first of which leads; its stream is open at e1-10. */
async function tabs(t, ...topics) {
  const it = browser(t);
  const all = [];
  for (const own of topics) {
    all.push(await it.blocked(it.tab(own)));
    await follow(it, 'e1-10');
  }
  all.forEach((tab) => assert.equal(tab.pusher.state, 'open'));
  return { ...it, all, stream: () => it.EventSource.last };
}

/** Answers each stream with the position at which it begins: its `since`, or the end of the log. */
async function follow(it, end) {
  for (let answered = null; answered !== it.EventSource.last && it.EventSource.open.length > 0;) {
    answered = it.EventSource.last;
    answered.at(answered.since || end);
    await settled();
  }
}

test('tabs with the same topics share one stream, and each gets every event once', async (t) => {
  const { EventSource, all, stream } = await tabs(t, ['cats'], ['cats'], ['cats']);
  assert.equal(EventSource.streams.length, 1);
  stream().say('cats', 'a', 'e1-11');
  await settled();
  for (const tab of all) {
    assert.deepEqual(tab.took(), ['cats a']);
    assert.equal(tab.pusher.position('cats'), 'e1-11');
    assert.deepEqual(last(tab.states), { state: 'open', receiveOnly: true });
  }
});

test('the stream has the topics of all tabs, and each tab gets its own', async (t) => {
  const { EventSource, all, stream } = await tabs(t, ['cats', 'dogs'], ['dogs', 'birds']);
  assert.deepEqual(stream().topics, ['cats', 'dogs', 'birds']);
  assert.equal(EventSource.open.length, 1);
  for (const [n, topic] of ['cats', 'dogs', 'birds'].entries()) stream().say(topic, n, 'e1-' + (11 + n));
  await settled();
  assert.deepEqual(all.map((tab) => tab.took()), [['cats 0', 'dogs 1'], ['dogs 1', 'birds 2']]);
  assert.deepEqual(all.map((tab) => tab.pusher.position('dogs')), ['e1-13', 'e1-13'], 'quiet topics move on in all tabs');
});

for (const [how, end] of [['closes', (tab) => tab.pusher.close()],
  ['finds a WebSocket', (tab) => {
    tab.pusher._liveness._openAnother();
    tab.WebSocket.last.welcome('sid', 'pushd.1');
  }]]) {
  test(`the leader ${how}: another tab takes over at the tabs' position`, async (t) => {
    const it = await tabs(t, ['cats'], ['cats'], ['dogs']);
    const { EventSource, all, stream, pass } = it;
    stream().say('cats', 'a', 'e1-11');
    await settled();
    end(all[0]);
    await pass(100);
    assert.equal(EventSource.open.length, 1);
    assert.deepEqual([stream().topics, stream().since], [['cats', 'dogs'], 'e1-11']);
    await follow(it);
    stream().say('cats', 'b', 'e1-12');
    stream().say('dogs', 'c', 'e1-13');
    await settled();
    assert.deepEqual(all.slice(1).map((tab) => tab.took()), [['cats a', 'cats b'], ['dogs c']]);
    for (const tab of all.slice(1)) assert.deepEqual(tab.states.filter((each) => each.state === 'open').length, 1);
  });
}

test('a tab that closes leaves: the others go on, and the next stream is without its topics', async (t) => {
  const it = await tabs(t, ['cats'], ['dogs']);
  const { EventSource, all, stream, pass } = it;
  const streams = EventSource.streams.length;
  all[1].pusher.close();
  await pass(1000);
  assert.equal(EventSource.streams.length, streams);
  all[0].listen('birds');
  await pass(100);
  await follow(it, 'e1-20');
  assert.deepEqual(stream().topics, ['cats', 'birds']);
});

test('a tab whose topics the server refuses goes back to WebSockets, and the others continue', async (t) => {
  const it = await tabs(t, ['cats']);
  const { EventSource, all, stream, pass } = it;
  const other = await it.blocked(it.tab(['no history']));
  assert.deepEqual(stream().topics, ['no history']);
  stream().fail();
  await settled();
  assert.equal(last(other.states).state, 'waiting');
  await pass(0);
  it.tick(0);
  assert.deepEqual([stream().topics, stream().since], [['cats'], 'e1-10']);
  await follow(it);
  stream().say('cats', 'a', 'e1-11');
  assert.deepEqual(all[0].took(), ['cats a']);
  assert.equal(all[0].states.filter((each) => each.state === 'waiting').length, 2, 'only before the stream');
  assert.equal(EventSource.open.length, 1);
});

test('a tab that adds a topic which the server refuses loses the stream alone', async (t) => {
  const it = await tabs(t, ['cats'], ['cats']);
  const { EventSource, all, stream, pass } = it;
  all[1].listen('no history');
  await pass(100);
  stream().fail();
  await pass(100);
  await follow(it);
  assert.deepEqual(all.map((tab) => tab.pusher.state), ['open', 'connecting']);
  assert.equal(last(all[1].WebSocket.sockets).closed, false, 'a WebSocket');
  assert.deepEqual([EventSource.open.length, stream().topics], [1, ['cats']]);
});

test('a topic that is unsubscribed at once is not in the stream', async (t) => {
  const it = await tabs(t, ['cats']);
  it.all[0].listen('dogs')();
  it.all[0].listen('birds');
  await it.pass(100);
  await follow(it, 'e1-20');
  assert.deepEqual(it.stream().topics, ['cats', 'birds']);
});

test('late messages of an earlier leader are ignored', async (t) => {
  const { BroadcastChannel, all, pass, stream } = await tabs(t, ['cats'], ['cats']);
  const spy = new BroadcastChannel('pushd.sse.2 https://push.test/live/');
  const messages = [];
  spy.onmessage = ({ data }) => messages.push(data);
  stream().say('cats', 'a', 'e1-11');
  await settled();
  const late = { ...messages[0], event: 'late', position: { epoch: 'e1', sequence: 50 } };
  assert.equal(late.kind, 'event');
  all[0].pusher.close();
  await pass(100);
  stream().at('e1-11');
  spy.postMessage(late);
  await settled();
  stream().say('cats', 'b', 'e1-12');
  assert.deepEqual(all[1].took(), ['cats a', 'cats b']);
  spy.close();
});

test('the stream ends for all tabs, and opens again for all', async (t) => {
  const it = await tabs(t, ['cats'], ['dogs']);
  const { all, stream, pass } = it;
  stream().fail();
  await settled();
  assert.deepEqual(all.map((tab) => last(tab.states).state), ['waiting', 'waiting']);
  await pass(5000);
  await follow(it);
  assert.deepEqual(all.map((tab) => last(tab.states).state), ['open', 'open']);
});

test('the stream fails for good: all tabs go back to WebSockets', async (t) => {
  const { EventSource, all, stream, pass } = await tabs(t, ['cats'], ['dogs']);
  const attempts = all.map((tab) => tab.WebSocket.sockets.length);
  for (let failure = 0; failure < 4; failure++) {
    stream().fail();
    await pass(5000);
  }
  assert.equal(EventSource.open.length, 0);
  assert.deepEqual(all.map((tab) => tab.WebSocket.sockets.length), attempts.map((n) => n + 1));
});

test('a gap is told to every tab', async (t) => {
  const { all, stream, pass } = await tabs(t, ['cats'], ['dogs']);
  stream().fail();
  await pass(5000);
  stream().gap('e2-5');
  await settled();
  stream().say('dogs', 'a', 'e2-6');
  await settled();
  assert.deepEqual(all.map((tab) => tab.took()), [['cats gap'], ['dogs gap', 'dogs a']]);
});

test('sites of other servers have other streams', async (t) => {
  const { EventSource, BroadcastChannel, all, pass } = await tabs(t, ['cats']);
  const other = new BroadcastChannel('pushd.sse.2 https://other.test/');
  other.onmessage = () => assert.fail('another channel');
  all[0].listen('dogs');
  await pass(100);
  other.close();
  assert.equal(EventSource.open.length, 1);
});

test('without Web Locks each tab has its own stream', async (t) => {
  const it = browser(t, ['locks']);
  for (const topics of [['cats'], ['cats']]) {
    await it.blocked(it.tab(topics));
    it.EventSource.last.at('e1-10');
  }
  assert.equal(it.EventSource.open.length, 2);
  assert.equal(it.BroadcastChannel.open, 0);
});

test('a page without a right to locks has its own stream', async (t) => {
  const it = browser(t);
  it.navigator.locks.request = () => Promise.reject(new Error('SecurityError'));
  const tab = await it.blocked(it.tab(['cats']));
  it.EventSource.last.at('e1-10');
  assert.equal(tab.pusher.state, 'open');
});

// The server has a log. Streams fail, leaders close, tabs come and go, topics too.
for (let seed = 1; seed <= 30; seed++) {
  test(`nothing is missed or doubled, seed ${seed}`, async (t) => {
    const roll = dice(seed);
    const it = browser(t);
    const log = [], names = ['cats', 'dogs', 'birds'];
    const sent = new Map(); // stream -> number of log entries it has sent
    const serve = async () => {
      for (const stream of it.EventSource.open) {
        if (!sent.has(stream)) {
          const since = stream.since ? Number(stream.since.slice(3)) : log.length;
          sent.set(stream, since);
          stream.at('e1-' + since);
        }
        for (let n = sent.get(stream); n < log.length && !stream.closed; n++) {
          if (stream.topics.includes(log[n])) stream.say(log[n], n + 1, 'e1-' + (n + 1));
          sent.set(stream, n + 1);
        }
      }
      await settled();
    };
    const open = [];
    const enter = async () => {
      const since = 'e1-' + Math.max(0, log.length - roll(5));
      const topics = names.filter(() => roll(2)).concat('all');
      const tab = it.tab(topics, Object.fromEntries(topics.map((topic) => [topic, since])));
      open.push({ ...tab, topics, since: Number(since.slice(3)) });
      await it.blocked(tab);
    };
    const check = (tab) => {
      const due = log.map((topic, n) => topic + ' ' + (n + 1)).slice(tab.since).filter((text) => tab.topics.includes(text.split(' ')[0]));
      assert.deepEqual(tab.heard, due);
    };
    await enter();
    for (let step = 0; step < 60; step++) {
      const what = roll(10);
      if (what < 5) log.push(...Array.from({ length: 1 + roll(3) }, () => [...names, 'all'][roll(4)]));
      else if (what === 5 && open.length < 4) await enter();
      else if (what === 6 && open.length > 1) open.splice(roll(open.length), 1)[0].pusher.close();
      else if (what === 7 && it.EventSource.open.length) it.EventSource.open[0].fail();
      else await it.pass(roll(3) * 1000);
      if (roll(3)) await serve();
    }
    // Tabs that have lost the stream for good need some attempts to be back.
    const areOpen = () => open.every((tab) => tab.pusher.state === 'open');
    for (let round = 0, calm = 0; calm < 3 && round < 1000; round++) {
      calm = areOpen() ? calm + 1 : 0;
      for (const tab of open) if (tab.pusher.state === 'connecting' && !tab.pusher._sse) tab.WebSocket.last.lose();
      await it.pass(500);
      await serve();
    }
    assert.deepEqual(open.map((tab) => tab.pusher.state), open.map(() => 'open'));
    open.forEach(check);
    assert.equal(it.EventSource.open.length, 1);
  });
}
