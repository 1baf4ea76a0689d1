/**
 * tickets.js: the tickets of pusher.js, which open private topics. MIT OR Apache-2.0.
 * pushd serves it as a part of pusher.js.
 */
(function (root) {
  'use strict';

  // If this is a part of pusher.js, module.exports is already Pusher.
  const cjs = typeof module === 'object' && module.exports;
  const Pusher = !cjs ? root.Pusher : typeof cjs === 'function' ? cjs : require('./pusher.js');

  const TICKET = 13;
  const TICKET_MAX = 4096; // a longer one is no ticket, but perhaps an error page of the site
  const DEADLINE_MS = 10000; // for the page's function
  const DAY_MS = 86400000;
  const RENEW_MIN_MS = 5000, BEFORE_END_MS = 10000;
  const RETRY_MS = 1000, RETRY_MAX_MS = 300000;
  const STABLE_MS = 10000; // a ticket that lasted this long resets the backoff

  /**
   * The tickets of one Pusher. `_state`: 'asking' the page's function, 'sent' and not yet answered, 'retrying' after a
   * delay, 'none' after the function gave null, 'unsure' if the page has subscribed since then, or 'idle'.
   */
  class Tickets {
    constructor(pusher) {
      const options = pusher._options, given = options.ticket;
      this._pusher = pusher;
      this._denied = options.denied;
      this._renews = typeof given === 'function';
      if (given && !this._renews && typeof given !== 'string') {
        throw new TypeError('Pusher: the ticket is a string or a function, not ' + typeof given);
      }
      // In a closure, so that console.log(pusher) does not show it.
      delete options.ticket;
      this._give = this._renews ? given : given ? () => given : null;
      this._acceptedMs = 0;
      this.stop();
    }

    get isGiven() { return this._give !== null; }

    // A new connection. While `isHolding`, its subscriptions wait for the ticket.
    begin() {
      this.stop();
      this._tries = 0;
      this.isHolding = this.isGiven;
      if (this.isHolding) this._ask();
    }

    stop() {
      clearTimeout(this._timer);
      this._state = 'idle';
      this._question = null;
      this.isHolding = false;
    }

    // The server has answered a ticket, of the page or of the handshake.
    answered(remainingMs, code) {
      if (this._state === 'asking') return; // it is about the cookie, which the new ticket will replace
      if (typeof remainingMs === 'number' && remainingMs >= 0) this._accepted(remainingMs);
      else if (remainingMs === null && typeof code === 'string') this._failed(code);
    }

    renew() { if (this._renews) this._ask(); }

    // The page subscribes. Perhaps a user has logged in.
    subscribing() {
      if (this._state === 'none') this._state = 'unsure';
    }

    // A topic is denied. Returns whether a ticket is on its way that may open it.
    denied(code) {
      if (this._state === 'asking' || this._state === 'sent') return true;
      if (code === 'ticket_expired') return this._expired();
      if (this._state !== 'unsure') return false;
      this._tries = 0;
      this._ask();
      return true;
    }

    _expired() {
      if (!this._renews || this._state === 'retrying') return false;
      if (Math.abs(Date.now() - this._acceptedMs) >= STABLE_MS) this._tries = 0;
      const isFirst = this._tries === 0;
      if (isFirst) this._ask();
      else this._retry();
      return isFirst;
    }

    // Tells the page that a topic is denied, or the ticket itself: null.
    tell(topic, code, entries) {
      const handlers = entries.map((entry) => entry.denied).concat(this._denied).filter(Boolean);
      const isOpen = () => this._pusher.state !== 'closed';
      handlers.forEach((handler) => isOpen() && Pusher.guarded(handler, topic, code));
      const what = topic === null ? 'the ticket' : 'topic ' + JSON.stringify(topic);
      if (!handlers.length) console.warn('Pusher: the server refuses ' + what + ': ' + code);
    }

    _ask() {
      const question = this._question = {};
      this._state = 'asking';
      this._tries++;
      const ask = (resolve, reject) => {
        this._after(DEADLINE_MS, () => reject(new Error('Pusher: no ticket within ' + DEADLINE_MS + ' ms')));
        Promise.resolve(this._give()).then(resolve, reject);
      };
      const ifWanted = (action) => (value) => this._question === question && action(value);
      new Promise(ask).then(ifWanted((ticket) => this._given(ticket)), ifWanted((error) => this._missing(error)));
    }

    _given(ticket) {
      if (ticket === null || ticket === '') this._none();
      else if (typeof ticket !== 'string') this._missing(new TypeError('Pusher: the ticket is not a string'));
      else if (ticket.length > TICKET_MAX) this._failed('ticket_too_long');
      else this._show(ticket);
    }

    _show(ticket) {
      const pusher = this._pusher, sse = pusher._sse;
      clearTimeout(this._timer);
      this._state = 'sent';
      if (sse) sse.ticket = ticket;
      else pusher._send([TICKET, ticket]);
      this._release();
      if (sse) this._accepted(null); // an event stream has no answer
    }

    // The page has none now, for example because nobody is logged in.
    _none() {
      clearTimeout(this._timer);
      this._state = 'none';
      this._release();
      this._pusher._topics.tellDenied();
    }

    _missing(error) {
      Pusher.guarded(() => { throw error; });
      this._failed('ticket_unavailable');
    }

    _failed(code) {
      clearTimeout(this._timer);
      this._state = 'idle';
      if (this._renews) this._retry();
      this._release();
      this.tell(null, code, []);
      this._pusher._topics.tellDenied();
    }

    _accepted(remainingMs) {
      clearTimeout(this._timer);
      this._state = 'idle';
      this._acceptedMs = Date.now();
      if (this._renews && remainingMs !== null) this._renewBefore(Math.min(remainingMs, DAY_MS));
      this._pusher._topics.retryDenied();
    }

    // At a random time, so that the pages of a restarted server do not ask the site in one wave.
    _renewBefore(endMs) {
      const ms = Math.min(endMs * (13 + 4 * Math.random()) / 20, endMs - BEFORE_END_MS);
      this._after(Math.max(ms, RENEW_MIN_MS), () => {
        this._tries = 0;
        this._ask();
      });
    }

    _retry() {
      const ceiling = Math.min(RETRY_MAX_MS, RETRY_MS * Math.pow(2, this._tries - 1));
      this._state = 'retrying';
      this._after(ceiling * (1 + Math.random()) / 2, () => this._ask());
    }

    _release() {
      if (!this.isHolding) return;
      this.isHolding = false;
      this._pusher._topics.restart(true);
      this._pusher._topics.subscribeAll();
    }

    _after(ms, action) {
      clearTimeout(this._timer);
      this._timer = setTimeout(action, ms);
    }
  }

  Pusher.prototype.renewTicket = function () {
    if (this._topics._recovers) this._tickets.renew();
  };

  Pusher.Tickets = Tickets;
})(typeof self === 'object' ? self : globalThis);
