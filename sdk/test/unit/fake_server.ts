// A small model of the server, in memory and on fake timers: a store with its order of commits, sessions over fake WebSockets, and the
// faults that a test asks for. Its behaviour follows docs/protocol.md.

import type { StoredMessage, WebSocketLike } from "../../src/index.js";

type Frame = Record<string, unknown> & { type: string };

/** A generator of numbers from 0 up to 1 (mulberry32), so that a seed replays a failure. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class FakeSocket implements WebSocketLike {
  onopen: WebSocketLike["onopen"] = null;
  onmessage: WebSocketLike["onmessage"] = null;
  onclose: WebSocketLike["onclose"] = null;
  onerror: WebSocketLike["onerror"] = null;
  user = "";
  isOpen = false;
  isClosed = false;
  /** All frames that the client sent. */
  readonly sent: Frame[] = [];

  constructor(readonly server: FakeServer, readonly url: string) {
    server.sockets.push(this);
    setTimeout(() => {
      if (this.isClosed) return;
      if (server.down.has(url)) return this.lose(1006);
      this.isOpen = true;
      (this.onopen as (() => void) | null)?.();
    }, server.latencyMs);
  }

  send(text: string): void {
    const frame = JSON.parse(text) as Frame;
    this.sent.push(frame);
    setTimeout(() => {
      if (!this.isClosed) this.server.receive(this, frame);
    }, this.server.latencyMs);
  }

  /** To the client. */
  push(frame: Frame, afterMs = this.server.latencyMs): void {
    setTimeout(() => {
      if (!this.isClosed && !this.server.mute) this.onmessage?.({ data: JSON.stringify(frame) });
    }, afterMs);
  }

  close(): void {
    this.isClosed = true;
    this.server.sessions.delete(this);
  }

  lose(code: number, reason = ""): void {
    if (this.isClosed) return;
    this.close();
    this.onclose?.({ code, reason });
  }
}

export class FakeServer {
  latencyMs = 5;
  /** The server's time less the client's. */
  clockAheadMs = 0;
  /** Acked messages are committed so much later. */
  commitMs: () => number = () => 0;
  hasLatest = true;
  mute = false;
  storeId = 1;
  readonly down = new Set<string>();
  readonly sockets: FakeSocket[] = [];
  readonly sessions = new Set<FakeSocket>();
  /** In the order of their commits. */
  store: StoredMessage[] = [];
  readonly marks = new Map<string, number>(); // "kind user with"
  /** What becomes of a frame: an error to answer with, "lost", "cut" (before it is handled) or "cutAfter". */
  fault: (socket: FakeSocket, frame: Frame) => { code: string; retryMs?: number } | "lost" | "cut" | "cutAfter" | undefined = () => undefined;
  /** Live copies: delays in ms; none: it gets lost, and a resync follows. */
  liveDelays: () => number[] = () => [this.latencyMs];
  #at = 0;

  get webSocket() {
    const server = this;
    return class extends FakeSocket {
      constructor(url: string) {
        super(server, url);
      }
    };
  }

  /** The client's newest socket. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket");
    return socket;
  }

  clock(): number {
    return (this.#at = Math.max(this.#at + 1, (Date.now() + this.clockAheadMs) * 1000));
  }

  /** A message of somebody who is not simulated. */
  post(from: string, to: string, payload: string, options: { id?: string; at?: number; live?: boolean } = {}): StoredMessage {
    const message = { id: options.id ?? payload, from, to, payload, at: options.at ?? this.clock() };
    this.#commit(message);
    if (options.live !== false) this.#deliver(message, undefined);
    return message;
  }

  conversation(user: string, partner: string): StoredMessage[] {
    return this.store
      .filter(({ from, to }) => (from === user && to === partner) || (from === partner && to === user))
      .sort((a, b) => a.at - b.at || (a.from < b.from ? -1 : 1));
  }

  receive(socket: FakeSocket, frame: Frame): void {
    const fault = this.fault(socket, frame);
    if (fault === "lost") return;
    if (fault === "cut") return socket.lose(1006);
    if (typeof fault === "object") {
      return socket.push({ type: "error", message: fault.code, ...fault, id: frame["id"], ref: frame["ref"] });
    }
    this.#handle(socket, frame);
    if (fault === "cutAfter") socket.lose(1006);
  }

