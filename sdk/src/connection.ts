// One session of one user over a WebSocket: registers, watches the connection by pings, and comes back after a loss.

import { Emitter } from "./emitter.js";
import { ChatError, errorOf, type FrameLess } from "./errors.js";
import type { Answers, ClientFrame, PushFrame, Query, ServerFrame } from "./frames.js";
import type { Settings, WebSocketLike } from "./options.js";
import { BACKOFF_MAX_MS, backoffMs, Gate } from "./waiting.js";

const ANSWER_MAX_MS = 10_000; // to a ping; also for a connection to be made, with its registration
const QUERY_MAX_MS = 30_000;
const CLOSE_CODE_FINAL = 4500; // from here to 4999, the last that there is, the server asks not to come back
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

type Outcome = ServerFrame | FrameLess;

export class Connection extends Emitter<ConnectionEvents> {
  state: ConnectionState = "idle";
  readonly online = new Gate();
  readonly #settings: Settings;
  #urlIndex: number;
  #socket: WebSocketLike | undefined;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined; // the one thing waited for: registration, next ping, leaving, or next try
  #listening: AbortController | undefined; // to the page's events
  readonly #queries = new Map<unknown, (outcome: Outcome) => void>(); // by ref
  #refs = 0;

  constructor(settings: Settings) {
    super();
    this.#settings = settings;
    this.#urlIndex = Math.floor(settings.random() * settings.urls.length);
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
      const settle = (outcome: Outcome): void => {
        clearTimeout(timer);
        this.#queries.delete(ref);
        if (outcome.type === "error") reject(errorOf(outcome));
        else resolve(outcome as Answers[Q["type"]]);
      };
      const timer = setTimeout(() => settle({ type: "error", code: "timeout" }), answerMaxMs);
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
      return this.close(new ChatError("closed", String(error), 0, error));
    }
    this.#socket = socket;
    this.#after(ANSWER_MAX_MS, () => this.#lose(new ChatError("timeout")));
    socket.onopen = () => void this.#register(socket);
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => {
      const isFinal = code >= CLOSE_CODE_FINAL;
      this.#end(new ChatError(isFinal ? "closed" : "disconnected", `${code} ${reason}`), isFinal);
    };
    socket.onerror = () => {}; // `close` follows
  }

  async #register(socket: WebSocketLike): Promise<void> {
    const { token, user, device } = this.#settings;
    try {
      const given = typeof token === "function" ? await token() : token;
      if (socket === this.#socket) this.#write({ type: "register", from: user, token: given, device });
    } catch (error) {
      if (socket === this.#socket) this.#lose(new ChatError("disconnected", String(error), 0, error));
    }
  }

  #write(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  #receive(data: unknown): void {
    const frame: ServerFrame & { readonly ref?: string } = JSON.parse(data as string);
    const settle = this.#queries.get(frame.ref);
    if (settle) settle(frame);
    else if (frame.type === "registered") {
      this.#pingLater();
      this.#change("online");
    } else if (frame.type === "error" && this.state === "connecting") this.#end(errorOf(frame), REGISTER_ERRORS_FINAL.includes(frame.code));
    else if (frame.type === "draining") this.#drain(frame.afterMs);
    else this.emit("frame", frame as PushFrame);
  }

  #pingLater(): void {
    this.#after(this.#settings.heartbeatMs, () => this.#ping());
  }

  #ping(): void {
    this.#pingLater();
    const socket = this.#socket;
    this.query({ type: "ping" }, ANSWER_MAX_MS).then(
      () => {
        this.#attempt = 0; // not already by registering: a gateway may fail just after that, again and again
        this.emit("alive", undefined);
      },
      (error: ChatError) => {
        if (socket === this.#socket && error.code === "timeout") this.#lose(error);
      },
    );
  }

  /** The gateway is going away: leaves it at a random moment of the time it gives. */
  #drain(afterMs: number): void {
    this.#after(this.#settings.random() * afterMs, () => {
      this.#urlIndex++;
      this.#connect();
    });
  }

  #end(error: ChatError, isFinal: boolean): void {
    if (isFinal) this.close(error);
    else this.#lose(error);
  }

  #lose(error: ChatError): void {
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
    const socket = this.#socket;
    if (socket) {
      this.#socket = undefined;
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const settle of this.#queries.values()) settle({ type: "error", code: "disconnected" });
  }

  #change(state: ConnectionState, error?: ChatError): void {
    this.state = state;
    this.online.set(state === "online", state === "closed" ? error ?? new ChatError("closed") : undefined);
    this.emit("state", error ? { state, error } : { state });
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
