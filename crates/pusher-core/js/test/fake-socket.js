'use strict';
// A WebSocket whose server is the test. Not a test itself.

/** Creates a class for one test, which records its sockets. */
function fakeWebSocket() {
  return class FakeWebSocket {
    static sockets = [];
    static get last() { return this.sockets[this.sockets.length - 1]; }

    constructor(url, protocols) {
      if (!/^wss?:\/\//.test(url)) throw new SyntaxError('invalid url ' + url);
      Object.assign(this, { url, protocols, protocol: '', bufferedAmount: 0, sent: [], closed: false });
      this.constructor.sockets.push(this);
    }

    send(text) { this.sent.push(JSON.parse(text)); }
    close() { this.closed = true; }

    /** Returns the messages that the client has sent since the last call. */
    took() { return this.sent.splice(0); }

    open(protocol = 'wamp') {
      this.protocol = protocol;
      this.onopen?.({});
    }

    say(message) { this.raw(JSON.stringify(message)); }
    raw(data) { this.onmessage?.({ data }); }

    welcome(sessionId = 'session-1', protocol = 'wamp') {
      this.open(protocol);
      this.say([0, sessionId, 1, 'pushd/test']);
    }

    lose(code = 1006, reason = '') {
      this.onerror?.({});
      this.onclose?.({ code, reason, wasClean: code !== 1006 });
    }
  };
}

/** Lets promises settle. */
async function settled() {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

const { setTimeout: realSetTimeout, clearTimeout: realClearTimeout } = globalThis;
const realNow = Date.now;

/** Fake timers; time passes only in ticks. Those of Node 18 (Debian 12) are incomplete. */
function fakeClock(t) {
  const timers = new Map(); // id -> {at, run}, in order of creation
  let now = 0, id = 0;
  globalThis.setTimeout = (run, ms = 0) => {
    timers.set(++id, { at: now + ms, run });
    return id;
  };
  globalThis.clearTimeout = (id) => { timers.delete(id); };
  Date.now = () => 1700000000000 + now;
  t.after(() => {
    Object.assign(globalThis, { setTimeout: realSetTimeout, clearTimeout: realClearTimeout });
    Date.now = realNow;
  });
  const nextUntil = (end) => Array.from(timers).filter(([, timer]) => timer.at <= end)
    .reduce((first, other) => (first && first[1].at <= other[1].at ? first : other), null);
  return {
    tick(ms) {
      const end = now + ms;
      for (let next = nextUntil(end); next; next = nextUntil(end)) {
        timers.delete(next[0]);
        now = Math.max(now, next[1].at);
        next[1].run();
      }
      now = end;
    },
    /** Lets time pass without timers, as on a sleeping machine or in a throttled page. */
    sleep(ms) { now += ms; },
  };
}

module.exports = { fakeClock, fakeWebSocket, settled };
