import { idSource } from "./ids.js";
import type { ChatStorage } from "./storage.js";

/** What the library needs of a WebSocket: the browser's, undici's and ws's have it. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(): void;
}

export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** Where the page's events come from: `window`, or something like it in tests. */
export interface PageLike {
  addEventListener?: EventTarget["addEventListener"];
  readonly navigator?: { readonly onLine?: boolean };
}

export interface ChatOptions {
  /** The gateways' WebSocket URLs. The first is chosen at random; after a failure comes the next. */
  readonly url: string | readonly string[];
  /** This user's id: 1 to 64 of `A-Z a-z 0-9 . _ - @ +`. */
  readonly user: string;
  /**
   * For servers with authentication. A function is called at each connect (if it rejects, that is tried again like a lost connection), and,
   * if it gives JSON Web Tokens that expire, in the last minute of each: let it give a fresh one then. That takes its place on the live
   * connection.
   */
  readonly token?: string | (() => string | Promise<string>);
  /** Names this device, up to 64 printable ASCII characters. */
  readonly device?: string;
  /** What outlives a reload. Without it everything lives and ends with the `Chat`. */
  readonly storage?: ChatStorage;
  /** Names the server, or cluster, in the storage. The first URL by default: set it if that may change. */
  readonly server?: string;
  /** Stops the chat when it aborts. */
  readonly signal?: AbortSignal;
  /** Messages that may wait for their ack, failed ones included; 500 by default. */
  readonly outboxMax?: number;
  /** Time between pings, in ms; 25 000 by default. The server ends a connection after 60 s of silence. */
  readonly heartbeatMs?: number;
  /** `globalThis.WebSocket` by default: Node 20 needs one given. */
  readonly webSocket?: WebSocketConstructor;
  /** `globalThis` by default. */
  readonly page?: PageLike;
  /** From 0 up to 1; `Math.random` by default. */
  readonly random?: () => number;
  /** Milliseconds since the Unix epoch; `Date.now` by default. */
  readonly now?: () => number;
  /** Makes message ids; UUIDv7 by default. */
  readonly newId?: () => string;
}

/** Options with their defaults. */
export type Settings = ReturnType<typeof withDefaults>;

/** What the chat and its parts go by. */
export function withDefaults(options: ChatOptions) {
  const now = options.now ?? Date.now;
  const urls = [options.url].flat();
  return {
    server: `${urls[0]}`,
    outboxMax: 500,
    heartbeatMs: 25_000,
    random: Math.random,
    newId: idSource(now),
    page: globalThis as PageLike,
    webSocket: globalThis.WebSocket as unknown as WebSocketConstructor,
    ...options,
    now,
    urls,
  };
}
