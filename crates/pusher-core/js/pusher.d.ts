// Types of pusher.js, the WAMP v1 client that pushd serves at GET /pusher.js. MIT OR Apache-2.0.

export = Pusher;
export as namespace Pusher;

/**
 * A connection to a push server, kept open until `close()`. Reconnects after a random part of 1, 2, 4 .. 30 s (or of the
 * time that the server announces), at once when the machine is online again or the page visible again, and later if the
 * server refused the connection. Handlers then get the events that they missed.
 *
 * A connection may die without a close: sleep, another network, a proxy timeout. With `pushd` the client sends KEEPALIVE
 * after 5/4 of the ping interval plus a second of silence, and when the page or the machine is back; without an answer
 * within 5 s the connection is lost. Other servers have no KEEPALIVE: when the machine is online again, or the page is
 * visible again after 30 s of silence, the client opens a second connection and moves there. Watchers then get 'open'
 * again, with a new `sessionId`; each event is delivered once.
 *
 * If a network blocks WebSockets, the client receives events by Server-Sent Events, and tries a WebSocket again every
 * 5 minutes and when the machine is online again. For that, a page loads pusher-sse.js from the server; a program that
 * bundles the npm package imports '@pushd/pusher/sse'.
 */
declare class Pusher {
  /**
   * @param url ws:, wss:, http: or https:. Default: the address from which the script was loaded.
   * @throws an Error if no address is known or WebSocket is missing, and the errors of `new WebSocket(url)`.
   */
  constructor(url?: string, options?: Pusher.Options);

  /** The address in use. */
  readonly url: string;
  readonly state: Pusher.State;
  /**
   * From WELCOME; null while not open, and with Server-Sent Events. A new one each time the state becomes 'open'.
   *
   * If the page sends it to the site with a request, the site can publish to all other pages: `exclude` of PHP and
   * libpusher, `Pushd-Exclude` of HTTP.
   */
  readonly sessionId: string | null;
  /** The server's name and version, from WELCOME; null whenever `sessionId` is. */
  readonly server: string | null;

  /**
   * May be called in any state, and survives reconnects. Returns a function that unsubscribes.
   *
   * After a reconnect the handler gets the events that it missed, in order, each once. If the server no longer has all of
   * them, `options.gap` is called instead.
   *
   * The handlers of a topic share one subscription: a second SUBSCRIBE is not sent, and nothing is replayed for one
   * handler alone. If `since` of a later handler is the position of the subscription or newer, the handler gets every
   * event behind `since`. If it is older, or of another epoch, `gap` is called for this handler.
   */
  subscribe<Event = any>(
    topic: string | number, handler: Pusher.EventHandler<Event>, options?: Pusher.SubscribeOptions): () => void;

  /** Removes a handler, or all handlers of the topic. Ignores unknown handlers. */
  unsubscribe(topic: string | number, handler?: Pusher.EventHandler<any>): void;

  /**
   * The position up to which the handlers of a topic have every event: a `since` for later. Null if it is unknown, or if
   * the topic has no handler.
   */
  position(topic: string | number): string | null;

  /**
   * Tells who is subscribed to a topic, and subscribes to it: that makes a user a member. For topics for which the
   * operator switched presence on. Returns a function that ends both subscriptions.
   */
  presence(topic: string | number, handlers: Pusher.PresenceHandlers): () => void;

  /**
   * Calls the function of `Options.ticket` again, because it gives another ticket now: the user has logged in, or the page
   * needs more topics. Without a connection it does nothing, because the next one calls the function anyway.
   */
  renewTicket(): void;

  /**
   * True: handed to the socket, without a guarantee of delivery. False: not open, or `unsentBytesMax` bytes are unsent;
   * the event is not queued. A server may refuse a browser's publish by closing the connection.
   */
  publish(topic: string | number, event: unknown, options?: Pusher.PublishOptions): boolean;

  /** Resolves with the result, or rejects with a `Pusher.CallError`. At most `callsMax` calls may be pending. */
  call<Result = any>(procUri: string, ...args: unknown[]): Promise<Result>;

  /** Defines `prefix:rest` as `uri + rest`, here and at the server, also after reconnects. */
  prefix(prefix: string, uri: string): void;

  /** Returns the full URI of a CURIE. Text without a known prefix is returned unchanged. */
  resolve(curie: string): string;

  /** Calls the handler now, and at each change of state. Returns a function that stops that. */
  watch(handler: Pusher.StateHandler): () => void;

  /** Closes the connection for good, without a reconnect. Rejects pending calls. */
  close(): void;
}

declare namespace Pusher {
  /** 'open' is reached with WELCOME, or with an event stream; 'waiting' is between two attempts; 'closed' is final. */
  type State = 'connecting' | 'open' | 'waiting' | 'closed';

