/**
 * pusher.js: a WAMP v1 client for browsers and Node >= 22. MIT OR Apache-2.0.
 *
 *   const pusher = new Pusher();                   // connects to where the script came from
 *   const off = pusher.subscribe('kittensCategory', (event, topic) => show(event));
 *   pusher.watch((state, info) => { light.dataset.state = state; });
 *
 * new Pusher(url?, options?)  url: ws or http, by default the script's own without "pusher.js". options:
 *     reconnect (true), backoffBaseMs (1000), backoffMaxMs (30000), callDeadlineMs (60000; 0: none), WebSocket.
 * subscribe(topic, handler) -> off   handler(event, full URI). At any time; kept over reconnects; one SUBSCRIBE
 *     a topic, however many handlers.
 * unsubscribe(topic, handler?)       without handler: all of the topic.
 * publish(topic, event, {excludeMe, exclude, eligible}?) -> boolean   false: not sent and not kept, for
 *     the state is not 'open' or 1 MiB is still unsent. The lists hold session ids.
 * call(procUri, ...args) -> Promise  rejected with an Error that has uri, description, details of the CALLERROR;
 *     uri null: not connected, connection lost, no answer, or 1000 calls pending.
 * prefix(prefix, uri)                "prefix:rest" means uri + "rest". Sent again on every connect.
 * resolve(curie) -> uri
 * watch(handler) -> off              handler(state, info) now and at every change. info of a connection that
 *     ended: code, reason, wasClean, opened; while 'waiting' delayMs too.
 * close()                            for good.
 * state: 'connecting', 'open' (by WELCOME), 'waiting' (for the next attempt), 'closed'. sessionId, server, url.
 *
 * A lost connection comes back after a random part of 1, 2, 4 .. 30 s, or at once when the machine is on line or
 * the page visible again; slower if the server refused us. Fetch what was missed when the state is 'open'.
 */
