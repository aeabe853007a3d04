import { Connection, type ConnectionState, type StateEvent } from "./connection.js";
import type { Conversation, LoadOptions } from "./conversation.js";
import { Emitter } from "./emitter.js";
import { ChatError, errorOf } from "./errors.js";
import type { ErrorFrame, MarkKind, Micros, PushFrame } from "./frames.js";
import { Inbox, PAGE_SIZE, type InboxEvents } from "./inbox.js";
import { keyOf, type Message } from "./message.js";
import { withDefaults, type ChatOptions, type Settings } from "./options.js";
import { Outbox } from "./outbox.js";
import type { OutboxRecord, StoredState } from "./storage.js";
import { abortable } from "./waiting.js";

const PAYLOAD_BYTES_MAX = 65_536;
const TYPING_EVERY_MS = 3_000;
const TYPING_SHOWN_MS = 5_000;
const MARKS_WAIT_MS = 100; // a burst of messages becomes one mark

export interface ChatEvents extends InboxEvents {
  state: StateEvent;
  /** The list of conversations, or one in it, changed. Once for all that came together. */
  conversations: undefined;
  /** What the app cannot learn from a rejected promise: a failed message, a refused frame, `storage_failed`. */
  error: ChatError;
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
}

/** One user's chat. */
export class Chat extends Emitter<ChatEvents> {
  readonly user: string;
  readonly #settings: Settings;
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  #opening: Promise<void> | undefined;
  #lastWrittenAt: Micros = 0;
  #marksTimer: ReturnType<typeof setTimeout> | undefined;
  #typingSent = { to: "", ms: 0 };

  /** Does nothing before `start`. A bad URL or user id shows as the state `closed`. */
  constructor(options: ChatOptions) {
    super();
    const settings = withDefaults(options);
    this.user = options.user;
    this.#settings = settings;
    this.#connection = new Connection(settings);
    this.#outbox = new Outbox(({ id, to, payload }) => this.#connection.send({ type: "normal", id, to, payload }), settings);
    this.#inbox = new Inbox(settings, this.#connection, this, (touched) => this.#publish(touched));
    this.#connection.on("state", (event) => void this.#stateChanged(event));
    this.#connection.on("frame", (frame) => this.#receive(frame));
    this.#connection.on("alive", () => this.#heartbeat());
    if (settings.storage) {
      settings.storage.failed = (error) => this.emit("error", error);
      settings.storage.adopt = (record) => this.#outbox.get(record.id) || this.#wait(record, true);
      settings.storage.drop = (id) => this.#drop(id);
    }
    settings.signal?.addEventListener("abort", () => void this.stop());
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** The known conversations that have a message, newest first. Another array after each change. */
  get conversations(): readonly Conversation[] {
    return this.#inbox.sorted;
  }

  /** The server may know of more than `conversations`. */
  get hasMoreConversations(): boolean {
    return this.#inbox.more;
  }

  /** Opens the storage and connects, until `stop`. */
  start(): void {
    const { server, signal, storage } = this.#settings;
    if (this.#opening || signal?.aborted) return;
    const opening = this.#opening = Promise.resolve(storage?.open(server, this.user)).then((state) => {
      if (state) this.#restore(state);
      if (this.#opening === opening) this.#connection.open();
    });
  }

  /** Disconnects; resolves once everything is stored. What waits in the outbox stays there. */
  async stop(): Promise<void> {
    const opening = this.#opening;
    this.#connection.close();
    await opening;
    await this.#settings.storage?.close();
  }

  /** The conversation with a user, or of a group (`#...`): always the same object. */
  conversation(partner: string): Conversation {
    return this.#inbox.conversation(partner);
  }

  /**
   * Brings the next page of conversations. Resolves with whether there is still more.
   *
   * @throws ChatError `aborted`, `closed`, or the server's code
   */
  loadMoreConversations({ signal, limit = PAGE_SIZE }: LoadOptions = {}): Promise<boolean> {
    return abortable(this.#inbox.loadMoreConversations(limit), signal);
  }

  /**
   * Takes a text to be sent: it is shown as pending at once, and repeated until the server has it. Lone surrogates are replaced.
   *
   * @throws ChatError `too_large` (over 65 536 bytes of UTF-8), `outbox_full`. Whatever else the contract forbids, the server refuses: an
   *   empty text, or something that is no address, becomes a failed message.
   */
  send(to: string, payload: string): Message {
    const text = payload.toWellFormed?.() ?? payload;
    if (new TextEncoder().encode(text).length > PAYLOAD_BYTES_MAX) throw new ChatError("too_large");
    if (this.#outbox.size >= this.#settings.outboxMax) throw new ChatError("outbox_full");
    this.#typingSent.ms = 0;
    return this.#wait({ id: this.#settings.newId(), from: this.user, to, payload: text, at: this.#writtenAt() });
  }

  /**
   * Resolves once the server has stored the message for good (at once, if it does not wait in the outbox), or another tab has taken care
   * of it.
   *
   * @throws ChatError the server's code if it was refused; `discarded`, `aborted`, `closed`
   */
  async settled(id: string, { signal }: WaitOptions = {}): Promise<void> {
    const entry = this.#outbox.get(id);
    if (entry) await abortable(entry.taken.wait(), signal);
  }

  /** Sends a failed message again, after those written meanwhile. */
  retry(id: string): void {
    const record = this.#outbox.get(id)?.record;
    if (record?.error) this.#wait({ ...record, at: this.#writtenAt(), error: undefined, reason: undefined }, true);
  }

  /** Drops a failed message, or a pending one; of the latter the server may have taken it already. */
  discard(id: string): void {
    this.#drop(id, new ChatError("discarded"));
  }

  /** @internal */
  loadEarlier(conversation: Conversation, { signal, limit = PAGE_SIZE }: LoadOptions = {}): Promise<boolean> {
    return abortable(this.#inbox.loadEarlier(conversation, limit), signal);
  }

  /** @internal */
  sendTyping(to: string): void {
    const ms = this.#settings.now();
    if (this.#typingSent.to === to && ms - this.#typingSent.ms < TYPING_EVERY_MS) return;
    if (this.#connection.send({ type: "typing", to })) this.#typingSent = { to, ms };
  }

  /** @internal */
  accepted(id: string): void {
    const entry = this.#outbox.remove(id);
    if (entry) this.#keep(id, null);
    if (entry?.repeated) this.#inbox.doubt();
  }

  /** @internal */
  touch(conversation: Conversation): void {
    this.#inbox.touch(conversation);
  }

  /** What an earlier life left. */
  #restore({ cursor, outbox, conversations }: StoredState): void {
    for (const record of conversations) this.conversation(record.with).summarise(record);
    for (const record of this.#outbox.restore(outbox)) this.#hold(record);
    this.#inbox.cursor ??= cursor; // its own, of what it holds, after a stop and another start: a tab may have gone ahead meanwhile
  }

  async #stateChanged(event: StateEvent): Promise<void> {
    this.#outbox.isHeld = true; // until the storage says what another tab has sent, or taken back, meanwhile
    this.#outbox.recall(0);
    if (event.state === "online") {
      this.#sendMarks();
      this.#inbox.connected();
    }
    if (event.state === "closed") {
      this.#opening = undefined;
      this.#outbox.close(event.error ?? new ChatError("closed"));
    }
    this.emit("state", event);
    await this.#settings.storage?.look();
    this.#outbox.resume();
  }

  #heartbeat(): void {
    this.#outbox.recall();
    this.#inbox.heartbeat();
  }

  #receive(frame: PushFrame): void {
    switch (frame.type) {
      case "normal": return this.#inbox.live(frame);
      case "ack": return this.#acked(frame.id, frame.at);
      case "typing":
        if (frame.from !== this.user) this.#inbox.of(frame).type(frame.from, TYPING_SHOWN_MS);
        return;
      case "received":
      case "read": return this.#marked(frame);
      case "resync": return this.#inbox.sync();
      case "error": return this.#refused(frame);
    }
  }

  #acked(id: string, at: Micros): void {
    const entry = this.#outbox.get(id);
    if (entry) this.#inbox.take({ ...entry.record, at });
  }

  /** An error about a message (then it has its id), or about something else that was sent. */
  #refused(frame: ErrorFrame): void {
    const error = errorOf(frame);
    const entry = this.#outbox.get(frame.id);
    const failed = entry && this.#outbox.refused(entry, error);
    if (failed) {
      this.conversation(failed.to).hold(failed);
      this.#keep(failed.id, failed);
    }
    if (failed || !entry) this.emit("error", error);
  }

  #marked({ type, from, with: partner, at }: { type: MarkKind; from: string; with: string; at: Micros }): void {
    const conversation = this.#inbox.of({ from, to: partner });
    const peers = type === "read" ? "peerReadAt" : "peerReceivedAt";
    conversation.raise({ [from === this.user ? `${type}At` : peers]: at });
    if (conversation.miscounted) this.#inbox.doubt();
  }

