/**
 * autobahn.js: the API of autobahn.js 0.7/0.8 (WAMP v1), on pusher.js. MIT OR Apache-2.0.
 * README.md, beside this file in the sources, lists the differences.
 */
(function (root) {
  'use strict';

  // If the file includes pusher.js, module.exports is already Pusher.
  const cjs = typeof module === 'object' && module.exports;
  const Pusher = !cjs ? root.Pusher : typeof cjs === 'function' ? cjs : require('./pusher.js');
  if (typeof Pusher !== 'function') throw new Error('autobahn.js: load pusher.js first');

  const PROCEDURE = 'http://api.wamp.ws/procedure#';
  const ITERATIONS_MAX = 1000000; // the server chooses the number
  // The topics by which pushd tells other clients of gaps and refusals.
  const GAP_TOPIC = 'pushd:gap', DENIED_TOPIC = 'pushd:denied';
  const RESUBSCRIBE_MS = 120000; // how long a session of ab.connect may take to subscribe again, as for `?resume=`

  const ab = {
    CONNECTION_CLOSED: 0,
    CONNECTION_LOST: 1,
    CONNECTION_RETRIES_EXCEEDED: 2,
    CONNECTION_UNREACHABLE: 3,
    CONNECTION_UNSUPPORTED: 4,
    CONNECTION_UNREACHABLE_SCHEDULED_RECONNECT: 5,
    CONNECTION_LOST_SCHEDULED_RECONNECT: 6,
    browserNotSupportedMessage: 'Browser does not support WebSockets (RFC6455)',
    version: () => '0.8.2',
    log: (...items) => grouped(items.length > 1 && 'Log Item', items),
    debug: (wamp, ws, connect) => { debugging = Boolean(wamp || ws || connect); },
  };
  let debugging = false;

  function debug(...items) {
    if (debugging) console.log('[ab]', ...items);
  }

  function grouped(title, items) {
    if (title) console.group(title);
    items.forEach((item) => console.log(item));
    if (title) console.groupEnd();
  }

  // Methods of when.js 2.7 promises that browsers do not have.
  class Promised extends Promise {
    constructor(executor) {
      let state = { state: 'pending' }, isDecided = false;
      super((resolve, reject) => {
        const fulfil = (value) => { state = { state: 'fulfilled', value: value }; resolve(value); };
        const refuse = (reason) => { state = { state: 'rejected', reason: reason }; reject(reason); };
        const once = (decide) => (value) => {
          if (!isDecided) decide(value);
          isDecided = true;
        };
        const follow = (value) => (isThenable(value) ? Promise.resolve(value).then(fulfil, refuse) : fulfil(value));
        executor(once(follow), once(refuse));
      });
      this.inspect = () => Object.assign({}, state);
      this._listeners = []; // for progress
    }

    then(onFulfilled, onRejected, onProgress) {
      const next = super.then(onFulfilled, onRejected);
      const pass = typeof onProgress === 'function' ? onProgress : (update) => update;
      this._listeners.push((update) => next._progress(update, pass));
      return next;
    }

    // Progress goes down the chain: the return values of the handlers, and their exceptions.
    _progress(update, pass) {
      let passed;
      try {
        passed = pass(update);
      } catch (error) {
        passed = error;
      }
      this._listeners.forEach((listener) => listener(passed));
    }

    otherwise(onRejected) { return this.then(undefined, onRejected); }
    always(handler, onProgress) { return this.then(handler, handler, onProgress); }
    yield(value) { return this.then(() => value); }
    tap(handler) { return this.then((value) => Promise.resolve(handler(value)).then(() => value)); }
    spread(handler) { return this.then((values) => Promise.all(values).then((all) => handler(...all))); }

    ensure(handler) {
      if (typeof handler !== 'function') return this.then();
      const run = () => Promise.resolve(handler());
      return this.then((value) => run().then(() => value), (reason) => run().then(() => { throw reason; }));
    }

    finally(handler) { return this.ensure(handler); }

    // Exceptions go to window.onerror.
    done(onFulfilled, onRejected, onProgress) {
      this.then(onFulfilled, onRejected, onProgress).then(undefined, (error) => { setTimeout(() => { throw error; }, 0); });
    }
  }

  function isThenable(value) {
    return value !== null && /^(object|function)$/.test(typeof value) && typeof value.then === 'function';
  }

  ab.Deferred = function () {
    const resolver = {};
    const promise = new Promised((resolve, reject) => {
      resolver.resolve = (value) => { resolve(value); return promise; };
      resolver.reject = (reason) => { reject(reason); return promise; };
    });
    resolver.notify = (update) => {
      const isPending = promise.inspect().state === 'pending';
      if (isPending) Promise.resolve().then(() => promise._progress(update, (same) => same));
      return update;
    };
    promise.then(undefined, () => {}); // no handler is required
    return Object.assign({ promise: promise, resolver: resolver }, resolver);
  };

  ab.PrefixMap = function () {
    this._index = Object.create(null);
    this._rindex = Object.create(null);
  };

  Object.assign(ab.PrefixMap.prototype, {
    get(prefix) { return this._index[prefix]; },

    set(prefix, uri) {
      this._index[prefix] = uri;
      this._rindex[uri] = prefix;
    },

    setDefault(uri) { this.set('', uri); },

    remove(prefix) {
      const uri = this._index[prefix];
      if (!uri) return;
      delete this._index[prefix];
      delete this._rindex[uri];
    },

    resolve(curie, pass) {
      const colon = curie.indexOf(':');
      const uri = colon < 0 ? undefined : this._index[curie.slice(0, colon)];
      if (uri) return uri + curie.slice(colon + 1);
      return pass === true ? curie : null;
    },

    shrink(uri, pass) {
      for (let end = uri.length; end > 0; end--) {
        const prefix = this._rindex[uri.slice(0, end)];
        if (prefix) return prefix + ':' + uri.slice(end);
      }
      return pass === true ? uri : null;
    },
  });

  ab.getBrowser = function () {
    for (const name of ['Chrome', 'Safari', 'Firefox', 'MSIE']) {
      const found = new RegExp(name + '[/ ]([\\d.]+)').exec(navigator.userAgent);
      if (found) return { name: name, version: found[1].split('.').map(Number) };
    }
    return null;
  };

  ab.getServerUrl = function (path, fallback) {
    const at = root.location;
    if (at.protocol === 'file:') return fallback || 'ws://127.0.0.1/ws';
    return at.origin.replace(/^http/, 'ws') + '/' + (path || 'ws');
  };

  // A function, not a class, because v1 pages may inherit with ab.Session.call(this, ...).
  ab.Session = function (wsuri, onopen, onclose, options) {
    this._wsuri = wsuri;
    this._options = options || {};
    this._session_id = this._wamp_version = this._server = this._websocket = null;
    this._websocket_connected = false;
    this._subscriptions = Object.create(null); // URI -> callbacks
    this._offs = new Map(); // callbacks -> Map of callback -> off
    this._missed = new Map(); // URI -> position at the end; ab.connect passes it to the next session
    this._prefixes = new ab.PrefixMap();
    this.log = (...items) => {
      const ident = 'sessionIdent' in this._options ? "'" + this._options.sessionIdent + "' " : '';
      grouped('WAMP Session ' + ident + '[' + this._session_id + ']', items);
    };
    const WS = this._options.WebSocket || root.WebSocket;
    if (!WS) {
      if (!onclose) throw ab.browserNotSupportedMessage;
      return void onclose(ab.CONNECTION_UNSUPPORTED);
    }
    const unlimited = { callDeadlineMs: 0, callsMax: Infinity, unsentBytesMax: Infinity };
    const denied = (topic, code) => {
      if (topic === null) return;
      const isHeard = DENIED_TOPIC in this._subscriptions;
      if (isHeard) this._tell(DENIED_TOPIC, { topic: topic, code: code });
      else console.warn('autobahn.js: the server refuses topic ' + JSON.stringify(topic) + ': ' + code);
    };
    this._pusher = new Pusher(wsuri, Object.assign({ WebSocket: WS, reconnect: false, denied: denied }, unlimited));
    this._pusher.watch((state, info) => {
      debug(wsuri, state, info);
      if (info.gap) {
        this._tell(GAP_TOPIC, { topic: info.gap, position: this._pusher.position(info.gap) });
      } else if (state === 'connecting') {
        this._websocket = this._pusher._ws;
      } else if (state === 'open') {
        this._websocket_connected = true;
        this._session_id = this._pusher.sessionId;
        this._server = this._pusher.server;
        this._wamp_version = 1;
        if (onopen) onopen();
      } else {
        Promise.resolve().then(() => this._closed(info, onclose));
      }
    });
  };

  Object.assign(ab.Session.prototype, {
    _closed(info, onclose) {
      Object.keys(this._subscriptions).forEach((uri) => this._missed.set(uri, this._pusher.position(uri)));
      const clean = [ab.CONNECTION_CLOSED, 'WS-' + info.code + ': ' + info.reason];
      const lost = info.wasClean ? clean : [ab.CONNECTION_LOST];
      try {
        if (onclose) onclose(...(info.opened ? lost : [ab.CONNECTION_UNREACHABLE]));
      } finally {
        this._wsuri = this._websocket = null;
        this._websocket_connected = false;
      }
    },

    _tell(topic, event) {
      (this._subscriptions[topic] || []).slice().forEach((callback) => Pusher.guarded(callback, topic, event));
    },

    _connected() {
      if (!this._pusher || this._pusher.state !== 'open') throw 'Autobahn not connected';
      return this._pusher;
    },

    sessionid() { return this._session_id; },
    wsuri() { return this._wsuri; },
    close() { if (this._pusher) this._pusher.close(); },

    prefix(prefix, uri) {
      this._prefixes.set(prefix, uri);
      this._connected().prefix(prefix, uri);
    },

    resolve(curie, pass) { return this._prefixes.resolve(curie, pass === undefined || pass); },
    shrink(uri, pass) { return this._prefixes.shrink(uri, pass === undefined || pass); },

    call(procUri, ...args) {
      const deferred = ab.Deferred();
      const fault = (error) => {
        const plain = { uri: error.uri || 'http://api.wamp.ws/error#generic', desc: error.message };
        if (error.details !== undefined) plain.detail = error.details;
        deferred.reject(plain);
      };
      this._connected().call(this.shrink(procUri), ...args).then(deferred.resolve, fault);
      return deferred.promise;
    },

    subscribe(topicUri, callback) {
      const pusher = this._connected();
      const uri = this.resolve(topicUri);
      const callbacks = this._subscriptions[uri] || [];
      if (callbacks.indexOf(callback) >= 0) throw 'callback ' + callback + ' already subscribed for topic ' + uri;
      const offs = this._offs.get(callbacks) || new Map();
      const options = { since: this._missed.get(uri) };
      this._missed.delete(uri);
      offs.set(callback, pusher.subscribe(uri, (event, topic) => callback(topic, event), options));
      callbacks.push(callback);
      this._subscriptions[uri] = callbacks;
      this._offs.set(callbacks, offs);
    },

    unsubscribe(topicUri, callback) {
      this._connected();
      const uri = this.resolve(topicUri);
      const callbacks = this._subscriptions[uri];
      if (!callbacks) throw 'not subscribed to topic ' + uri;
      if (callback && callbacks.indexOf(callback) < 0) throw 'no callback ' + callback + ' subscribed on topic ' + uri;
      (callback ? [callback] : callbacks.slice()).forEach((each) => {
        this._offs.get(callbacks).get(each)();
        callbacks.splice(callbacks.indexOf(each), 1);
      });
      if (callbacks.length) return;
      this._offs.delete(callbacks);
      delete this._subscriptions[uri];
    },

    // After the event: excludeMe, or exclude, or exclude and eligible.
    publish(topicUri, event, ...rest) {
      const isFlag = rest.length === 1 && typeof rest[0] === 'boolean';
      if (!isFlag && !rest.slice(0, 2).every(Array.isArray)) throw 'invalid argument type(s)';
      const options = isFlag ? { excludeMe: rest[0] } : { exclude: rest[0], eligible: rest[1] };
      this._connected().publish(topicUri, event, options);
    },

    authreq(key, extra) { return this.call(PROCEDURE + 'authreq', key, extra); },
    auth(signature) { return this.call(PROCEDURE + 'auth', signature); },
    authsign(challenge, secret) { return base64(hmac(utf8(secret || ''))(utf8(challenge))); },
  });

  ab.connect = function (wsuri, onconnect, onhangup, options) {
    if (!onconnect) throw 'onConnect handler required!';
    const hangup = onhangup || debug;
    const peer = Object.assign({ retryDelay: 5000, maxRetries: 10 }, options);
    const missed = new Map();
    let connects = 0, retries = 0, timer;

    function retry(code, text) {
      retries += 1;
      const detail = { delay: peer.retryDelay, retries: retries, maxretries: peer.maxRetries };
      const stop = retries > peer.maxRetries || hangup(code, text + ' - scheduled reconnect', detail);
      if (stop) hangup(ab.CONNECTION_RETRIES_EXCEEDED, 'Number of connection retries exceeded.');
      else setTimeout(open, peer.retryDelay);
    }

    function closed(code, reason) {
      clearTimeout(timer);
      if (code === ab.CONNECTION_CLOSED) {
        hangup(code, 'Connection was closed properly [' + reason + ']');
      } else if (code === ab.CONNECTION_UNSUPPORTED) {
        hangup(code, ab.browserNotSupportedMessage);
      } else if (code === ab.CONNECTION_LOST) {
        retry(ab.CONNECTION_LOST_SCHEDULED_RECONNECT, 'Connection lost');
      } else if (connects) {
        retry(ab.CONNECTION_UNREACHABLE_SCHEDULED_RECONNECT, 'Connection unreachable');
      } else {
        hangup(code, 'Connection could not be established.'); // no retry
      }
    }

    function open() {
      const session = new ab.Session(wsuri, () => {
        connects += 1;
        retries = 0;
        timer = setTimeout(() => missed.clear(), RESUBSCRIBE_MS);
        onconnect(session);
      }, closed, peer);
      session._missed = missed;
    }
    open();
  };

  ab.launch = function (config, onOpen, onClose) {
    function signature(session, challenge) {
      if (typeof config.appsecret === 'function') return config.appsecret(challenge);
      return session.authsign(challenge, ab.deriveKey(config.appsecret, JSON.parse(challenge).authextra));
    }
    ab.connect(config.wsuri, (session) => {
      const request = config.appkey ? session.authreq(config.appkey, config.appextra) : session.authreq();
      request
        .then((challenge) => session.auth(config.appkey ? signature(session, challenge) : undefined))
        .then(() => (onOpen || debug)(session))
        .catch((error) => session.log(error));
    }, onClose || debug, config.sessionConfig);
  };

  // WAMP-CRA. v1 signs synchronously, also on http pages without WebCrypto, so SHA-256 is implemented here.
  ab.deriveKey = function (secret, extra) {
    if (!extra || !extra.salt) return secret;
    const length = extra.keylen || 32, iterations = extra.iterations || 10000;
    if (iterations > ITERATIONS_MAX || length > 1024) throw 'key derivation refused: too much to compute';
    const sign = hmac(utf8(secret)), salt = utf8(extra.salt);
    const key = [];
    for (let block = 1; key.length < length; block++) {
      let u = sign(concat(salt, [0, 0, block >> 8, block]));
      const sum = u.slice();
      for (let i = 1; i < iterations; i++) {
        u = sign(u);
        u.forEach((byte, at) => { sum[at] ^= byte; });
      }
      key.push(...sum);
    }
    return base64(key.slice(0, length));
  };

  function utf8(text) {
    return new TextEncoder().encode(text);
  }

  function base64(bytes) {
    return btoa(String.fromCharCode(...bytes));
  }

  function concat(a, b) {
    const both = new Uint8Array(a.length + b.length);
    both.set(a);
    both.set(b, a.length);
    return both;
  }

  function hmac(key) {
    const block = (mask) => {
      const pad = new Uint8Array(64).fill(mask);
      (key.length > 64 ? sha256(key) : key).forEach((byte, i) => { pad[i] ^= byte; });
      return pad;
    };
    const inner = block(0x36), outer = block(0x5c);
    return (message) => sha256(concat(outer, sha256(concat(inner, message))));
  }

  // FIPS 180-4: the first 32 fractional bits of the roots of primes
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const rootBits = (power) => (p) => (Math.pow(p, power) * 4294967296) | 0;
  const K = primes.map(rootBits(1 / 3));
  const START = primes.slice(0, 8).map(rootBits(1 / 2));

  function sha256(bytes) {
    const words = new Int32Array(((bytes.length + 72) >> 6) << 4);
    const put = (byte, i) => { words[i >> 2] |= byte << (24 - (i & 3) * 8); };
    bytes.forEach(put);
    put(0x80, bytes.length);
    words[words.length - 1] = bytes.length * 8;
    const hash = Int32Array.from(START);
    for (let at = 0; at < words.length; at += 16) compress(hash, words.subarray(at, at + 16));
    return new Uint8Array(32).map((_, i) => hash[i >> 2] >> (24 - (i & 3) * 8));
  }

  const w = new Int32Array(64);
  const rotate = (x, n) => (x >>> n) | (x << (32 - n));

  function compress(hash, block) {
    w.set(block);
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i++) {
      if (i > 15) {
        const x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3))
          + w[i - 7] + (rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10));
      }
      const t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i];
      const t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((x, i) => { hash[i] += x; });
  }

  ab.Pusher = Pusher;
  if (typeof define === 'function' && define.amd) define([], () => ab);
  if (cjs) module.exports = ab;
  else root.ab = ab;
})(typeof self === 'object' ? self : globalThis);
