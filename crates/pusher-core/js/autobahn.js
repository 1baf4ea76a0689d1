/**
 * autobahn.js: stands in for autobahn.js 0.7/0.8 (WAMP v1), on pusher.js. MIT OR Apache-2.0.
 * As in v1: faults thrown are strings, ab.Session never reconnects, ab.connect only after an unclean loss.
 * Not as in v1: promises are the browser's own, pending calls fail with the connection, close() works before
 * WELCOME, "wamp" is always offered (the skipSubprotocol options do nothing).
 */
(function (root) {
  'use strict';

  // In one piece with pusher.js, module.exports is Pusher already.
  const cjs = typeof module === 'object' && module.exports;
  const Pusher = !cjs ? root.Pusher : typeof cjs === 'function' ? cjs : require('./pusher.js');

  const PROCEDURE = 'http://api.wamp.ws/procedure#';
  const ITERATIONS_MAX = 1000000; // the server says how many

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
    log: (...items) => console.log(...items),
    debug: (wamp, ws, connect) => { debugging = Boolean(wamp || ws || connect); },
  };
  let debugging = false;

  function debug(...items) {
    if (debugging) console.log('[ab]', ...items);
  }

  ab.Deferred = function () {
    const deferred = {};
    deferred.promise = new Promise((resolve, reject) => {
      deferred.resolve = resolve;
      deferred.reject = reject;
    });
    deferred.promise.catch(() => {});
    return deferred;
  };

  ab.getServerUrl = function (path, fallback) {
    const at = root.location;
    if (at.protocol === 'file:') return fallback || 'ws://127.0.0.1/ws';
    return at.origin.replace(/^http/, 'ws') + '/' + (path || 'ws');
  };

  ab.Session = class Session {
    constructor(wsuri, onopen, onclose, options) {
      this._subscriptions = new Map(); // URI -> Map of callback -> off
      this._uris = new Map(); // URI -> prefix, the way back for shrink()
      this._wsuri = wsuri;
      this._options = options || {};
      this._id = null;
      const WS = this._options.WebSocket || root.WebSocket;
      if (!WS) {
        if (!onclose) throw ab.browserNotSupportedMessage;
        return void onclose(ab.CONNECTION_UNSUPPORTED);
      }
      this._pusher = new Pusher(wsuri, { WebSocket: WS, reconnect: false, callDeadlineMs: 0 });
      this._pusher.watch((state, info) => {
        debug(wsuri, state, info);
        if (state === 'open') {
          this._id = this._pusher.sessionId;
          if (onopen) onopen();
        } else if (state === 'closed') {
          this._wsuri = null;
          if (onclose) Promise.resolve().then(() => onclose(...this._closing(info)));
        }
      });
    }

    _closing(info) {
      if (!info.opened) return [ab.CONNECTION_UNREACHABLE];
      return info.wasClean ? [ab.CONNECTION_CLOSED, 'WS-' + info.code + ': ' + info.reason] : [ab.CONNECTION_LOST];
    }

    _connected() {
      if (!this._pusher || this._pusher.state !== 'open') throw 'Autobahn not connected';
      return this._pusher;
    }

    sessionid() { return this._id; }
    wsuri() { return this._wsuri; }
    close() { if (this._pusher) this._pusher.close(); }

    log(...items) {
      console.log("WAMP Session '" + (this._options.sessionIdent || '') + "' [" + this._id + ']', ...items);
    }

    prefix(prefix, uri) {
      this._connected().prefix(prefix, uri);
      this._uris.set(uri, prefix);
    }

    resolve(curie, pass) {
      const uri = this._pusher.resolve(curie);
      return uri !== curie || pass === undefined || pass ? uri : null;
    }

    shrink(uri, pass) {
      for (let end = uri.length; end > 0; end--) {
        const prefix = this._uris.get(uri.slice(0, end));
        if (prefix) return prefix + ':' + uri.slice(end);
      }
      return pass === undefined || pass ? uri : null;
    }

    call(procUri, ...args) {
      const deferred = ab.Deferred();
      const fault = (error) => {
        const plain = { uri: error.uri || 'http://api.wamp.ws/error#generic', desc: error.message };
        if (error.details !== undefined) plain.detail = error.details;
        deferred.reject(plain);
      };
      this._connected().call(this.shrink(procUri), ...args).then(deferred.resolve, fault);
      return deferred.promise;
    }

    subscribe(topicUri, callback) {
      const pusher = this._connected();
      const uri = pusher.resolve(topicUri);
      const callbacks = this._subscriptions.get(uri) || new Map();
      if (callbacks.has(callback)) throw 'callback ' + callback + ' already subscribed for topic ' + uri;
      callbacks.set(callback, pusher.subscribe(uri, (event, topic) => callback(topic, event)));
      this._subscriptions.set(uri, callbacks);
    }

    unsubscribe(topicUri, callback) {
      const uri = this._connected().resolve(topicUri);
      const callbacks = this._subscriptions.get(uri);
      if (!callbacks) throw 'not subscribed to topic ' + uri;
      if (callback && !callbacks.has(callback)) throw 'no callback ' + callback + ' subscribed on topic ' + uri;
      const gone = callback ? [callback] : Array.from(callbacks.keys());
      gone.forEach((each) => {
        callbacks.get(each)();
        callbacks.delete(each);
      });
      if (!callbacks.size) this._subscriptions.delete(uri);
    }

    // exclude may be the boolean excludeMe
    publish(topicUri, event, exclude, eligible) {
      const lists = Array.isArray(exclude) && (eligible === undefined || Array.isArray(eligible));
      const flag = typeof exclude === 'boolean' && eligible === undefined;
      if (exclude !== undefined && !lists && !flag) throw 'invalid argument type(s)';
      const options = flag ? { excludeMe: exclude } : { exclude: exclude, eligible: eligible };
      this._connected().publish(topicUri, event, options);
    }

    authreq(key, extra) { return this.call(PROCEDURE + 'authreq', key, extra); }
    auth(signature) { return this.call(PROCEDURE + 'auth', signature); }
    authsign(challenge, secret) { return base64(hmac(utf8(secret || ''))(utf8(challenge))); }
  };

  ab.connect = function (wsuri, onconnect, onhangup, options) {
    if (!onconnect) throw 'onConnect handler required!';
    const hangup = onhangup || debug;
    const peer = Object.assign({ retryDelay: 5000, maxRetries: 10 }, options);
    let connects = 0, retries = 0;

    function retry(code, text) {
      retries += 1;
      const detail = { delay: peer.retryDelay, retries: retries, maxretries: peer.maxRetries };
      const stop = retries > peer.maxRetries || hangup(code, text + ' - scheduled reconnect', detail);
      if (stop) hangup(ab.CONNECTION_RETRIES_EXCEEDED, 'Number of connection retries exceeded.');
      else setTimeout(open, peer.retryDelay);
    }

    function closed(code, reason) {
      if (code === ab.CONNECTION_CLOSED) {
        hangup(code, 'Connection was closed properly [' + reason + ']');
      } else if (code === ab.CONNECTION_UNSUPPORTED) {
        hangup(code, ab.browserNotSupportedMessage);
      } else if (code === ab.CONNECTION_LOST) {
        retry(ab.CONNECTION_LOST_SCHEDULED_RECONNECT, 'Connection lost');
      } else if (connects) {
        retry(ab.CONNECTION_UNREACHABLE_SCHEDULED_RECONNECT, 'Connection unreachable');
      } else {
        hangup(code, 'Connection could not be established.'); // not repeated
      }
    }

    function open() {
      const session = new ab.Session(wsuri, () => {
        connects += 1;
        retries = 0;
        onconnect(session);
      }, closed, peer);
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

  // WAMP-CRA. v1 signs synchronously, and on http pages, where WebCrypto is missing: so SHA-256 by hand.
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
  if (cjs) module.exports = ab;
  else root.ab = ab;
})(typeof self === 'object' ? self : globalThis);
