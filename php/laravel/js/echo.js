/**
 * echo.js: the connector of laravel-echo for pushd, on pusher.js. MIT OR Apache-2.0.
 *
 *   import Echo from 'laravel-echo';
 *   import Pusher from '@pushd/pusher';
 *   import PushdConnector from './echo.js';
 *   const echo = new Echo({ broadcaster: PushdConnector, Pusher, url: 'https://push.example/' });
 *
 * A channel is a topic. Private and presence channels need a ticket of the site, one for all of them. It is fetched from
 * `authEndpoint` for each connection, before it ends, and when the page joins another such channel.
 */

const DEFAULTS = {
  auth: {},
  authEndpoint: '/broadcasting/auth',
  csrfToken: null,
  bearerToken: null,
  namespace: 'App.Events',
  whispers: false,
  withCredentials: false,
};

// What a channel tells besides the events of the site. Symbols, because a publisher can choose every name.
const SUBSCRIBED = Symbol('subscribed'), ERROR = Symbol('error');
const HERE = Symbol('here'), JOINING = Symbol('joining'), LEAVING = Symbol('leaving'), COUNT = Symbol('count');

const NOTIFICATION = '.Illuminate\\Notifications\\Events\\BroadcastNotificationCreated';
const REFUSALS = [401, 403, 419]; // not logged in, not allowed, the page is too old

// An error of one callback must not affect the others.
function guarded(callback, ...values) {
  try {
    callback(...values);
  } catch (error) {
    if (typeof reportError === 'function') reportError(error);
    else console.error(error);
  }
}

/** The name and the data of an event. What Laravel did not publish is an event "message". */
function parse(event) {
  const isObject = event !== null && typeof event === 'object' && !Array.isArray(event);
  const isNamed = isObject && typeof event.event === 'string' && 'data' in event
    && Object.keys(event).every((key) => key === 'event' || key === 'data' || key === 'user_id');
  return isNamed ? event : { event: 'message', data: event };
}

function csrfTokenOfPage() {
  if (typeof document !== 'object' || typeof document.querySelector !== 'function') return null;
  const tag = document.querySelector('meta[name="csrf-token"]');
  return (globalThis.Laravel && globalThis.Laravel.csrfToken) || (tag && tag.getAttribute('content'));
}

/** A public channel. */
class PushdChannel {
  constructor(connector, name) {
    this.name = name;
    this.options = connector.options;
    this._connector = connector;
    this._callbacks = new Map(); // event -> callbacks
    this._all = new Set();
    this._ends = []; // functions that end the subscriptions
  }

  listen(event, callback) { return this.on(this._format(event), callback); }

  stopListening(event, callback) {
    const name = this._format(event), callbacks = this._callbacks.get(name);
    if (callback && callbacks) callbacks.delete(callback);
    else this._callbacks.delete(name);
    return this;
  }

  /** `callback(event, data)`: `event` is in the form of listen(). */
  listenToAll(callback) {
    this._all.add(callback);
    return this;
  }

  stopListeningToAll(callback) {
    if (callback) this._all.delete(callback);
    else this._all.clear();
    return this;
  }

  listenForWhisper(event, callback) { return this.listen('.client-' + event, callback); }

  stopListeningForWhisper(event, callback) { return this.stopListening('.client-' + event, callback); }

  notification(callback) { return this.listen(NOTIFICATION, callback); }

  stopListeningForNotification(callback) { return this.stopListening(NOTIFICATION, callback); }

  /**
   * Called when the channel is joined, and later if events may be missing: fetch the current state. After a short
   * interruption nothing is missing, and it is not called.
   */
  subscribed(callback) { return this.on(SUBSCRIBED, () => callback()); }

  /** `callback({type, error, status})`: the page may not join the channel, or no longer. */
  error(callback) { return this.on(ERROR, callback); }

  /** As listen(), without the namespace. */
  on(event, callback) {
    if (!this._callbacks.has(event)) this._callbacks.set(event, new Set());
    this._callbacks.get(event).add(callback);
    return this;
  }

