/**
 * pusher-sse.js: Server-Sent Events for pusher.js, where a network blocks WebSockets. MIT OR Apache-2.0.
 *
 * A browser opens few connections to one host, so the tabs of a site share one stream. The tab that holds a Web Lock, the
 * leader, reads it, and passes everything on in a BroadcastChannel. When the leader closes, another tab gets the lock, asks
 * all tabs for their topics and positions, and continues from there. Without locks, each tab has a stream of its own. So has
 * a Pusher with the option `ticket`, because another tab's ticket may be for another user.
 */
(function (root) {
  'use strict';

  const cjs = typeof module === 'object' && module.exports;
  const Pusher = cjs ? require('./pusher.js') : root.Pusher;

  const EVENT = 8, SUBSCRIBED = 9, GAP = 10, DENIED = 11;
  const CHANNEL = 'pushd.sse.2 '; // another number for other messages between tabs
  const COLLECT_MS = 50; // what is subscribed together needs one stream
  const OPEN_MS = 8000, QUIET_MS = 50000; // pushd sends a position every 20 s
  const RETRY_MS = 2000, RETRY_SPREAD_MS = 3000, RETRIES_MAX = 3;

  const EVENT_SOURCE_CLOSED = 2; // the server's answer was not a stream

  /** The stream, with the topics of all tabs. `tell(tab, message)` sends to a tab, or to all: null. */
  class Stream {
    constructor(access, tell) {
      this._access = access;
      this._tell = tell;
      this._tabs = new Map(); // tab -> its topics
      this._starting = new Map(); // tab -> topics that have no position yet
      this._proven = new Set(); // tabs whose topics the server has accepted
      this._begun = new Set(); // topics of which each event behind `position` will be told
      this._position = null;
      this._isOpen = this._isStarted = false;
      this._failures = 0;
    }

    // `topics` has [topic] for those that this stream has confirmed, and [topic, position or null] for the others.
    join(tab, topics) {
      const fresh = topics.filter((each) => each.length > 1);
      this._tabs.set(tab, topics.map((each) => each[0]));
      this._starting.set(tab, []);
      const isKnown = fresh.filter((each) => !this._include(tab, each[0], each[1])).length === 0;
      if (!isKnown || !this._isStarted) {
        this._proven.delete(tab);
        this._openSoon(COLLECT_MS);
      } else if (this._isOpen) {
        this._proven.add(tab);
        this._tell(tab, { kind: 'open' });
      }
    }

    leave(tab) {
      [this._tabs, this._starting, this._proven].forEach((all) => all.delete(tab));
      if (!this._tabs.size) this.stop();
    }

    stop() {
      clearTimeout(this._timer);
      if (this._source) this._source.close();
      this._source = this._search = null;
      this._isOpen = this._isStarted = false;
    }

    // Returns whether the stream already has what the tab needs.
    _include(tab, topic, since) {
      // Each tab needs the state with which such a topic begins.
      if (Pusher.Topics.isOfServer(topic)) this._begun.delete(topic);
      const at = this._position, hasBegun = this._begun.has(topic);
      if (!since && !hasBegun) {
        this._starting.get(tab).push(topic);
        return false;
      }
      this._begun.add(topic);
      const isOlder = since && (!at || isBefore(since, at));
      if (isOlder) this._position = since;
      const isOther = since && at && since.epoch !== at.epoch;
      this._tell(tab, { kind: isOther ? 'gap' : 'joined', topics: [topic], position: this._position });
      return hasBegun && !isOlder;
    }

    // Stops the stream at once, because `position` must not move on before the stream has the new topics.
    _openSoon(ms) {
      this.stop();
      this._isStarted = true;
      this._after(ms, () => this._open());
    }

    _open() {
      const topics = new Set();
      this._tabs.forEach((own) => own.forEach((topic) => topics.add(topic)));
      const all = Array.from(topics), news = all.filter((topic) => !this._begun.has(topic));
      if (!all.length) return this.stop();
      this._begun = new Set(all.filter((topic) => this._begun.has(topic))); // without those that no tab has any more
      // New topics begin at the end of the log, and the others may be behind it. So ask for the end first.
      const asks = this._position !== null && news.length > 0;
      this._listen(asks ? news : all, asks ? null : this._position, (end) => {
        this._begin(news, end);
        if (asks) this._open();
        else this._opened();
      });
    }

    // `begun` gets the position at which the stream begins.
    _listen(topics, since, begun) {
      this.stop();
      this._isStarted = true;
      const access = this._access;
      const source = this._source = new root.EventSource(access.address(topics, since), { withCredentials: access.withCredentials });
      const on = (type, action) => source.addEventListener(type, action); // not called after close()
      on('error', () => (source.readyState === EVENT_SOURCE_CLOSED ? this._refused(topics) : this._failed()));
      on('denied', (event) => {
        const data = parse(event.data);
        if (data && typeof data.code === 'string') this._deny([[data.topic, data.code]]);
      });
      on('position', (event) => {
        const at = positionIn(event.data);
        if (at && this._isOpen) this._passed({ position: at });
        else if (at) begun(since || at);
      });
      on('gap', (event) => {
        const at = positionIn(event.data);
        if (!at) return;
        this._position = at;
        if (!this._isOpen) begun(at);
        this._tell(null, { kind: 'gap', topics, position: at });
      });
      on('message', (event) => {
        const at = Pusher.Topics.positionOf(event.lastEventId), data = parse(event.data);
        if (!this._isOpen || !at || data === undefined) return;
        if (topics.length === 1) this._passed({ position: at, topic: topics[0], event: data });
        else if (data) this._passed({ position: at, topic: data.topic, event: data.event });
      });
      this._after(OPEN_MS, () => this._failed());
    }

    // These topics begin here.
    _begin(topics, position) {
      topics.forEach((topic) => this._begun.add(topic));
      if (!this._position || isBefore(position, this._position)) this._position = position;
      this._starting.forEach((own, tab) => {
        const begun = own.filter((topic) => topics.indexOf(topic) >= 0);
        if (begun.length) this._tell(tab, { kind: 'joined', topics: begun, position });
        this._starting.set(tab, own.filter((topic) => begun.indexOf(topic) < 0));
      });
    }

    _opened() {
      this._isOpen = true;
      this._failures = 0;
      this._tabs.forEach((topics, tab) => this._proven.add(tab));
      this._tell(null, { kind: 'open' });
      this._after(QUIET_MS, () => this._openSoon(0));
    }

    // The tabs now have everything up to this position.
    _passed(message) {
      this._position = message.position;
      this._tell(null, Object.assign({ kind: 'event' }, message));
      this._after(QUIET_MS, () => this._openSoon(0));
    }

    _after(ms, action) {
      clearTimeout(this._timer);
      this._timer = setTimeout(action, ms);
    }

    // Perhaps some of the topics are denied, and the stream is possible without them.
    _refused(topics) {
      this.stop();
      this._isStarted = true;
      const search = this._search = {};
      this._after(OPEN_MS, () => this._failed());
      this._access.denied(topics).then((denied) => {
        if (this._search !== search) return;
        if (denied.length) this._deny(denied);
        else this._failed();
      });
    }

    // Goes on without these topics.
    _deny(denied) {
      const names = denied.map((each) => each[0]), isLeft = (topic) => names.indexOf(topic) < 0;
      this._tabs.forEach((own, tab) => this._tabs.set(tab, own.filter(isLeft)));
      this._openSoon(COLLECT_MS);
      this._tell(null, { kind: 'denied', topics: denied });
    }

    // An EventSource does not say why it failed. Perhaps the server refuses the topics of a new tab.
    _failed() {
      this.stop();
      const isProven = (tab) => this._proven.has(tab), tabs = Array.from(this._tabs.keys());
      const others = tabs.filter((tab) => !isProven(tab));
      if (tabs.some(isProven) && others.length) {
        others.forEach((tab) => this.leave(tab));
        this._openSoon(0);
        others.forEach((tab) => this._tell(tab, { kind: 'failed' }));
      } else if (tabs.some(isProven) && this._failures++ < RETRIES_MAX) {
        const delayMs = Math.round(RETRY_MS + Math.random() * RETRY_SPREAD_MS);
        this._openSoon(delayMs);
        this._tell(null, { kind: 'waiting', delayMs });
      } else {
        tabs.forEach((tab) => this.leave(tab));
        this._tell(null, { kind: 'failed' });
      }
    }
  }

  /** The addresses of streams, and what a browser shows there: its cookies, or a ticket. */
  class Access {
    constructor(folder, withCredentials) {
      this._folder = folder;
      this.withCredentials = withCredentials;
      this.ticket = null;
    }

    address(topics, since) {
      const query = topics.map((topic) => 'topic=' + encodeURIComponent(topic));
      if (since) query.push('since=' + encodeURIComponent(Pusher.Topics.textOf(since)));
      if (this.ticket) query.push('ticket=' + encodeURIComponent(this.ticket));
      return this._folder + 'events?' + query.join('&');
    }

    // Finds [topic, code] of those that the server denies. An EventSource shows neither status nor headers, and the
    // response does not name the topic: so ask for halves.
    denied(topics) {
      return this._code(topics).then((code) => {
        if (!code || topics.length === 1) return code ? [[topics[0], code]] : [];
        const middle = topics.length >> 1, halves = [topics.slice(0, middle), topics.slice(middle)];
        return Promise.all(halves.map((half) => this.denied(half))).then((found) => found[0].concat(found[1]));
      });
    }

    _code(topics) {
      if (!root.fetch) return Promise.resolve(null);
      const credentials = this.withCredentials ? 'include' : 'same-origin';
      return root.fetch(this.address(topics), { credentials, cache: 'no-store' }).then((response) => {
        if (response.body) response.body.cancel(); // it may be a stream
        return response.headers.get('Pushd-Reason');
      }).catch(() => null);
    }
  }

  /** The part of one tab, or of one Pusher. */
  class Sse {
    constructor(pusher, folder) {
      const withCredentials = Boolean(pusher._options.withCredentials);
      this._pusher = pusher;
      this._access = new Access(folder, withCredentials);
      this._tab = String(Math.random());
      pusher._tickets.begin();
      this._ask();
      const locks = root.navigator && root.navigator.locks, isShared = locks && root.BroadcastChannel && !pusher._tickets.isGiven;
      if (isShared) this._share(locks, CHANNEL + folder + (withCredentials ? ' with credentials' : ''));
      else this._lead();
    }

    set ticket(ticket) { this._access.ticket = ticket; }

    update() {
      if (this._isDue) return;
      this._isDue = true;
      // Once for all subscriptions of the page's script.
      Promise.resolve().then(() => {
        this._isDue = false;
        if (!this._isClosed) this._join();
      });
    }

    close() {
      if (this._isClosed) return;
      if (!this._stream) this._post({ kind: 'leave', tab: this._tab });
      this._isClosed = true;
      if (this._stream) this._stream.stop();
      if (this._release) this._release();
      else if (this._ending) this._ending.abort();
      if (this._channel) this._channel.close();
    }

    _share(locks, name) {
      this._channel = new root.BroadcastChannel(name);
      this._channel.onmessage = (message) => this._heard(message.data);
      this._ending = new AbortController();
      const lead = () => new Promise((release) => {
        this._release = release;
        this._lead();
      });
      // A document without an origin has no locks.
      locks.request(name, { signal: this._ending.signal }, lead).catch(() => this._isClosed || this._lead());
    }

    _lead() {
      this._leader = this._tab;
      this._stream = new Stream(this._access, (tab, message) => this._tell(tab, message));
      this._post({ kind: 'who', from: this._tab });
      this._ask();
    }

    // A new leader knows nothing of this tab. Until it does, its events are not all events of our topics.
    _ask() {
      this._pusher._topics.restart(true);
      this.update();
    }

    _join() {
      if (this._pusher._tickets.isHolding) return; // it will subscribe again
      const topics = [];
      this._pusher._topics.forEach((topic, uri) => {
        if (topic.handlers.size && !topic.denied) topics.push(topic.isConfirmed ? [uri] : [uri, topic.position]);
      });
      if (this._stream) this._stream.join(this._tab, topics);
      else this._post({ kind: 'join', tab: this._tab, topics });
    }

    _post(message) {
      if (this._channel) this._channel.postMessage(message);
    }

    _tell(tab, message) {
      if (tab !== this._tab) this._post(Object.assign({ from: this._tab, to: tab }, message));
      if (tab === null || tab === this._tab) this._told(message);
    }

    _heard(message) {
      const kind = message.kind, stream = this._stream;
      if (kind === 'join' && stream) {
        stream.join(message.tab, message.topics);
      } else if (kind === 'leave' && stream) {
        stream.leave(message.tab);
      } else if (kind === 'who') {
        this._leader = message.from;
        this._ask();
      } else if (message.to === null || message.to === this._tab) {
        // Late messages of an earlier leader are not about the present stream.
        this._leader = this._leader || message.from;
        if (message.from === this._leader) this._told(message);
      }
    }

    _told(message) {
      const pusher = this._pusher, kind = message.kind;
      if (this._isClosed) return;
      if (kind === 'open') this._opened();
      else if (kind === 'joined') message.topics.forEach((uri) => this._confirm(uri, message.position, true));
      else if (kind === 'gap') message.topics.forEach((uri) => this._confirm(uri, message.position, false));
      else if (kind === 'event') this._event(message);
      else if (kind === 'denied') message.topics.forEach((each) => pusher._topics.receive([DENIED, each[0], each[1]]));
      else if (kind === 'waiting' && pusher.state === 'open') this._waiting(message.delayMs);
      else if (kind === 'failed') pusher._fail(1006, 'the event stream failed');
    }

    _opened() {
      const pusher = this._pusher;
      if (pusher.state === 'open') return;
      pusher._opened = true;
      pusher._openMs = Date.now();
      pusher._liveness.begin();
      pusher._become('open', { receiveOnly: true });
    }

    _waiting(delayMs) {
      const info = { code: 1006, reason: 'the event stream ended', wasClean: false, opened: true, delayMs };
      this._pusher._become('waiting', info);
    }

    _confirm(uri, position, isWhole) {
      const topics = this._pusher._topics, topic = topics.get(uri), text = Pusher.Topics.textOf(position);
      // A topic with a position keeps it: "replayed" is not 0.
      if (topic && !topic.isConfirmed) topics.receive([SUBSCRIBED, uri, text, isWhole, topic.position ? 1 : 0]);
      else if (!isWhole) topics.receive([GAP, uri, text]);
    }

    _event(message) {
      const at = message.position, topics = this._pusher._topics;
      if (message.topic !== undefined) topics.receive([EVENT, message.topic, message.event, at.sequence]);
      // Nothing else happened in the confirmed topics up to here.
      topics.forEach((topic) => {
        if (topic.isConfirmed && topic.position && isBefore(topic.position, at)) topic.position = at;
      });
    }
  }

  function isBefore(one, other) {
    return one.epoch === other.epoch && one.sequence < other.sequence;
  }

  function parse(data) {
    try {
      return JSON.parse(data);
    } catch (error) {
      return undefined;
    }
  }

  function positionIn(data) {
    const value = parse(data);
    return value ? Pusher.Topics.positionOf(value.position) : null;
  }

  Pusher.Sse = Sse;
})(typeof self === 'object' ? self : globalThis);
