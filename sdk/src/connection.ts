// One session of one user over a WebSocket: registers, watches the connection by pings, and comes back after a loss.

import { Emitter } from "./emitter.js";
import { ChatError, errorOf } from "./errors.js";
import type { Answers, ClientFrame, Micros, PushFrame, Query, ServerFrame } from "./frames.js";
import type { Settings, WebSocketLike } from "./options.js";
import { BACKOFF_MAX_MS, backoffMs, Gate } from "./waiting.js";

const ANSWER_MAX_MS = 10_000; // to a ping; also for a connection to be made, with its registration
const QUERY_MAX_MS = 30_000;
const CLOSE_CODE_FINAL = 4500; // from here to 4999, the last that there is, the server asks not to come back
const CLOSE_CODE_EXPIRED = 4501; // of a registered session, whose token has expired: with another one it may come back
const RENEW_BEFORE_S = 60; // more than two heartbeats, so that one may fail
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
  readonly error?: ChatError | undefined;
}

export interface ConnectionEvents {
  state: StateEvent;
  frame: PushFrame;
  /** The server has answered a ping. */
  alive: undefined;
}

type Outcome = ServerFrame | ChatError;

export class Connection extends Emitter<ConnectionEvents> {
  state: ConnectionState = "idle";
  readonly online = new Gate();
  readonly #settings: Settings;
  #urlIndex: number;
  #socket: WebSocketLike | undefined;
  #attempt = 0;
  #token: string | undefined; // as it was shown last
  #timer: ReturnType<typeof setTimeout> | undefined; // the one thing waited for: registration, next ping, or next try
  #leaving: ReturnType<typeof setTimeout> | undefined; // a draining gateway
  #listening: AbortController | undefined; // to the page's events
  readonly #queries = new Map<unknown, (outcome: Outcome) => void>(); // by ref
  #refs = 0;

  constructor(settings: Settings) {
    super();
    this.#settings = settings;
    this.#urlIndex = settings.random() * settings.urls.length | 0;
  }

  open(): void {
    this.#listen();
    this.#connect();
  }

  /** For good: by its user, or with the error that the server gave. */
  close(error?: ChatError): void {
    this.#detach();
    this.#listening?.abort();
    this.#change("closed", error);
  }

