/**
 * presence.js: the members of a topic, for pusher.js. MIT OR Apache-2.0.
 * pushd serves it as a part of pusher.js.
 */
(function (root) {
  'use strict';

  // If this is a part of pusher.js, module.exports is already Pusher.
  const cjs = typeof module === 'object' && module.exports;
  const Pusher = !cjs ? root.Pusher : typeof cjs === 'function' ? cjs : require('./pusher.js');

  const PRESENCE = 'pushd:presence:';
  const HANDLERS = ['here', 'joined', 'left', 'count', 'denied'];

  Pusher.prototype.presence = function (topic, handlers) {
    const given = handlers || {}, uri = this.resolve(Pusher.uriOf(topic));
    HANDLERS.forEach((name) => given[name] && Pusher.mustBeFunction(given[name]));
    let isWanted = true;
    const tell = (name, a, b) => isWanted && given[name] && Pusher.guarded(given[name], a, b);
    let known = null; // the `sub` of each member; null if the server does not list all

    const changed = (event) => {
      if (!event || typeof event.count !== 'number') return;
      const count = event.count, here = event.here, joined = event.joined, left = event.left;
      if (Array.isArray(here)) {
        known = here.length === count ? new Set(here.map((member) => member.sub)) : null;
        tell('here', here, count);
      } else if (joined) {
        const isNew = !known || !known.has(joined.sub);
        if (known) known.add(joined.sub);
        if (isNew) tell('joined', joined, count);
      } else if (left) {
        if (!known || known.delete(left.sub)) tell('left', left, count);
      } else {
        known = null;
      }
      tell('count', count);
    };

    // A member is a user who is subscribed to the topic itself.
    const options = { denied: given.denied };
    const offs = [this._topics.add(uri, () => {}, options), this._topics.add(PRESENCE + uri, changed, options)];
    return () => {
      isWanted = false;
      offs.forEach((off) => off());
    };
  };
})(typeof self === 'object' ? self : globalThis);
