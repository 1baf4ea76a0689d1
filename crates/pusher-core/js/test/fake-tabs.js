'use strict';
// Tabs of one site in a network that blocks WebSockets: event streams, Web Locks and BroadcastChannel. Not a test itself.
const Pusher = require('../pusher.js');
const { fakeClock, fakeWebSocket, settled } = require('./fake-socket.js');

/** Creates an EventSource whose server is the test. `streams` has all of them, `open` those that are not closed. */
function fakeEventSource() {
  return class FakeEventSource {
    static streams = [];
    static get open() { return this.streams.filter((stream) => !stream.closed); }
    static get last() { return this.streams[this.streams.length - 1]; }

    constructor(url, { withCredentials }) {
      const { origin, pathname, searchParams } = new URL(url);
      Object.assign(this, { address: origin + pathname, topics: searchParams.getAll('topic'), since: searchParams.get('since'),
        names: [...searchParams.keys()], ticket: searchParams.get('ticket'), withCredentials, closed: false, listeners: [] });
      this.constructor.streams.push(this);
    }

    addEventListener(type, listener) { this.listeners.push([type, listener]); }
    close() { this.closed = true; }

    emit(type, event = {}) {
      if (!this.closed) this.listeners.forEach(([name, listener]) => name === type && listener(event));
    }

    at(position) { this.emit('position', { data: JSON.stringify({ position }), lastEventId: position }); }
    gap(position) { this.emit('gap', { data: JSON.stringify({ position }), lastEventId: position }); }
    fail() { this.emit('error'); }
    denied(topic, code) { this.emit('denied', { data: JSON.stringify({ topic, code }) }); }

    /** The response is not a stream. */
    refuse() {
      this.readyState = 2;
      this.emit('error');
    }

    /** An event as the server writes it: with its topic if the stream has several. */
    say(topic, event, position) {
      const data = JSON.stringify(this.topics.length > 1 ? { topic, event } : event);
      this.emit('message', { data, lastEventId: position });
    }
  };
}

/** Delivers in order and later, to the other objects of the same name. */
function fakeBroadcastChannel() {
  const all = new Set();
  return class FakeBroadcastChannel {
    constructor(name) {
      this.name = name;
      all.add(this);
    }

    static get open() { return all.size; }

    postMessage(message) {
      if (!all.has(this)) throw new Error('InvalidStateError');
      const data = structuredClone(message);
      const others = [...all].filter((other) => other !== this && other.name === this.name);
      others.forEach((other) => queueMicrotask(() => all.has(other) && other.onmessage({ data })));
    }

    close() { all.delete(this); }
  };
}

/** Answers requests for streams: 403 if it has codes for a topic of the request and its ticket. `asked` has the requests. */
function fakeFetch() {
  const codes = new Map(), asked = [];
  const fetch = (url, options) => {
    const query = new URL(url).searchParams, topics = query.getAll('topic');
    const code = topics.map((topic) => codes.get(topic)).find(Boolean);
    asked.push({ topics, ticket: query.get('ticket'), ...options });
    const headers = new Map(code ? [['Pushd-Reason', code]] : []);
    return Promise.resolve({ status: code ? 403 : 200, headers, body: { cancel() {} } });
  };
  return Object.assign(fetch, { codes, asked });
}

/** One holder of each lock, the others wait in line. */
function fakeLocks() {
  const lines = new Map();
  const next = (line) => {
    if (!line.length) return;
    Promise.resolve(line[0].callback()).then(() => {
      line.shift();
      next(line);
    });
  };
  return {
    held: () => [...lines.values()].filter((line) => line.length).length,
    request(name, { signal }, callback) {
      const line = lines.get(name) || [];
      lines.set(name, line);
      return new Promise((resolve, reject) => {
        const entry = { callback };
        signal.addEventListener('abort', () => {
          if (line.indexOf(entry) > 0) line.splice(line.indexOf(entry), 1);
          reject(new Error('AbortError'));
        });
        line.push(entry);
        if (line.length === 1) queueMicrotask(() => next(line));
      });
    },
  };
}

/** A browser without WebSockets. `without` names what it lacks: locks, BroadcastChannel, EventSource, fetch. */
function browser(t, without = []) {
  const clock = fakeClock(t);
  const given = { EventSource: fakeEventSource(), BroadcastChannel: fakeBroadcastChannel(), navigator: { locks: fakeLocks() },
    fetch: fakeFetch() };
  if (without.includes('locks')) given.navigator = {};
  const saved = ['EventSource', 'BroadcastChannel', 'navigator', 'fetch'].map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  const set = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  saved.forEach(([name]) => set(name, without.includes(name) ? undefined : given[name]));
  t.after(() => saved.forEach(([name, old]) => {
    if (old) Object.defineProperty(globalThis, name, old);
    else delete globalThis[name];
  }));
  t.mock.method(Math, 'random', pseudoRandom());
  const pushers = [];
  t.after(() => pushers.forEach((pusher) => pusher.close()));

  /** Lets time pass, and promises settle meanwhile. */
  const pass = async (ms) => {
    await settled();
    const step = Math.max(25, ms / 200);
    for (let left = ms; left > 0; left -= step) {
      clock.tick(Math.min(left, step));
      await settled();
    }
  };

  /** A new tab, subscribed to these topics; `since` by topic. `heard` has the calls of its handlers, `gap` and `denied`. */
  const tab = (topics, since = {}, options = {}) => {
    const WebSocket = fakeWebSocket();
    const heard = [], states = [];
    const denied = (topic, code) => heard.push(topic + ' denied ' + code);
    const pusher = new Pusher('wss://push.test/live/ws?x=1', { WebSocket, denied, ...options });
    pushers.push(pusher);
    const listen = (topic) => pusher.subscribe(topic, (event) => heard.push(topic + ' ' + event),
      { since: since[topic], gap: () => heard.push(topic + ' gap') });
    const offs = topics.map(listen);
    pusher.watch((state, info) => states.push({ state, ...info }));
    return { pusher, WebSocket, heard, states, listen, offs, took: () => heard.splice(0) };
  };

  /** Fails the tab's two attempts by WebSocket, until it opens a stream. */
  const blocked = async (it) => {
    for (let attempt = 0; attempt < 2; attempt++) {
      it.WebSocket.last.lose();
      await pass(it.states[it.states.length - 1].delayMs + 1);
    }
    await pass(100);
    return it;
  };

  return { ...given, ...clock, pass, tab, blocked, set };
}

/** Different numbers in each tab, the same in every run. */
function pseudoRandom() {
  let seed = 1;
  return () => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 2147483648;
  };
}

module.exports = { browser };
