// One session of one user over a WebSocket: registers, watches the connection by pings, and comes back after a loss.

import { Emitter } from "./emitter.js";
import { ChatError } from "./errors.js";
import type { Answers, ClientFrame, ErrorFrame, PushFrame, Query, ServerFrame } from "./frames.js";
import type { ChatOptions, PageLike, WebSocketConstructor, WebSocketLike } from "./options.js";
import { BACKOFF_MAX_MS, backoffMs, Gate } from "./waiting.js";

const HEARTBEAT_MS = 25_000;
const ANSWER_MAX_MS = 10_000; // to a ping; also for a connection to be made, with its registration
const QUERY_MAX_MS = 30_000;
const STABLE_MS = 10_000; // a connection that lasted so long ends the row of failures before it
const CLOSE_CODE_FINAL = 4500; // from here to 4999 the server asks not to come back
const CLOSE_CODE_UNAUTHORIZED = 4501;
const REGISTER_ERRORS_FINAL = ["unauthorized", "forbidden", "bad_frame"];

/**
 * - `idle`: not started
 * - `connecting`, `online`
 * - `waiting`: the connection is lost or refused; it is tried again by itself
 * - `closed`: stopped, or ended by the server for good; `start` may be called again
 */
export type ConnectionState = "idle" | "connecting" | "online" | "waiting" | "closed";

export interface StateEvent {
  readonly state: ConnectionState;
  /** Why it is waiting or closed. */
  readonly error?: ChatError;
}

export interface ConnectionEvents {
  state: StateEvent;
  frame: PushFrame;
  /** The server has answered a ping. */
  alive: undefined;
}

interface PendingQuery {
  resolve(answer: ServerFrame): void;
  reject(error: ChatError): void;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class Connection extends Emitter<ConnectionEvents> {
  state: ConnectionState = "idle";
  readonly online = new Gate();
  readonly #options: ChatOptions;
  readonly #urls: readonly string[];
  readonly #random: () => number;
  readonly #now: () => number;
  #urlIndex: number;
  #socket: WebSocketLike | undefined;
  #attempt = 0;
  #onlineSinceMs = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined; // the one thing waited for: the registration, the next ping, or the next try
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  #page: AbortController | undefined; // ends listening to the page's events
  readonly #queries = new Map<string, PendingQuery>(); // by ref
  #refs = 0;

  constructor(options: ChatOptions, random: () => number, now: () => number) {
    super();
    this.#options = options;
    this.#random = random;
    this.#now = now;
    this.#urls = typeof options.url === "string" ? [options.url] : options.url;
    this.#urlIndex = Math.floor(random() * this.#urls.length);
  }

  open(): void {
    this.#listen();
    this.#connect();
  }

  /** For good: by its user, or with the error that the server gave. */
  close(error?: ChatError): void {
    this.#detach();
    this.#page?.abort();
    this.#change("closed", error);
  }

  /** False if the frame could not be sent. */
  send(frame: ClientFrame): boolean {
    if (this.state !== "online") return false;
    this.#write(frame);
    return true;
  }

  /**
   * The frame that answers.
   *
   * @throws ChatError `disconnected`, `timeout`, or the server's code
   */
  query<Q extends Query>(query: Q, answerMaxMs = QUERY_MAX_MS): Promise<Answers[Q["type"]]> {
    return new Promise((resolve, reject) => {
      if (this.state !== "online") return reject(new ChatError("disconnected"));
      const ref = `${++this.#refs}`;
      const timer = setTimeout(() => {
        this.#queries.delete(ref);
        reject(new ChatError("timeout"));
      }, answerMaxMs);
      this.#queries.set(ref, { resolve: (answer) => resolve(answer as Answers[Q["type"]]), reject, timer });
      this.#write({ ...query, ref });
    });
  }

  #connect(): void {
    this.#detach();
    this.#change("connecting");
    const WebSocketType = this.#options.webSocket ?? (globalThis.WebSocket as unknown as WebSocketConstructor);
    let socket: WebSocketLike;
    try {
      socket = new WebSocketType(this.#urls[this.#urlIndex % this.#urls.length] as string);
    } catch (error) { // no URL, or one that this page may not connect to: another try would not differ
      return this.close(new ChatError("closed", String(error), 0, { cause: error }));
    }
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lose(new ChatError("timeout")), ANSWER_MAX_MS);
    socket.onopen = () => void this.#register(socket);
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    socket.onerror = () => {}; // `close` follows
  }