  unsubscribe() { this._ends.splice(0).forEach((end) => end()); }

  get _isOpen() { return this._ends.length > 0; }

  _open() {
    const options = {
      since: null, // no position: a gap, which tells that the subscription has begun
      gap: () => this._emit(SUBSCRIBED),
      denied: (topic, code) => this._deny(code),
    };
    this._ends.push(this._connector.pusher.subscribe(this.name, (event) => this._receive(event), options));
  }

  _deny(error, status = 403) { this._emit(ERROR, { type: 'AuthError', error, status }); }

  _receive(received) {
    const { event, data } = parse(received);
    this._emit(event, data);
    const namespace = String(this.options.namespace || '').replace(/\./g, '\\') + '\\';
    const shown = namespace.length > 1 && event.startsWith(namespace) ? event.slice(namespace.length) : '.' + event;
    Array.from(this._all).forEach((callback) => guarded(callback, shown, data));
  }

  _emit(event, data) {
    Array.from(this._callbacks.get(event) || []).forEach((callback) => guarded(callback, data));
  }

  // 'Posted' is 'App\Events\Posted'. '.posted' and '\Other\Posted' are complete names.
  _format(event) {
    if (event[0] === '.' || event[0] === '\\') return event.slice(1);
    const namespace = this.options.namespace;
    return (namespace ? namespace + '.' + event : event).replace(/\./g, '\\');
  }
}

/** A channel that needs a ticket. The connector opens it. */
class PushdPrivateChannel extends PushdChannel {
  /** Sends an event to the other members. pushd must allow it: see the option `whispers`. */
  whisper(event, data) {
    if (!this.options.whispers) {
      throw new Error('Echo: pushd closes the connection of a browser that publishes. Name the channel in client-publish, and set the option whispers');
    }
    this._connector.pusher.publish(this.name, { event: 'client-' + event, data }, { excludeMe: true });
    return this;
  }
}

class PushdPresenceChannel extends PushdPrivateChannel {
  /** `callback(users)`: everybody who is here, after joining and after each reconnect. */
  here(callback) { return this.on(HERE, callback); }

  joining(callback) { return this.on(JOINING, callback); }

  leaving(callback) { return this.on(LEAVING, callback); }

  /** `callback(count)`: pushd lists at most 100 members, and counts all. */
  count(callback) { return this.on(COUNT, callback); }

  _open() {
    super._open();
    // The array that the channel's callback returned in Laravel, or only the id.
    const user = (member) => (member.info === undefined ? { id: member.sub } : member.info);
    const users = new Map(); // pushd tells the info of a member only once
    const add = (member) => users.set(member.sub, user(member)).get(member.sub);
    const remove = (member) => {
      const known = users.get(member.sub) || user(member);
      users.delete(member.sub);
      return known;
    };
    const replace = (members) => {
      users.clear();
      return members.map(add);
    };
    this._ends.push(this._connector.pusher.presence(this.name, {
      here: (members) => this._emit(HERE, replace(members)),
      joined: (member) => this._emit(JOINING, add(member)),
      left: (member) => this._emit(LEAVING, remove(member)),
      count: (count) => this._emit(COUNT, count),
      denied: (topic, code) => topic !== this.name && this._deny(code),
    }));
  }
}

export default class PushdConnector {
  /**
   * The options of Echo, and:
   *
   * - `Pusher`: the class of pusher.js. Default: the global one.
   * - `url`: the address of pushd. Default: where pusher.js was loaded from.
   * - `pusher`: further options for pusher.js.
   * - `whispers`: true if pushd has client-publish for the channels.
   * - `withCredentials`: sends cookies to other origins, for a site whose API has another host.
   */
  constructor(options) {
    this.options = { ...DEFAULTS, ...options };
    this.channels = {};
    this._isRenewing = false;
    this.connect();
  }

