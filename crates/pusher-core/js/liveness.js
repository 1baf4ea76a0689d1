/**
 * liveness.js: finds out that a connection of pusher.js is dead, and moves to another one. MIT OR Apache-2.0.
 * pushd serves it as a part of pusher.js.
 */
(function (root) {
  'use strict';

  // If this is a part of pusher.js, module.exports is already Pusher.
  const cjs = typeof module === 'object' && module.exports;
  const Pusher = !cjs ? root.Pusher : typeof cjs === 'function' ? cjs : require('./pusher.js');

  const WELCOME = 0, EVENT = 8, KEEPALIVE = 12;

  // A connection may die without a close, and JavaScript cannot see pings. After this silence the client sends KEEPALIVE:
  // 5/4 of the interval that the server announces, plus a second.
  const QUIET_MS = 300000, QUIET_SLACK_MS = 1000, INTERVAL_MAX_MS = 3600000;
  const RECENT_MS = 2000; // the same after an event of the page such as `online`
  const QUIET_WAMP_MS = 30000; // with "wamp" a check needs a second connection
  const ANSWER_MS = 5000;
  // A sleeping machine or a hidden tab delays timers, and perhaps the answer.
  const LATE_MS = 1000, ASKS_MAX = 3;
  const WELCOME_DEADLINE_MS = 10000; // of the second connection
  const OVERLAP_MS = 2000, OVERLAP_EVENTS_MAX = 10000; // how long a move reads both connections

  // With Server-Sent Events: how long until the client tries a WebSocket again.
  const SOCKET_AGAIN_MS = 300000;

  /**
   * The checks of one Pusher's connection. `_other` is the second connection, until its WELCOME. `_overlap` is the move, while
   * events of both may arrive, or null.
   */
  class Liveness {
    constructor(pusher) {
      this._pusher = pusher;
      this.stop();
    }

    // The connection has ended.
    stop() {
      this._dropOther();
      if (this._overlap) Pusher.discard(this._overlap.old);
      this._overlap = null;
      this._asking = false;
      this._quietMs = QUIET_MS;
    }

    // The connection is open. During a move, the checks begin with its end.
    begin() {
      if (!this._overlap) this._checkAfter(this._quietMs);
    }

    // The server has told its ping interval.
    announced(intervalMs) {
      const quietMs = Math.min(intervalMs, INTERVAL_MAX_MS) * 1.25 + QUIET_SLACK_MS;
      if (quietMs === this._quietMs) return;
      this._quietMs = quietMs;
      this.begin();
    }

    // The page or the machine is back.
    hurry(isOnline) {
      const pusher = this._pusher;
      if (pusher.state !== 'open' || this._overlap || this._asking) return;
      const isQuiet = Date.now() - this._heardMs >= QUIET_WAMP_MS;
      if (!pusher._sse) this._checkAfter(RECENT_MS, pusher._options.reconnect && (isOnline || isQuiet));
      else if (isOnline) this._openAnother();
    }

    // Returns whether the message is to be delivered now.
    heard(ws, message, data) {
      const overlap = this._overlap;
      this._heardMs = Date.now();
      if (this._asking) this.begin();
      if (!overlap || message[0] !== EVENT) return true;
      const isOld = ws === overlap.old, seen = overlap.seen;
      if (isOld) seen.set(data, (seen.get(data) || 0) + 1);
      if (overlap.held.length + seen.size >= OVERLAP_EVENTS_MAX) this.endOverlap();
      if (this._overlap !== overlap) return false; // a handler called close()
      if (isOld) return true;
      if (overlap.old) overlap.held.push(data);
      else if (seen.get(data)) seen.set(data, seen.get(data) - 1);
      else return true;
      return false;
    }

    // The session ids under which the server may know this client.
    sessionIds() {
      const id = this._pusher.sessionId;
      return this._overlap ? [id, this._overlap.oldId] : [id];
    }

    endOverlap() {
      const pusher = this._pusher, overlap = this._overlap, ws = pusher._ws;
      if (!overlap || !overlap.old) return;
      Pusher.discard(overlap.old);
      pusher._endCalls(overlap.old);
      overlap.old = null;
      // The new connection may lag behind the old one.
      pusher._after(OVERLAP_MS, () => {
        this._overlap = null;
        this.begin();
      });
      overlap.held.forEach((data) => pusher._ws === ws && pusher._arrived(ws, data));
    }

    // Checks the connection after `quietMs` of silence. `mayMove`: also with a server that has no KEEPALIVE.
    _checkAfter(quietMs, mayMove) {
      const pusher = this._pusher;
      this._asking = false;
      this._dropOther();
      if (pusher._sse) return pusher._after(SOCKET_AGAIN_MS, () => this._openAnother());
      const heardMs = this._heardMs;
      // If the clock was set back, check.
      const silentMs = Math.abs(Date.now() - heardMs);
      pusher._after(Math.max(0, quietMs - silentMs), () => {
        if (this._heardMs !== heardMs) this.begin();
        else if (pusher._isPushd) this._ask(1);
        else if (mayMove) this._openAnother();
      });
    }

    _ask(asks) {
      const pusher = this._pusher, askedMs = Date.now();
      this._asking = true;
      pusher._send([KEEPALIVE]);
      pusher._after(ANSWER_MS, () => {
        const isLate = Math.abs(Date.now() - askedMs - ANSWER_MS) > LATE_MS;
        if (isLate && asks < ASKS_MAX) this._ask(asks + 1);
        else pusher._fail(1006, 'no answer within ' + ANSWER_MS + ' ms');
      });
    }

    // "wamp" has no KEEPALIVE, so the old connection may be dead or alive. Or there are only Server-Sent Events.
    _openAnother() {
      const pusher = this._pusher, giveUp = () => this.begin();
      this._asking = true;
      pusher._after(WELCOME_DEADLINE_MS, giveUp);
      try {
        const other = this._other = pusher._newSocket();
        other.onerror = other.onclose = giveUp;
        other.onmessage = (frame) => {
          const message = Pusher.parse(frame.data);
          if (message[0] === WELCOME && typeof message[1] === 'string') this._moveTo(other, message);
        };
      } catch (error) {
        giveUp();
      }
    }

    // "wamp" does not confirm subscriptions, so read both connections for a while. Deliver events of the old one at once.
    // Hold events of the new one, and then skip those that the old one has brought, byte for byte.
    _moveTo(other, welcome) {
      const pusher = this._pusher, old = pusher._ws;
      if (old) this._overlap = { old, oldId: pusher.sessionId, held: [], seen: new Map() };
      this._other = null;
      this._asking = false;
      this._heardMs = Date.now();
      this._quietMs = QUIET_MS;
      pusher._after(OVERLAP_MS, () => this.endOverlap());
      pusher._endSse();
      pusher._use(other);
      pusher._welcome(welcome);
    }

    _dropOther() {
      Pusher.discard(this._other);
      this._other = null;
    }
  }

  Pusher.Liveness = Liveness;
})(typeof self === 'object' ? self : globalThis);