  /** False if the frame could not be sent. */
  send(frame: ClientFrame): boolean {
    const isOnline = this.state === "online";
    if (isOnline) this.#write(frame);
    return isOnline;
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
      const settle = (outcome: Outcome): void => {
        clearTimeout(timer);
        this.#queries.delete(ref);
        if (outcome instanceof ChatError) reject(outcome);
        else resolve(outcome as Answers[Q["type"]]);
      };
      const timer = setTimeout(() => settle(new ChatError("timeout")), answerMaxMs);
      this.#queries.set(ref, settle);
      this.#write({ ...query, ref });
    });
  }

  #connect(): void {
    this.#detach();
    this.#change("connecting");
    const { urls, webSocket: WebSocketType } = this.#settings;
    let socket: WebSocketLike;
    try {
      socket = new WebSocketType(urls[this.#urlIndex % urls.length] as string);
    } catch (error) { // no URL, or one that this page may not connect to: another try would not differ
      return this.close(new ChatError("closed", `${error}`, 0, error));
    }
    this.#socket = socket;
    this.#after(ANSWER_MAX_MS, () => this.#lose(new ChatError("timeout")));
    socket.onopen = () => void this.#register(socket);
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => {
      const isFinal = code >= CLOSE_CODE_FINAL && (code !== CLOSE_CODE_EXPIRED || this.state === "connecting");
      this.#lose(new ChatError(isFinal ? "closed" : "disconnected", `${code} ${reason}`), isFinal);
    };
    socket.onerror = () => {}; // `close` follows
  }

  /** With the server's time `at` it is a renewal: only if the token, a JSON Web Token, expires soon. */
  async #register(socket: WebSocketLike | undefined, at?: Micros): Promise<void> {
    const { token, user, device } = this.#settings;
    try {
      // base64url (RFC 4648 5): `-` and `_` are only part of what is not ASCII, or of one of `>?~`, so that no number depends on them.
      if (at && !(at / 1e6 > JSON.parse(atob(this.#token!.split(".")[1]!.replace(/[-_]/g, "/"))).exp - RENEW_BEFORE_S)) return;
      const given = typeof token === "function" ? await token() : token;
      if (socket === this.#socket && (!at || given !== this.#token)) this.#write({ type: "register", from: user, token: this.#token = given, device });
    } catch (error) { // of a renewal: it is tried again after the next ping
      if (socket === this.#socket && this.state === "connecting") this.#lose(new ChatError("disconnected", `${error}`, 0, error));
    }
  }

  #write(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  #receive(data: unknown): void {
    const frame: ServerFrame & { readonly ref?: string } = JSON.parse(data as string);
    const settle = this.#queries.get(frame.ref);
    if (settle) settle(frame.type === "error" ? errorOf(frame) : frame);
    else if (this.state === "connecting" && frame.type === "registered") {
      this.#pingLater();
      this.#change("online");
    } else if (this.state === "connecting" && frame.type === "error") this.#lose(errorOf(frame), REGISTER_ERRORS_FINAL.includes(frame.code));
    else if (frame.type === "draining") {
      // The gateway is going away: it is left at a random moment of the time that it gives.
      clearTimeout(this.#leaving);
      this.#leaving = setTimeout(() => {
        this.#urlIndex++;
        this.#connect();
      }, this.#settings.random() * frame.afterMs);
    } else this.emit("frame", frame as PushFrame);
  }

  #pingLater(): void {
    this.#after(this.#settings.heartbeatMs, () => this.#ping());
  }

  #ping(): void {
    this.#pingLater();
    const socket = this.#socket;
    this.query({ type: "ping" }, ANSWER_MAX_MS).then(
      ({ at }) => {
        this.#attempt = 0; // not already by registering: a gateway may fail just after that, again and again
        void this.#register(socket, at);
        this.emit("alive", undefined);
      },
      (error: ChatError) => {
        if (socket === this.#socket && error.code === "timeout") this.#lose(error);
      },
    );
  }

  #lose(error: ChatError, isFinal?: boolean): void {
    if (isFinal) return this.close(error);
    this.#detach();
    this.#urlIndex++;
    // Without a network a try can but fail. Rare ones go on, as browsers may be wrong about the network.
    const isOffline = this.#settings.page.navigator?.onLine === false;
    const waitMs = isOffline ? BACKOFF_MAX_MS : backoffMs(this.#attempt++, this.#settings.random);
    this.#after(Math.max(error.retryMs, waitMs), () => this.#connect());
    this.#change("waiting", error);
  }

  #after(ms: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, ms);
  }

  /** Forgets the socket at once: on a dead network its own closing could take minutes. */
  #detach(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#leaving);
    const socket = this.#socket;
    if (socket) {
      this.#socket = undefined;
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const settle of this.#queries.values()) settle(new ChatError("disconnected"));
  }

  #change(state: ConnectionState, error?: ChatError): void {
    this.state = state;
    this.online.set(state === "online", state === "closed" ? error ?? new ChatError("closed") : undefined);
    this.emit("state", { state, error });
  }

  /** A network that comes or goes, or a person who comes back, is reason to look at once what has become of the connection. */
  #listen(): void {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const check = (): void => {
      if (this.state === "waiting") this.#connect();
      else if (this.state === "online") this.#ping();
    };
    // The last one bubbles up from the document. It comes also when the tab gets hidden, which does no harm.
    for (const type of ["online", "offline", "visibilitychange"]) this.#settings.page.addEventListener?.(type, check, { signal });
  }
}