  #publish(touched: readonly Conversation[]): void {
    this.#settings.storage?.change(({ conversations }) => {
      for (const conversation of touched) conversations.set(conversation.with, conversation.record());
    });
    this.#marksTimer ??= setTimeout(() => this.#sendMarks(), MARKS_WAIT_MS);
    this.emit("conversations", undefined);
  }

  /** Tells the server of marks that it does not know yet. Offline they wait for the connection. */
  #sendMarks(): void {
    this.#marksTimer = undefined;
    for (const { with: partner, marks, told } of this.#inbox.all) {
      for (const type of ["received", "read"] as const) {
        const at = marks[`${type}At`];
        if (at > told[`${type}At`] && this.#connection.send({ type, with: partner, at })) told[`${type}At`] = at;
      }
    }
  }

  /** By this device's clock, and later than what was written before. */
  #writtenAt(): Micros {
    return this.#lastWrittenAt = Math.max(this.#lastWrittenAt + 1, this.#settings.now() * 1000);
  }

  /** Shows a message as pending, and keeps it, before it is sent. */
  #wait(record: OutboxRecord, repeated?: boolean): Message {
    const message = this.#hold(record);
    this.#keep(record.id, record);
    this.#outbox.add(record, repeated);
    this.#outbox.flush();
    return message;
  }

  #drop(id: string, error?: ChatError): void {
    const record = this.#outbox.remove(id, error)?.record;
    if (!record) return;
    this.conversation(record.to).remove(keyOf(record));
    this.#keep(id, null);
    if (!error) this.#inbox.sync(); // another tab may have sent it
  }

  /** Shows it behind the others. */
  #hold(record: OutboxRecord): Message {
    this.conversation(record.to).remove(keyOf(record));
    return this.conversation(record.to).hold(record);
  }

  #keep(id: string, record: OutboxRecord | null): void {
    this.#settings.storage?.change(({ outbox }) => outbox.set(id, record));
  }
}
