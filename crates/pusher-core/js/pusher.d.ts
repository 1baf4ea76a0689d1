// Types of pusher.js, the WAMP v1 client that pushd serves at GET /pusher.js. MIT OR Apache-2.0.

export = Pusher;
export as namespace Pusher;

/**
 * One connection to a push server, kept open until `close()`. A lost one comes back after a random part of 1, 2, 4 .. 30 s,
 * or at once when the machine is on line or the page visible again; slower if the server refused it.
 *
 * A connection may die without a close: sleep, another network, a proxy that forgot it. With `pushd` the client asks for a
 * sign of life after 5/4 of the ping interval and a second of silence, and when the page or the machine is back; without an
 * answer within 5 s the connection is lost. Other servers cannot be asked: when the machine is on line again, or the page
 * visible again after 30 s of silence, the client opens a second connection and moves there. Watchers are then told 'open'
 * once more, with another `sessionId`; each event is delivered once.
 */
declare class Pusher {
  /**
   * @param url ws:, wss:, http: or https:. By default the address that the script itself came from.
   * @throws an Error if no address is known or there is no WebSocket, or what `new WebSocket(url)` throws.
   */
  constructor(url?: string, options?: Pusher.Options);

  /** The address in use. */
  readonly url: string;
  readonly state: Pusher.State;
  /** From WELCOME; null while not open. Another one each time the state becomes 'open'. */
  readonly sessionId: string | null;
  /** The server's name and version, from WELCOME; null while not open. */
  readonly server: string | null;

  /** May be called in any state; is kept over reconnects. Returns the way to undo it. */
  subscribe<Event = any>(topic: string | number, handler: Pusher.EventHandler<Event>): () => void;

  /** Without a handler: all handlers of the topic. Unknown ones are ignored. */
  unsubscribe(topic: string | number, handler?: Pusher.EventHandler<any>): void;

  /**
   * True: handed to the socket, which is no promise of delivery. False: not open, or `unsentBytesMax` are unsent;
   * nothing is kept to be sent later. A server may refuse browsers' publishes by closing the connection.
   */
  publish(topic: string | number, event: unknown, options?: Pusher.PublishOptions): boolean;

  /** The result of CALLRESULT, or rejected with a `Pusher.CallError`. At most `callsMax` calls pending. */
  call<Result = any>(procUri: string, ...args: unknown[]): Promise<Result>;

  /** From now on `prefix:rest` is `uri + rest`, here and at the server, after reconnects too. */
  prefix(prefix: string, uri: string): void;

  /** The full URI of a CURIE; whatever has no known prefix is returned as it is. */
  resolve(curie: string): string;

  /** Calls the handler now, and at every change of state. Returns the way to undo it. */
  watch(handler: Pusher.StateHandler): () => void;

  /** For good: no reconnect. Pending calls are rejected. */
  close(): void;
}

declare namespace Pusher {
  /** 'open' is reached with WELCOME; 'waiting' is between two attempts; 'closed' is final. */
  type State = 'connecting' | 'open' | 'waiting' | 'closed';

  /** `topic` is the full URI. What a handler throws goes to the console and harms no other handler. */
  type EventHandler<Event = any> = (event: Event, topic: string) => void;

  /** 'open' may come twice in a row, after a move. Fetch what was missed each time. */
  type StateHandler = (state: State, info: StateInfo) => void;

  /** Of the connection that ended; empty while 'connecting' and 'open'. */
  interface StateInfo {
    /** WebSocket close code. */
    code?: number;
    reason?: string;
    wasClean?: boolean;
    /** Whether the WebSocket had been established at all. */
    opened?: boolean;
    /** While 'waiting': until the next attempt. */
    delayMs?: number;
  }

  interface Options {
    /** False: the first loss is final. Default true. */
    reconnect?: boolean;
    /** Ceiling of the first random delay; doubles with each failure. Default 1000. */
    backoffBaseMs?: number;
    /** Default 30000. */
    backoffMaxMs?: number;
    /** How long a call waits for its answer; 0 is for ever. Default 60000. */
    callDeadlineMs?: number;
    /** Calls that may wait for an answer. Default 1000. */
    callsMax?: number;
    /** Bytes that may be unsent when another message is given to the socket. Default 1 MiB. */
    unsentBytesMax?: number;
    /** The class to connect with. Default the global one. */
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
    /** Of CALLERROR; null when there was none: not connected, connection lost, no answer, too many pending. */
    uri: string | null;
    description: string;
    details?: unknown;
  }
}
