/**
 * pusher.js: a WAMP v1 client for browsers and Node >= 22. MIT OR Apache-2.0. Every method: pusher.d.ts, beside this file.
 */
(function (root) {
  'use strict';

  const WELCOME = 0, PREFIX = 1, CALL = 2, CALLRESULT = 3, CALLERROR = 4;
  const PUBLISH = 7, KEEPALIVE = 12, TICKET = 13; // topics.js has those of subscriptions
  const PUSHD = 'pushd.1'; // WAMP v1 with recovery and KEEPALIVE
  const SUBPROTOCOLS = [PUSHD, 'wamp'];

  const WELCOME_DEADLINE_MS = 10000;
  const STABLE_MS = 10000; // a connection that lasted this long resets the backoff
  const REFUSED_BASE_MS = 30000, REFUSED_MAX_MS = 300000;
  // Close codes for invalid input. The server would refuse the same bytes again.
  const REFUSALS = [1002, 1003, 1007, 1008, 1009, 1010];
  const RETRY_MIN_MS = 100, RETRY_MAX_MS = 300000; // bounds for the delay that the server announces

  const script = (typeof document === 'object' && document.currentScript) || {};

  function urlOfScript() {
    const match = /^http(s?:\/\/[^?#]*\/)(pusher|autobahn)\.js([?#]|$)/.exec(script.src || '');
    if (match) return 'ws' + match[1];
    throw new Error("Pusher: which server? Give its address: new Pusher('wss://push.example/')");
  }

  // One handler's error must not affect the others.
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
    if (typeof handler !== 'function') throw new TypeError('Pusher: the handler is not a function');
  }

  function callError(message, uri, details) {
    return Object.assign(new Error(message), { uri, description: message, details });
  }

  function parse(data) {
    try {
      const message = JSON.parse(data);
      return Array.isArray(message) ? message : [];
    } catch (error) {
      return [];
    }
  }

  // Do not wait for the closing handshake, which never completes on a dead path.
  function discard(ws) {
    if (!ws) return;
    ws.onopen = ws.onmessage = ws.onclose = null;
    ws.onerror = () => {};
    ws.close();
  }

  class Pusher {
    constructor(url, options) {
      const given = options || {};
      this.url = (url || urlOfScript()).replace(/^http/, 'ws');
      this.state = 'closed';
      this.sessionId = this.server = null;
      this._WebSocket = given.WebSocket || root.WebSocket;
      if (!this._WebSocket) throw new Error('Pusher: WebSocket is missing (Node has it since 22)');
      const backoff = { reconnect: true, backoffBaseMs: 1000, backoffMaxMs: 30000 };
      const limits = { callDeadlineMs: 60000, callsMax: 1000, unsentBytesMax: 1 << 20 };
      this._options = Object.assign(backoff, limits, given);
      if (this._options.denied) mustBeFunction(this._options.denied);
      if (!Pusher.Topics) {
        require('./topics.js'); // each adds its part
        require('./tickets.js');
        require('./liveness.js');
        require('./presence.js');
      }
      this._topics = new Pusher.Topics(this);
      this._tickets = new Pusher.Tickets(this);
      this._liveness = new Pusher.Liveness(this);
      this._prefixes = new Map();
      this._calls = new Map(); // call id -> {resolve, reject, timer}
      this._watchers = new Set();
      this._callId = this._failures = this._refusals = 0;
      this._info = {};
      this._baseMs = this._options.backoffBaseMs;
      this._wake = (event) => this._hurry(event.type);
      this._connect(); // throws if the address is invalid
      this._listen('addEventListener');
    }

    subscribe(topic, handler, options) {
      const given = options || {};
      mustBeFunction(handler);
      if (given.gap) mustBeFunction(given.gap);
      if (given.denied) mustBeFunction(given.denied);
      return this._topics.add(this.resolve(uriOf(topic)), handler, given);
    }

    unsubscribe(topic, handler) {
      this._topics.remove(this.resolve(uriOf(topic)), (entry) => !handler || entry.handler === handler);
    }

    position(topic) {
      return this._topics.position(this.resolve(uriOf(topic)));
    }

    publish(topic, event, options) {
      const given = options || {}, own = given.excludeMe ? this._liveness.sessionIds() : [];
      const message = [PUBLISH, uriOf(topic), event];
      if (given.exclude || given.eligible) {
        // The message has the flag or the lists, not both.
        message.push((given.exclude || []).concat(own));
        if (given.eligible) message.push(given.eligible);
      } else if (given.excludeMe) {
        message.push(own.length > 1 ? own : true);
      }
      return this._roomToSend() && this._send(message);
    }

    call(procUri, ...args) {
      return new Promise((resolve, reject) => {
        if (this.sessionId === null) throw callError('not connected', null);
        const full = this._calls.size >= this._options.callsMax || !this._roomToSend();
        if (full) throw callError('too many calls pending', null);
        const id = String(++this._callId);
        this._send([CALL, id, uriOf(procUri)].concat(args));
        const deadline = this._options.callDeadlineMs;
        const late = () => this._settle(id, callError('no answer in ' + deadline + ' ms', null));
        const timer = deadline && setTimeout(late, deadline);
        this._calls.set(id, { resolve, reject, timer, ws: this._ws });
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
      const entry = { handler };
      this._watchers.add(entry);
      guarded(handler, this.state, this._info);
      return () => { this._watchers.delete(entry); };
    }

    close() {
      if (this.state === 'closed') return;
      this._end({ code: 1000, reason: '', wasClean: true, opened: this._opened });
    }

    _connect() {
      this._opened = false;
      if (this._isSseNext) return this._connectSse();
      const ws = this._newSocket();
      this._after(WELCOME_DEADLINE_MS, () => this._fail(1006, 'no WELCOME within ' + WELCOME_DEADLINE_MS + ' ms'));
      ws.onopen = () => {
        this._opened = SUBPROTOCOLS.indexOf(ws.protocol) >= 0;
        if (!this._opened) this._fail(1002, 'the server does not speak WAMP');
      };
      this._use(ws);
      this._become('connecting', {});
    }

    _newSocket() { return new this._WebSocket(this.url, SUBPROTOCOLS); }

    // Server-Sent Events, for networks that block WebSockets. Only pages that need the script load it.
    _connectSse() {
      const attempt = this._sse = { update() {}, close() {} };
      const fail = () => this._sse === attempt && this._fail(1006, 'neither WebSockets nor Server-Sent Events');
      this._after(WELCOME_DEADLINE_MS, () => this._fail(1006, 'no event stream within ' + WELCOME_DEADLINE_MS + ' ms'));
      this._become('connecting', {});
      const folder = new URL('.', this.url.replace(/^ws/, 'http')).href;
      const start = () => {
        if (!Pusher.Sse) fail();
        else if (this._sse === attempt) this._sse = new Pusher.Sse(this, folder);
      };
      if (Pusher.Sse) return start();
      const tag = { src: folder + 'pusher-sse.js', nonce: script.nonce || '', onload: start, onerror: fail };
      document.head.appendChild(Object.assign(document.createElement('script'), tag));
    }

    _use(ws) {
      this._ws = ws;
      ws.onmessage = (frame) => this._arrived(ws, frame.data);
      ws.onclose = (end) => {
        if (ws !== this._ws) return; // the old connection of a move
        this._liveness.endOverlap();
        this._lost({ code: end.code, reason: end.reason, wasClean: end.wasClean });
      };
      // Once open, `close` follows with details. For a refused connection Node 22 fires only `error`.
      ws.onerror = () => this._opened || this._fail(1006, 'no connection');
    }

    _arrived(ws, data) {
      const message = parse(data);
      if (this._liveness.heard(ws, message, data)) this._receive(message);
    }

    _welcome(message) {
      this.sessionId = message[1];
      this.server = String(message[3]);
      this._hasWorked = true;
      this._baseMs = this._options.backoffBaseMs;
      this._prefixes.forEach((uri, prefix) => this._send([PREFIX, prefix, uri]));
      const isPushd = this._isPushd = this._ws.protocol === PUSHD; // an older server has no private topics
      this._topics.restart(isPushd);
      if (isPushd) this._tickets.begin();
      else this._tickets.stop();
      this._topics.subscribeAll();
      this._openMs = Date.now();
      this._liveness.begin();
      this._become('open', {});
      this._topics.opened();
    }

    // Ignore invalid messages.
    _receive(message) {
      const [type, key] = message;
      if (this.state === 'connecting') {
        if (type === WELCOME && typeof key === 'string') this._welcome(message);
      } else if (type === CALLRESULT) {
        this._settle(key, null, message[2]);
      } else if (type === CALLERROR) {
        this._settle(key, callError(String(message[3]), String(message[2]), message[4]));
      } else if (type === KEEPALIVE && typeof key === 'number' && key >= 0) {
        this._announced(key, message[2]);
      } else if (type === TICKET && this._isPushd) {
        this._tickets.answered(key, message[2]);
      } else {
        this._topics.receive(message);
      }
    }

    _settle(key, error, result) {
      const call = this._calls.get(String(key));
      if (!call) return;
      this._calls.delete(String(key));
      clearTimeout(call.timer);
      if (error) call.reject(error);
      else call.resolve(result);
    }

    _announced(intervalMs, retryMs) {
      const isValid = typeof retryMs === 'number' && retryMs >= 0;
      if (isValid) this._baseMs = Math.min(Math.max(retryMs, RETRY_MIN_MS), RETRY_MAX_MS);
      this._liveness.announced(intervalMs);
    }

    _fail(code, reason) {
      this._lost({ code, reason, wasClean: false });
    }

    _lost(info) {
      info.opened = this._opened;
      if (!this._options.reconnect) return this._end(info);
      if (this.state === 'open' && Math.abs(Date.now() - this._openMs) >= STABLE_MS) this._failures = this._refusals = 0;
      this._refused = REFUSALS.indexOf(info.code) >= 0;
      info.delayMs = Math.round(this._refused ? this._refusalDelay() : this._failureDelay());
      // After two attempts without WELCOME, perhaps a proxy blocks WebSockets.
      const isBlocked = !this._hasWorked && this._failures > 1 && !this._sse && this._topics.size > 0;
      this._isSseNext = isBlocked && typeof root.EventSource === 'function';
      this._after(info.delayMs, () => this._retry());
      this._cut();
      this._become('waiting', info);
    }

    // Full jitter, so that the pages of a restarted server do not reconnect in one wave.
    _failureDelay() {
      const ceiling = this._baseMs * Math.pow(2, this._failures++);
      return Math.random() * Math.min(Math.max(this._baseMs, this._options.backoffMaxMs), ceiling);
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

    // Handles an event of the page or the machine.
    _hurry(event) {
      const isOnline = event === 'online';
      // Chromium keeps the connections of cached pages.
      if (event === 'pagehide') return this._options.reconnect && this.state !== 'waiting' && this._fail(1001, event);
      if (!isOnline && document.visibilityState === 'hidden') return;
      if (isOnline) this._hasWorked = false; // another network may block WebSockets
      if (this.state !== 'waiting' || this._sse) this._liveness.hurry(isOnline);
      else if (!this._refused) this._retry();
    }

    _listen(addOrRemove) {
      const on = (target, names) => names.forEach((name) => target[addOrRemove](name, this._wake));
      if (typeof root[addOrRemove] === 'function') on(root, ['online', 'pageshow', 'pagehide']);
      if (typeof document === 'object') on(document, ['visibilitychange', 'resume']);
    }

    _end(info) {
      clearTimeout(this._timer);
      this._listen('removeEventListener');
      this._cut();
      this._become('closed', info);
      this._watchers.clear();
    }

    _cut() {
      this._liveness.stop();
      discard(this._ws);
      this._endSse();
      this._topics.restart(null);
      this._tickets.stop();
      this._ws = this.sessionId = this.server = null;
      this._endCalls();
    }

    // Rejects the calls of this connection, or all.
    _endCalls(ws) {
      this._calls.forEach((call, id) => {
        if (!ws || call.ws === ws) this._settle(id, callError('connection lost', null));
      });
    }

    _endSse() {
      if (this._sse) this._sse.close();
      this._sse = null;
    }

    _become(state, info) {
      this.state = state;
      this._info = info;
      this._tell(info);
    }

    _tell(info) {
      const state = this.state, current = this._info;
      // Stop if a watcher has changed the state.
      const tell = (entry) => this._info === current && guarded(entry.handler, state, info);
      Array.from(this._watchers).forEach(tell);
    }

    // The only timer: for WELCOME, the next check, its answer, or the next attempt.
    _after(ms, action) {
      clearTimeout(this._timer);
      this._timer = setTimeout(action, ms);
    }

    _roomToSend() {
      return this.sessionId !== null && this._ws.bufferedAmount <= this._options.unsentBytesMax;
    }

    // SUBSCRIBE or UNSUBSCRIBE.
    _sendTopic(message) {
      if (this._sse) this._sse.update();
      else if (!this._tickets.isHolding) this._send(message);
    }

    _send(message) {
      const hasSession = this.sessionId !== null;
      if (hasSession) this._ws.send(JSON.stringify(message));
      return hasSession;
    }
  }

  Object.assign(Pusher, { guarded, uriOf, mustBeFunction, parse, discard });
  if (typeof module === 'object' && module.exports) module.exports = Pusher;
  else root.Pusher = Pusher;
})(typeof self === 'object' ? self : globalThis);