  connect() {
    const Pusher = this.options.Pusher || globalThis.Pusher;
    // pusher-js has a class of the same name, without positions.
    if (!Pusher || !Pusher.prototype.position) throw new Error('Echo: pusher.js of pushd is missing. Give its class as the option Pusher');
    this.pusher = new Pusher(this.options.url, {
      withCredentials: this.options.withCredentials,
      ...this.options.pusher,
      ticket: () => this._ticket(),
      denied: (topic, code) => topic === null && this._guarded().forEach((channel) => channel._deny(code)),
    });
  }

  channel(name) { return this._join(name, PushdChannel); }

  privateChannel(name) { return this._join('private-' + name, PushdPrivateChannel); }

  presenceChannel(name) { return this._join('presence-' + name, PushdPresenceChannel); }

  listen(name, event, callback) { return this.channel(name).listen(event, callback); }

  leave(name) { ['', 'private-', 'presence-'].forEach((kind) => this.leaveChannel(kind + name)); }

  leaveChannel(name) {
    if (!this.channels[name]) return;
    this.channels[name].unsubscribe();
    delete this.channels[name];
  }

  socketId() { return this.pusher.sessionId || undefined; }

  connectionStatus() {
    const states = { open: 'connected', closed: 'disconnected', waiting: 'reconnecting' };
    if (this.pusher.state === 'open') this._wasOpen = true;
    return states[this.pusher.state] || (this._wasOpen ? 'reconnecting' : 'connecting');
  }

  onConnectionChange(callback) {
    let known = this.connectionStatus();
    return this.pusher.watch(() => {
      const status = this.connectionStatus();
      if (status === known) return;
      known = status;
      callback(status);
    });
  }

  disconnect() { this.pusher.close(); }

  _join(name, Channel) {
    if (this.channels[name]) return this.channels[name];
    const channel = this.channels[name] = new Channel(this, name);
    if (channel instanceof PushdPrivateChannel) this._renewSoon();
    else channel._open();
    return channel;
  }

  _guarded() { return Object.values(this.channels).filter((channel) => channel instanceof PushdPrivateChannel); }

  // What is joined together needs one ticket. While there is no connection, the next one asks for it.
  _renewSoon() {
    if (this._isRenewing) return;
    this._isRenewing = true;
    queueMicrotask(() => this._isRenewing && this.pusher.renewTicket());
  }

  // For pusher.js. An error makes it try again later.
  async _ticket() {
    this._isRenewing = false;
    const asked = this._guarded(), names = asked.map((channel) => channel.name);
    if (!names.length) return null;
    const response = await fetch(this.options.authEndpoint, {
      method: 'POST',
      headers: this._headers(),
      body: JSON.stringify({ channels: names }),
      credentials: this.options.withCredentials ? 'include' : 'same-origin',
    });
    if (!response.ok && !REFUSALS.includes(response.status)) {
      throw new Error('Echo: ' + this.options.authEndpoint + ' answers ' + response.status);
    }
    const { ticket, denied } = response.ok ? await response.json() : { ticket: null, denied: names };
    const status = response.ok ? 403 : response.status;
    // Later, when pusher.js has sent the ticket.
    setTimeout(() => asked.forEach((channel) => this._answered(channel, denied.includes(channel.name), status)), 0);
    return ticket;
  }

  _answered(channel, isDenied, status) {
    const isJoined = this.channels[channel.name] === channel;
    if (!isJoined || channel._isOpen) return; // the server tells an open channel what has changed
    if (!isDenied) channel._open();
    else if (channel._refusedBy !== status) channel._deny('not authorized by ' + this.options.authEndpoint, status);
    channel._refusedBy = isDenied ? status : null; // told once, not with each ticket
  }

  _headers() {
    const { auth, bearerToken, csrfToken } = this.options, csrf = csrfToken || csrfTokenOfPage();
    return {
      Accept: 'application/json',
      'Content-Type': 'application/json',
      ...(csrf && { 'X-CSRF-TOKEN': csrf }),
      ...(bearerToken && { Authorization: 'Bearer ' + bearerToken }),
      ...(auth && auth.headers),
    };
  }
}