  #handle(socket: FakeSocket, frame: Frame): void {
    const { ref } = frame;
    switch (frame.type) {
      case "register":
        socket.user = frame["from"] as string;
        this.sessions.add(socket);
        return socket.push({ type: "registered", user: socket.user, session: "s", at: this.clock() });
      case "ping": return socket.push({ type: "pong", ref, at: this.clock() });
      case "typing": return this.#toUser(frame["to"] as string, { type: "typing", from: socket.user, to: frame["to"] });
      case "normal": return this.#normal(socket, frame);
      case "received":
      case "read": return this.#mark(socket, frame.type, frame["with"] as string, frame["at"] as number);
      case "history": return this.#history(socket, frame);
      case "sync": return this.#sync(socket, frame);
      case "conversations": return this.#conversations(socket, frame);
    }
  }

  #normal(socket: FakeSocket, frame: Frame): void {
    const message = { id: frame["id"] as string, from: socket.user, to: frame["to"] as string, payload: frame["payload"] as string, at: this.clock() };
    socket.push({ type: "ack", id: message.id, to: message.to, at: message.at });
    const wait = this.commitMs();
    this.#deliver(message, socket);
    if (wait === 0) return this.#commit(message);
    const delivered = new Set(this.sessions);
    setTimeout(() => {
      this.#commit(message);
      for (const session of this.sessions) { // those that came too late for the delivery, and may have synced too early
        if (!delivered.has(session) && (session.user === message.from || session.user === message.to)) session.push({ type: "resync" });
      }
    }, wait);
  }

  #commit(message: StoredMessage): void {
    const isKnown = this.store.some(({ from, to, id }) => from === message.from && to === message.to && id === message.id);
    if (!isKnown) this.store.push(message);
  }

  #deliver(message: StoredMessage, sender: FakeSocket | undefined): void {
    for (const session of this.sessions) {
      if (session === sender || (session.user !== message.to && session.user !== message.from)) continue;
      const delays = this.liveDelays();
      for (const delay of delays) session.push({ type: "normal", ...message }, delay);
      if (delays.length === 0) session.push({ type: "resync" }, 3_000);
    }
  }

  #toUser(user: string, frame: Frame): void {
    for (const session of this.sessions) if (session.user === user) session.push(frame);
  }

  #mark(socket: FakeSocket, kind: string, partner: string, at: number): void {
    const key = `${kind} ${socket.user} ${partner}`;
    this.marks.set(key, Math.max(this.marks.get(key) ?? 0, at));
    const frame = { type: kind, from: socket.user, with: partner, at };
    this.#toUser(partner, frame);
    for (const session of this.sessions) if (session.user === socket.user && session !== socket) session.push(frame);
  }

  #history(socket: FakeSocket, { ref, with: partner, before, after, limit = 50 }: Frame): void {
    const all = this.conversation(socket.user, partner as string);
    const part = all.filter(({ at }) => at < ((before as number | undefined) ?? Infinity) && at > ((after as number | undefined) ?? -Infinity));
    let start = after === undefined ? Math.max(0, part.length - (limit as number)) : 0;
    while (start > 0 && part[start - 1]?.at === part[start]?.at) start--;
    const messages = after === undefined ? part.slice(start) : part.slice(0, limit as number);
    socket.push({ type: "history", ref, with: partner, messages, more: messages.length < part.length });
  }

  #sync(socket: FakeSocket, { ref, cursor, latest, limit = 50 }: Frame): void {
    const [storeId, position] = String(cursor ?? `${this.storeId}:${latest && this.hasLatest ? this.store.length : 0}`).split(":").map(Number);
    if (storeId !== this.storeId || position === undefined || position > this.store.length) {
      return socket.push({ type: "error", code: "bad_frame", message: "cursor", ref });
    }
    const messages: StoredMessage[] = [];
    let next = position;
    for (; next < this.store.length && messages.length < (limit as number); next++) {
      const message = this.store[next] as StoredMessage;
      if (message.from === socket.user || message.to === socket.user) messages.push(message);
    }
    socket.push({ type: "sync", ref, messages, cursor: `${this.storeId}:${next}`, more: next < this.store.length });
  }

  #conversations(socket: FakeSocket, { ref, before, limit = 50 }: Frame): void {
    const me = socket.user;
    const partners = new Set(this.store.flatMap(({ from, to }) => (from === me ? [to] : to === me ? [from] : [])));
    const mark = (kind: string, user: string, partner: string): number => this.marks.get(`${kind} ${user} ${partner}`) ?? 0;
    const all = [...partners].map((partner) => {
      const messages = this.conversation(me, partner);
      const readAt = mark("read", me, partner);
      return {
        with: partner, last: messages.at(-1) as StoredMessage,
        unread: messages.filter(({ from, at }) => from !== me && at > readAt).length,
        readAt, receivedAt: mark("received", me, partner),
        peerReadAt: mark("read", partner, me), peerReceivedAt: mark("received", partner, me),
      };
    }).filter(({ last }) => last.at < ((before as number | undefined) ?? Infinity)).sort((a, b) => b.last.at - a.last.at);
    socket.push({ type: "conversations", ref, conversations: all.slice(0, limit as number), more: all.length > (limit as number) });
  }
}