(function (root) {
  'use strict';

  const WELCOME = 0, PREFIX = 1, CALL = 2, CALLRESULT = 3, CALLERROR = 4;
  const SUBSCRIBE = 5, UNSUBSCRIBE = 6, PUBLISH = 7, EVENT = 8;

  const WELCOME_DEADLINE_MS = 10000;
  const STABLE_MS = 10000; // a connection this old was a good one: the backoff begins anew
  const REFUSED_BASE_MS = 30000, REFUSED_MAX_MS = 300000;
  // Close codes for: what you sent will not do. The same bytes would be refused again.
  const REFUSALS = [1002, 1003, 1007, 1008, 1009, 1010];
  const CALLS_MAX = 1000;
  const UNSENT_BYTES_MAX = 1 << 20;

  const script = typeof document === 'object' && document.currentScript && document.currentScript.src;

  function urlOfScript() {
    const match = /^http(s?:\/\/[^?#]*\/)(pusher|autobahn)\.js([?#]|$)/.exec(script || '');
    if (match) return 'ws' + match[1];
    throw new Error("Pusher: which server? Give its address: new Pusher('wss://push.example/')");
  }

  // A handler's fault must not hit the others.
  function guarded(handler, a, b) {
    try {
      handler(a, b);
    } catch (error) {
      if (typeof reportError === 'function') reportError(error);
      else console.error(error);
    }
  }

  function uriOf(topic) {
    if (typeof topic === 'string' || typeof topic === 'number') return String(topic);
    throw new TypeError('Pusher: a topic is a string, not ' + typeof topic);
  }

  function mustBeFunction(handler) {
    if (typeof handler !== 'function') throw new TypeError('Pusher: the handler is no function');
  }

  function callError(message, uri, details) {
    return Object.assign(new Error(message), { uri: uri, description: message, details: details });
  }

  function parse(data) {
    try {
      const message = JSON.parse(data);
      return Array.isArray(message) ? message : [];
    } catch (error) {
      return [];
    }
  }

  class Pusher {
    constructor(url, options) {
      const given = options || {};
      this.url = (url || urlOfScript()).replace(/^http/, 'ws');
      this.state = 'closed';
      this.sessionId = this.server = null;
      this._WebSocket = given.WebSocket || root.WebSocket;
      if (!this._WebSocket) throw new Error('Pusher: no WebSocket here (Node has one from 22 on)');
      this._options = Object.assign(
        { reconnect: true, backoffBaseMs: 1000, backoffMaxMs: 30000, callDeadlineMs: 60000 }, given);
      this._topics = new Map(); // URI -> Set of {handler}
      this._prefixes = new Map();
      this._calls = new Map(); // call id -> {resolve, reject, timer}
      this._watchers = new Set();
      this._callId = this._failures = this._refusals = 0;
      this._info = {};
      this._wake = (event) => this._hurry(event.type);
      this._connect(); // throws for an address that is none
      this._listen('addEventListener');
    }

    subscribe(topic, handler) {
      mustBeFunction(handler);
      const uri = this.resolve(uriOf(topic));
      const entry = { handler: handler };
      if (!this._topics.has(uri)) {
        this._topics.set(uri, new Set());
        this._send([SUBSCRIBE, uri]);
      }
      this._topics.get(uri).add(entry);
      return () => this._remove(uri, (other) => other === entry);
    }

    unsubscribe(topic, handler) {
      this._remove(this.resolve(uriOf(topic)), (entry) => !handler || entry.handler === handler);
    }

    publish(topic, event, options) {
      const given = options || {};
      const message = [PUBLISH, uriOf(topic), event];
      if (given.exclude || given.eligible) {
        // The wire has the flag or the lists, not both.
        message.push((given.exclude || []).concat(given.excludeMe ? this.sessionId : []));
        if (given.eligible) message.push(given.eligible);
      } else if (given.excludeMe) {
        message.push(true);
      }
      return this._roomToSend() && this._send(message);
    }

    call(procUri, ...args) {
      return new Promise((resolve, reject) => {
        if (this.state !== 'open') throw callError('not connected', null);
        const full = this._calls.size >= CALLS_MAX || !this._roomToSend();
        if (full) throw callError('too many calls pending', null);
        const id = String(++this._callId);
        this._send([CALL, id, uriOf(procUri)].concat(args));
        const deadline = this._options.callDeadlineMs;
        const late = () => this._settle(id, callError('no answer in ' + deadline + ' ms', null));
        this._calls.set(id, { resolve: resolve, reject: reject, timer: deadline && setTimeout(late, deadline) });
      });
    }

    prefix(prefix, uri) {
      this._prefixes.set(String(prefix), String(uri));
      this._send([PREFIX, String(prefix), String(uri)]);
    }

    resolve(curie) {
      const colon = curie.indexOf(':');
      const uri = colon < 0 ? undefined : this._prefixes.get(curie.slice(0, colon));
      return uri === undefined ? curie : uri + curie.slice(colon + 1);
    }

    watch(handler) {
      mustBeFunction(handler);
      const entry = { handler: handler };
      this._watchers.add(entry);
      guarded(handler, this.state, this._info);
      return () => { this._watchers.delete(entry); };
    }

    close() {
      if (this.state === 'closed') return;
      this._drop();
      this._end({ code: 1000, reason: '', wasClean: true, opened: this._opened });
    }

    _connect() {
      this._opened = false;
      const ws = this._ws = new this._WebSocket(this.url, ['wamp']);
      this._after(WELCOME_DEADLINE_MS, () => this._fail(1006, 'no WELCOME within ' + WELCOME_DEADLINE_MS + ' ms'));
      ws.onopen = () => {
        this._opened = ws.protocol === 'wamp';
        if (!this._opened) this._fail(1002, 'the server does not speak WAMP');
      };
      ws.onmessage = (frame) => this._receive(parse(frame.data));
      ws.onclose = (end) => this._lost({ code: end.code, reason: end.reason, wasClean: end.wasClean });
      // Once open, close follows and says more; Node 22 says no more than this of a refused connection.
      ws.onerror = () => this._opened || this._fail(1006, 'no connection');
      this._become('connecting', {});
    }

    _welcome(message) {
      this.sessionId = message[1];
      this.server = String(message[3]);
      const send = (wire) => this._ws.send(JSON.stringify(wire));
      this._prefixes.forEach((uri, prefix) => send([PREFIX, prefix, uri]));
      this._topics.forEach((handlers, uri) => send([SUBSCRIBE, uri]));
      this._after(STABLE_MS, () => { this._failures = this._refusals = 0; });
      this._become('open', {});
    }

    // What makes no sense is passed over.
    _receive(message) {
      const [type, key] = message;
      if (this.state === 'connecting') {
        if (type === WELCOME && typeof key === 'string') this._welcome(message);
      } else if (type === EVENT && message.length > 2) {
        this._deliver(key, message[2]);
      } else if (type === CALLRESULT) {
        this._settle(key, null, message[2]);
      } else if (type === CALLERROR) {
        this._settle(key, callError(String(message[3]), String(message[2]), message[4]));
      }
    }

    _deliver(topic, event) {
      const handlers = this._topics.get(topic);
      // A copy, for handlers come and go meanwhile.
      const call = (entry) => handlers.has(entry) && guarded(entry.handler, event, topic);
      if (handlers) Array.from(handlers).forEach(call);
    }

    _settle(key, error, result) {
      const call = this._calls.get(String(key));
      if (!call) return;
      this._calls.delete(String(key));
      clearTimeout(call.timer);
      if (error) call.reject(error);
      else call.resolve(result);
    }

    _fail(code, reason) {
      this._drop();
      this._lost({ code: code, reason: reason, wasClean: false });
    }

    _lost(info) {
      info.opened = this._opened;
      if (!this._options.reconnect) return this._end(info);
      this._refused = REFUSALS.includes(info.code);
      info.delayMs = Math.round(this._refused ? this._refusalDelay() : this._failureDelay());
      this._after(info.delayMs, () => this._retry());
      this._cut();
      this._become('waiting', info);
    }

    // Full jitter: not all pages of a restarted server in one wave.
    _failureDelay() {
      const ceiling = this._options.backoffBaseMs * Math.pow(2, this._failures++);
      return Math.random() * Math.min(this._options.backoffMaxMs, ceiling);
    }

    _refusalDelay() {
      const ceiling = Math.min(REFUSED_MAX_MS, REFUSED_BASE_MS * Math.pow(2, this._refusals++));
      return ceiling * (1 + Math.random()) / 2;
    }

    _retry() {
      try {
        this._connect();
      } catch (error) {
        this._lost({ code: 1006, reason: String(error), wasClean: false });
      }
    }

    _hurry(event) {
      const hidden = event !== 'online' && document.visibilityState === 'hidden';
      if (this.state === 'waiting' && !this._refused && !hidden) this._retry();
    }

    _listen(addOrRemove) {
      if (!this._options.reconnect) return;
      if (typeof root[addOrRemove] === 'function') root[addOrRemove]('online', this._wake);
      if (typeof document === 'object') document[addOrRemove]('visibilitychange', this._wake);
    }

    _end(info) {
      clearTimeout(this._timer);
      this._listen('removeEventListener');
      this._cut();
      this._become('closed', info);
      this._watchers.clear();
    }

    _cut() {
      this._ws = this.sessionId = this.server = null;
      this._calls.forEach((call, id) => this._settle(id, callError('connection lost', null)));
    }

    _drop() {
      const ws = this._ws;
      if (!ws) return;
      ws.onopen = ws.onmessage = ws.onclose = null;
      ws.onerror = () => {};
      ws.close();
    }

    _become(state, info) {
      this.state = state;
      this._info = info;
      // Unless a watcher has changed it meanwhile.
      const tell = (entry) => this._info === info && guarded(entry.handler, state, info);
      Array.from(this._watchers).forEach(tell);
    }

    // One timer: we wait for WELCOME, a good age, or the next attempt.
    _after(ms, action) {
      clearTimeout(this._timer);
      this._timer = setTimeout(action, ms);
    }

    _roomToSend() {
      return this.state === 'open' && this._ws.bufferedAmount <= UNSENT_BYTES_MAX;
    }

    _send(message) {
      const open = this.state === 'open';
      if (open) this._ws.send(JSON.stringify(message));
      return open;
    }

    _remove(uri, isGone) {
      const handlers = this._topics.get(uri);
      if (!handlers) return;
      handlers.forEach((entry) => isGone(entry) && handlers.delete(entry));
      if (handlers.size) return;
      this._topics.delete(uri);
      this._send([UNSUBSCRIBE, uri]);
    }
  }

  if (typeof module === 'object' && module.exports) module.exports = Pusher;
  else root.Pusher = Pusher;
})(typeof self === 'object' ? self : globalThis);