  async #register(socket: WebSocketLike): Promise<void> {
    const { token, user, device } = this.#options;
    try {
      const given = typeof token === "function" ? await token() : token;
      if (socket !== this.#socket) return;
      this.#write({ type: "register", from: user, ...(given === undefined ? {} : { token: given }), ...(device ? { device } : {}) });
    } catch (error) {
      if (socket === this.#socket) this.#lose(new ChatError("disconnected", "No token", 0, { cause: error }));
    }
  }

  #write(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  #receive(data: unknown): void {
    let frame: ServerFrame;
    try {
      frame = JSON.parse(String(data));
    } catch {
      return this.#lose(new ChatError("bad_json"));
    }
    const query = "ref" in frame && frame.ref !== undefined ? this.#queries.get(frame.ref) : undefined;
    if (query) this.#answer(query, frame);
    else if (frame.type === "registered") this.#registered();
    else if (frame.type === "error" && this.state === "connecting") this.#refused(frame);
    else if (frame.type === "draining") this.#drain(frame.afterMs);
    else this.emit("frame", frame as PushFrame);
  }

  #answer({ resolve, reject, timer }: PendingQuery, frame: ServerFrame): void {
    clearTimeout(timer);
    this.#queries.delete((frame as { ref: string }).ref);
    if (frame.type === "error") reject(new ChatError(frame.code, frame.message, frame.retryMs));
    else resolve(frame);
  }

  #registered(): void {
    this.#onlineSinceMs = this.#now();
    this.#schedulePing();
    this.#change("online");
  }

  #refused({ code, message, retryMs }: ErrorFrame): void {
    const error = new ChatError(code, message, retryMs);
    if (REGISTER_ERRORS_FINAL.includes(code)) this.close(error);
    else this.#lose(error);
  }

  #schedulePing(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ping(), this.#options.heartbeatMs ?? HEARTBEAT_MS);
  }

  #ping(): void {
    this.#schedulePing();
    const socket = this.#socket;
    this.query({ type: "ping" }, ANSWER_MAX_MS).then(
      () => this.emit("alive", undefined),
      (error: ChatError) => {
        if (socket === this.#socket && error.code === "timeout") this.#lose(error);
      },
    );
  }

  /** The gateway is going away: leaves it at a random moment of the time it gives. */
  #drain(afterMs = 0): void {
    clearTimeout(this.#drainTimer);
    this.#drainTimer = setTimeout(() => {
      this.#urlIndex++;
      this.#connect();
    }, this.#random() * afterMs);
  }

  #closed(code: number, reason: string): void {
    const final = code >= CLOSE_CODE_FINAL && code < 5000;
    const error = new ChatError(code === CLOSE_CODE_UNAUTHORIZED ? "unauthorized" : final ? "closed" : "disconnected", `${code} ${reason}`);
    if (final) this.close(error);
    else this.#lose(error);
  }

  #lose(error: ChatError): void {
    this.#detach();
    if (this.#now() - this.#onlineSinceMs > STABLE_MS) this.#attempt = 0;
    this.#onlineSinceMs = Infinity;
    this.#urlIndex++;
    const waitMs = this.#isOffline() ? BACKOFF_MAX_MS : backoffMs(this.#attempt++, this.#random);
    this.#timer = setTimeout(() => this.#connect(), Math.max(error.retryMs, waitMs));
    this.#change("waiting", error);
  }

  /** Forgets the socket at once: on a dead network its own closing could take minutes. */
  #detach(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#drainTimer);
    const socket = this.#socket;
    if (socket) {
      this.#socket = undefined;
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const { reject, timer } of this.#queries.values()) {
      clearTimeout(timer);
      reject(new ChatError("disconnected"));
    }
    this.#queries.clear();
  }

  #change(state: ConnectionState, error?: ChatError): void {
    this.state = state;
    this.online.set(state === "online", state === "closed" ? error ?? new ChatError("closed") : undefined);
    this.emit("state", error ? { state, error } : { state });
  }

  get #pageLike(): PageLike {
    return this.#options.page ?? (globalThis as PageLike);
  }

  #isOffline(): boolean {
    return this.#pageLike.navigator?.onLine === false;
  }

  /** A network or a person that comes back is reason to look at once what has become of the connection. */
  #listen(): void {
    this.#page?.abort();
    this.#page = new AbortController();
    const { signal } = this.#page;
    const page = this.#pageLike;
    const { document } = page;
    page.addEventListener?.("online", () => this.#check(), { signal });
    page.addEventListener?.("offline", () => this.#rest(), { signal });
    document?.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#check();
    }, { signal });
  }

  #check(): void {
    if (this.state === "waiting") this.#connect();
    else if (this.state === "online") this.#ping();
  }

  /** Without a network a try can but fail. Rare ones go on, as browsers may be wrong about the network. */
  #rest(): void {
    if (this.state !== "waiting") return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), BACKOFF_MAX_MS);
  }
}