  /** `topic` is the full URI. Errors of a handler go to the console and do not affect other handlers. */
  type EventHandler<Event = any> = (event: Event, topic: string) => void;

  /**
   * 'open' may come twice in a row: after a move, and with `info.gap` for each topic of which events are missing. A server
   * without `pushd.1` recovers nothing: there, fetch the current state at each 'open'.
   */
  type StateHandler = (state: State, info: StateInfo) => void;

  interface SubscribeOptions {
    /**
     * The position of the page's contents: the site asks for it (`Pusher::position()` in PHP) before it reads the data.
     * The handler gets what was published since then. Anything that is no position, such as null, is a gap.
     */
    since?: string | null;
    /**
     * Called if events may be missing: fetch the current state from the site. Events that are published after the call
     * arrive as usual. With a server without `pushd.1`, this is each connection after the first, and the first if there is
     * a `since`.
     */
    gap?: (topic: string) => void;
    /**
     * Called if the server refuses the subscription, or ends it: the topic is private, and the ticket does not open it.
     * The client tries again with the next ticket, and with the next connection. See `Options.denied`.
     */
    denied?: (topic: string, code: DeniedCode) => void;
  }

  /** From the server, which may have new codes. `ticket_unavailable`: the function in `Options.ticket` failed. */
  type DeniedCode = 'ticket_missing' | 'ticket_too_long' | 'ticket_malformed' | 'ticket_algorithm' | 'ticket_unknown_key'
    | 'ticket_signature' | 'ticket_expired' | 'ticket_not_yet_valid' | 'ticket_lifetime' | 'ticket_topic' | 'ticket_revoked'
    | 'presence_off' | 'ticket_unavailable' | (string & {});

  /** A user, as in the ticket. */
  interface Member<Info = any> {
    sub: string;
    info?: Info;
  }

  interface PresenceHandlers<Info = any> {
    /** At the beginning, and after each reconnect: replaces the list. `count` is larger if the server does not list all. */
    here?: (members: Member<Info>[], count: number) => void;
    joined?: (member: Member<Info>, count: number) => void;
    left?: (member: Member<Info>, count: number) => void;
    /** The number of members, after each change. Topics with more than 100 members have nothing else. */
    count?: (count: number) => void;
    /** As in `SubscribeOptions`. `topic` is the topic, or "pushd:presence:" and the topic. */
    denied?: (topic: string, code: DeniedCode) => void;
  }

  /** About the connection that ended, and about the one that is 'open'. Empty while 'connecting'. */
  interface StateInfo {
    /** While 'open': a topic of which events are missing. */
    gap?: string;
    /** While 'open': by Server-Sent Events. `publish()` returns false, `call()` rejects, and `sessionId` is null. */
    receiveOnly?: boolean;
    /** WebSocket close code. */
    code?: number;
    reason?: string;
    wasClean?: boolean;
    /** Whether the WebSocket had been open. */
    opened?: boolean;
    /** While 'waiting': time until the next attempt. */
    delayMs?: number;
  }

  interface Options {
    /** False: the first loss is final. Default true. */
    reconnect?: boolean;
    /** Ceiling of the first random delay, unless the server announces one; doubles with each failure. Default 1000. */
    backoffBaseMs?: number;
    /** Default 30000. */
    backoffMaxMs?: number;
    /** Timeout of a call; 0 means none. Default 60000. */
    callDeadlineMs?: number;
    /** Maximum number of pending calls. Default 1000. */
    callsMax?: number;
    /** Maximum number of unsent bytes at which the client sends another message. Default 1 MiB. */
    unsentBytesMax?: number;
    /**
     * The ticket for private topics, or a function that fetches one: for each connection, and before the ticket ends.
     * `null` or the empty text: there is none. The function is then called again for the next connection, and if the server
     * denies a topic after a later `subscribe()`. Not needed if the site sets the cookie.
     */
    ticket?: string | null | (() => string | null | Promise<string | null>);
    /**
     * Called if the server refuses a topic or, with `topic` null, the ticket itself. If a ticket has expired or was null,
     * and the function in `ticket` gives another one, nothing is told. Without a handler, the console has a warning.
     */
    denied?: (topic: string | null, code: DeniedCode) => void;
    /** Event streams of another origin: whether the browser sends its cookies. Default false. */
    withCredentials?: boolean;
    /** The WebSocket class. Default: the global one. */
    WebSocket?: new (url: string, protocols: string[]) => any;
  }

  interface PublishOptions {
    /** Not to this session. */
    excludeMe?: boolean;
    /** Not to these session ids. */
    exclude?: string[];
    /** Only to these session ids. */
    eligible?: string[];
  }

  interface CallError extends Error {
    /** From CALLERROR; null for other errors: not connected, connection lost, no answer, too many pending. */
    uri: string | null;
    description: string;
    details?: unknown;
  }
}
