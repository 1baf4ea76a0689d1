/**
 * topics.js: the subscriptions of pusher.js, with the position of each in the server's log. MIT OR Apache-2.0.
 * pushd serves it as a part of pusher.js.
 */
(function (root) {
  'use strict';

  // If this is a part of pusher.js, module.exports is already Pusher.
  const cjs = typeof module === 'object' && module.exports;
  const Pusher = !cjs ? root.Pusher : typeof cjs === 'function' ? cjs : require('./pusher.js');

  const SUBSCRIBE = 5, UNSUBSCRIBE = 6, EVENT = 8, SUBSCRIBED = 9, GAP = 10, DENIED = 11;

  // A position in the server's log is "EPOCH-SEQUENCE".
  function positionOf(text) {
    const match = typeof text === 'string' && /^(.+)-(\d{1,15})$/.exec(text);
    return match ? { epoch: match[1], sequence: Number(match[2]) } : null;
  }

  function textOf(position) {
    return position && position.epoch + '-' + position.sequence;
  }

  const NOWHERE = { epoch: '', sequence: 0 }; // for a `since` that is not a position

  // Whether a client that has everything up to `has` misses nothing of what comes behind `start`.
  function covers(has, start) {
    return start !== null && has.epoch === start.epoch && has.sequence >= start.sequence;
  }

  // The log does not keep the events of these topics, so they have no position. Each subscription begins with their state.
  function isOfServer(uri) {
    return uri.startsWith('pushd:');
  }

  /**
   * A topic has `handlers`; `position`, up to which they have every event, or null; and `isConfirmed`, whether the events
   * that arrive belong to this subscription. `denied` is the code with which the server refused it, and `told` the one
   * that the page knows. `isLive`: it is a topic of the server.
   */
  class Topics {
    constructor(pusher) {
      this._pusher = pusher;
      this._topics = new Map(); // by URI
      this._recovers = null; // whether the connection has positions; null without a connection
    }

    get size() { return this._topics.size; }

    get(uri) { return this._topics.get(uri); }

    forEach(action) { this._topics.forEach(action); }

    position(uri) {
      const topic = this._topics.get(uri);
      return topic ? textOf(topic.position) : null;
    }

    add(uri, handler, options) {
      const isLive = isOfServer(uri);
      const since = isLive || options.since === undefined ? null : positionOf(options.since) || NOWHERE;
      const entry = { handler, gap: options.gap, denied: options.denied, since, hasBegun: false };
      const topic = this._topics.get(uri) || { handlers: new Set(), position: since === NOWHERE ? null : since,
        isConfirmed: false, denied: null, told: null, isLive };
      this._topics.set(uri, topic);
      topic.handlers.add(entry);
      this._pusher._tickets.subscribing();
      if (topic.denied) topic.told = null;
      if (topic.handlers.size === 1 || topic.denied) this._subscribe(uri, topic);
      else if (isLive && topic.isConfirmed) this._subscribeAgain(uri, topic);
      entry.hasBegun = topic.position !== null || topic.isConfirmed;
      const isLate = entry.hasBegun && since && !covers(since, topic.position);
      // Later, so that subscribe() returns before `gap` is called.
      if (isLate) Promise.resolve().then(() => this._tellGap(uri, topic, [entry]));
      return () => this.remove(uri, (other) => other === entry);
    }

    remove(uri, isGone) {
      const topic = this._topics.get(uri);
      if (!topic || !topic.handlers.size) return;
      topic.handlers.forEach((entry) => isGone(entry) && topic.handlers.delete(entry));
      // SUBSCRIBED must come first. Otherwise it would be taken for the answer to a later SUBSCRIBE.
      const isPending = this._recovers && !topic.isConfirmed && !topic.denied;
      if (!topic.handlers.size && !isPending) this._leave(uri);
    }

    // A new connection, or none: null.
    restart(recovers) {
      this._recovers = recovers;
      this._topics.forEach((topic, uri) => {
        topic.isConfirmed = false;
        topic.denied = null;
        if (!topic.handlers.size) this._topics.delete(uri);
      });
    }

    subscribeAll() { this._topics.forEach((topic, uri) => this._subscribe(uri, topic)); }

    // The session has another ticket.
    retryDenied() { this._topics.forEach((topic, uri) => topic.denied && this._subscribe(uri, topic)); }

    tellDenied() { this._topics.forEach((topic, uri) => this._tellDenied(uri, topic)); }

    // "wamp" recovers nothing and confirms nothing, so each connection after the first is a gap.
    opened() {
      if (!this._recovers) this._topics.forEach((topic, uri) => this._begin(uri, topic, null, false));
    }

    // Ignores invalid messages.
    receive(message) {
      const type = message[0], uri = message[1];
      const topic = this._topics.get(uri);
      if (!topic) return;
      if (type === EVENT && message.length > 2) return this._event(uri, topic, message[2], message[3]);
      if (type === DENIED && typeof message[2] === 'string') return this._recovers && this._denied(uri, topic, message[2]);
      const end = this._recovers && positionOf(message[2]);
      if (!end) return;
      if (type === SUBSCRIBED) this._subscribed(uri, topic, end, message[3] === true, message[4]);
      if (type === GAP) this._missed(uri, topic, end);
    }

    _subscribed(uri, topic, end, isRecovered, replayed) {
      if (topic.isConfirmed) return;
      topic.isConfirmed = true;
      topic.denied = topic.told = null;
      if (!topic.handlers.size) return this._leave(uri);
      if (topic.isLive) return this._begin(uri, topic, end, true);
      const isWhole = topic.position !== null && isRecovered;
      if (!isRecovered || !(replayed > 0)) topic.position = end;
      // Not asked for: the server sends the topic's last events to each new subscriber.
      else if (!topic.position) topic.position = { epoch: end.epoch, sequence: 0 };
      this._begin(uri, topic, end, isWhole);
    }

    _missed(uri, topic, end) {
      if (topic.isLive) return;
      topic.position = end;
      this._tellGap(uri, topic, Array.from(topic.handlers));
    }

    // Keeps the position: if the next ticket opens the topic, nothing is missed.
    _denied(uri, topic, code) {
      topic.isConfirmed = false;
      if (!topic.handlers.size) return this._topics.delete(uri);
      topic.denied = code;
      if (!this._pusher._tickets.denied(code)) this._tellDenied(uri, topic);
    }

    // Each handler hears each code once, until the topic opens.
    _tellDenied(uri, topic) {
      if (!topic.denied || topic.told === topic.denied) return;
      topic.told = topic.denied;
      this._pusher._tickets.tell(uri, topic.denied, Array.from(topic.handlers));
    }

    _event(uri, topic, event, sequence) {
      if (!topic.isConfirmed) return; // of a subscription that has ended
      const at = topic.position;
      if (at && Number.isSafeInteger(sequence)) {
        if (sequence <= at.sequence) return;
        topic.position = { epoch: at.epoch, sequence };
      }
      const isNew = (entry) => !entry.since || !topic.position || !covers(entry.since, topic.position);
      const call = (entry) => topic.handlers.has(entry) && isNew(entry) && Pusher.guarded(entry.handler, event, uri);
      // A copy, because handlers may be added and removed meanwhile.
      Array.from(topic.handlers).forEach(call);
    }

    _subscribe(uri, topic) {
      const isWamp = this._recovers === false;
      if (isWamp) topic.position = null;
      topic.isConfirmed = isWamp;
      topic.denied = null;
      const since = textOf(topic.position);
      this._pusher._sendTopic(since ? [SUBSCRIBE, uri, { since }] : [SUBSCRIBE, uri]);
    }

    // A later handler needs the state, too.
    _subscribeAgain(uri, topic) {
      this._pusher._sendTopic([UNSUBSCRIBE, uri]);
      this._subscribe(uri, topic);
    }

    _leave(uri) {
      this._topics.delete(uri);
      this._pusher._sendTopic([UNSUBSCRIBE, uri]);
    }

    // New handlers get every event behind `start` from now on. The others have missed events unless `isWhole`.
    _begin(uri, topic, start, isWhole) {
      const hasMissed = (entry) => {
        const hasAll = entry.hasBegun ? isWhole : !entry.since || covers(entry.since, start);
        entry.hasBegun = true;
        return !hasAll;
      };
      this._tellGap(uri, topic, Array.from(topic.handlers).filter(hasMissed));
    }

    _tellGap(uri, topic, entries) {
      const pusher = this._pusher, isThere = (entry) => topic.handlers.has(entry);
      if (!entries.some(isThere) || pusher.state === 'closed') return;
      entries.forEach((entry) => entry.gap && isThere(entry) && Pusher.guarded(entry.gap, uri));
      // With "wamp" each 'open' says the same.
      if (this._recovers && pusher.state === 'open') pusher._tell({ gap: uri });
    }
  }

  Topics.positionOf = positionOf;
  Topics.textOf = textOf;
  Topics.isOfServer = isOfServer;
  Pusher.Topics = Topics;
})(typeof self === 'object' ? self : globalThis);
