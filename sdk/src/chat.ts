import { Connection, type ConnectionState, type StateEvent } from "./connection.js";
import type { Conversation, ConversationHost, LoadOptions } from "./conversation.js";
import { ConversationList } from "./conversations.js";
import { Emitter } from "./emitter.js";
import { ChatError } from "./errors.js";
import type { ErrorFrame, MarkKind, Micros, PushFrame } from "./frames.js";
import { idSource } from "./ids.js";
import { Inbox, type MessageEvent } from "./inbox.js";
import { Keeper } from "./keeper.js";
import { keyOf, partnerOf, type Message } from "./message.js";
import type { ChatOptions } from "./options.js";
import { Outbox } from "./outbox.js";
import type { OutboxRecord, StoredState } from "./storage.js";
import { abortable } from "./waiting.js";

const OUTBOX_MAX = 500;
const PAYLOAD_BYTES_MAX = 65_536;
const PAGE_SIZE = 50;
const TYPING_EVERY_MS = 3_000;
const TYPING_SHOWN_MS = 5_000;
const MARKS_WAIT_MS = 100; // a burst of messages becomes one mark
const ADDRESS = /^(#[\w.@+-]{1,63}|[\w.@+-]{1,64})$/;

export interface ChatEvents {
  /** A message new to this client, each once: of others, or of this user's other devices. Not those of `loadEarlier`. */
  message: MessageEvent;
  state: StateEvent;
  /** The list of conversations, or one in it, changed. Once for all that came together. */
  conversations: undefined;
  /** Everything up to now is here. After each connect, and whenever there was reason to sync again. */
  synced: undefined;
  /** What the app cannot learn from a rejected promise: a failed message, a refused frame, `storage_failed`. */
  error: ChatError;
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
}

/** One user's chat. */
export class Chat extends Emitter<ChatEvents> implements ConversationHost {
  readonly user: string;
  readonly #options: ChatOptions;
  readonly #connection: Connection;
  readonly #conversations: ConversationList;
  readonly #keeper: Keeper;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #now: () => number;
  readonly #newId: () => string;
  #opening: Promise<void> | undefined;
  #lastWrittenAt: Micros = 0;
  readonly #marksDue = new Set<Conversation>();
  #marksTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #typingTimers = new Map<string, ReturnType<typeof setTimeout>>();
  #typingSent = { to: "", ms: 0 };

  /** @throws nothing: a bad URL or user id shows as the state `closed` */
  constructor(options: ChatOptions) {
    super();
    const { user, signal, random = () => Math.random(), now = () => Date.now() } = options;
    this.user = user;
    this.#options = options;
    this.#now = now;
    this.#newId = options.newId ?? idSource(now);
    const failed = (error: ChatError): void => this.emit("error", error);
    this.#connection = new Connection(options, random, now);
    this.#keeper = new Keeper(options.storage, user, failed);
    this.#conversations = new ConversationList(this, this.#keeper, () => this.emit("conversations", undefined));
    this.#outbox = new Outbox(({ id, to, payload }) => this.#connection.send({ type: "normal", id, to, payload }), random, now);
    this.#inbox = new Inbox({
      user, random, failed,
      connection: this.#connection,
      conversations: this.#conversations,
      keeper: this.#keeper,
      accepted: (id) => void this.#accepted(id),
      arrived: (event) => this.emit("message", event),
      learnt: (conversation) => this.#learnt(conversation),
      synced: () => this.emit("synced", undefined),
    });
    this.#connection.on("state", (event) => this.#stateChanged(event));
    this.#connection.on("frame", (frame) => this.#receive(frame));
    this.#connection.on("alive", () => this.#heartbeat());
    signal?.addEventListener("abort", () => void this.stop(), { once: true });
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** The known conversations that have a message, newest first. Another array after each change. */
  get conversations(): readonly Conversation[] {
    return this.#conversations.sorted;
  }

  /** The server may know of more than `conversations`. */
  get hasMoreConversations(): boolean {
    return this.#inbox.hasMoreConversations;
  }

  /** Opens the storage and connects, until `stop`. */
  start(): void {
    if (this.#opening || this.#options.signal?.aborted) return;
    const { server, url } = this.#options;
    const opening = this.#keeper.open(server ?? (typeof url === "string" ? url : url[0] ?? "")).then((state) => {
      this.#restore(state);
      if (this.#opening === opening) this.#connection.open();
    });
    this.#opening = opening;
  }

  /** Disconnects; resolves once everything is stored. What waits in the outbox stays there. */
  async stop(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    this.#connection.close();
    await opening;
    await this.#keeper.close();
  }

  /** The conversation with a user, or of a group (`#...`): always the same object. */
  conversation(partner: string): Conversation {
    return this.#conversations.get(partner);
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
   * @throws ChatError `bad_frame` (no such address, or an empty text), `too_large` (over 65 536 bytes of UTF-8), `outbox_full`
   */
  send(to: string, payload: string): Message {
    const bytes = new TextEncoder().encode(payload);
    if (!ADDRESS.test(to) || bytes.length === 0) throw new ChatError("bad_frame");
    if (bytes.length > PAYLOAD_BYTES_MAX) throw new ChatError("too_large");
    if (this.#outbox.size >= (this.#options.outboxMax ?? OUTBOX_MAX)) throw new ChatError("outbox_full");
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    this.#typingSent.ms = 0;
    return this.#wait({ id: this.#newId(), from: this.user, to, payload: text, at: this.#writtenAt() }, (record) => this.#outbox.add(record));
  }

  /**
   * Resolves once the server has stored the message for good (at once, if it does not wait in the outbox).
   *
   * @throws ChatError the server's code if it was refused; `discarded`, `aborted`, `closed`
   */
  async settled(id: string, { signal }: WaitOptions = {}): Promise<void> {
    await abortable(this.#outbox.settled(id) ?? Promise.resolve(), signal);
  }

  /** Sends a failed message again, after those written meanwhile. */
  retry(id: string): void {
    const record = this.#outbox.retry(id, this.#writtenAt());
    if (record) this.#wait(record, () => this.#outbox.flush());
  }

  /** Drops a failed message, or a pending one; of the latter the server may have taken it already. */
  discard(id: string): void {
    const record = this.#outbox.discard(id);
    if (!record) return;
    const conversation = this.conversation(record.to);
    conversation.remove(keyOf(record));
    this.#keeper.change(({ outbox }) => outbox.set(id, null));
    this.#show(conversation);
  }

  /** @internal */
  loadEarlier(conversation: Conversation, { signal, limit = PAGE_SIZE }: LoadOptions): Promise<boolean> {
    return abortable(this.#inbox.loadEarlier(conversation, limit), signal);
  }

  /** @internal */
  markRead(conversation: Conversation): void {
    const { unread, newestOtherAt, marks, newestAt } = conversation;
    if (unread === 0 && newestOtherAt <= marks.readAt) return;
    conversation.raise({ readAt: newestAt });
    this.#tellMarks(conversation);
    this.#show(conversation);
  }

  /** @internal */
  sendTyping({ with: to }: Conversation): void {
    const ms = this.#now();
    if (this.#typingSent.to === to && ms - this.#typingSent.ms < TYPING_EVERY_MS) return;
    if (this.#connection.send({ type: "typing", to })) this.#typingSent = { to, ms };
  }

  /** What an earlier life left. */
  #restore({ cursor, outbox, conversations }: StoredState): void {
    for (const record of conversations) {
      const conversation = this.conversation(record.with);
      conversation.summarise(record);
      this.#conversations.touch(conversation);
    }
    const isNew = outbox.filter(({ id }) => !this.#outbox.get(id));
    for (const { error, ...record } of this.#outbox.restore(isNew)) {
      const conversation = this.conversation(record.to);
      conversation.remove(keyOf(record));
      conversation.hold(record, error);
      this.#conversations.touch(conversation);
    }
    if (cursor !== undefined) this.#inbox.cursor = cursor;
    this.#conversations.publish();
  }

  #stateChanged(event: StateEvent): void {
    if (event.state === "online") {
      this.#outbox.flush();
      this.#sendMarks();
      this.#inbox.connected();
    } else {
      this.#outbox.disconnected();
    }
    if (event.state === "closed") {
      this.#opening = undefined;
      this.#outbox.close(event.error ?? new ChatError("closed"));
    }
    this.emit("state", event);
  }

  #heartbeat(): void {
    this.#outbox.repeatOverdue();
    this.#inbox.heartbeat();
  }

  #receive(frame: PushFrame): void {
    switch (frame.type) {
      case "normal":
        this.#stopTyping(partnerOf(frame, this.user), frame.from);
        this.#inbox.live(frame);
        break;
      case "ack": this.#acked(frame.id, frame.at); break;
      case "typing": this.#typing(partnerOf(frame, this.user), frame.from); break;
      case "received":
      case "read": this.#marked(frame.type, frame.from, frame.with, frame.at); break;
      case "resync": void this.#inbox.sync(); break;
      case "error": this.#refused(frame); break;
    }
    this.#conversations.publish();
  }

  #acked(id: string, at: Micros): void {
    const accepted = this.#accepted(id);
    if (!accepted) return;
    if (accepted.repeated) this.#inbox.doubt();
    const stored = { ...accepted.record, at };
    const conversation = this.conversation(stored.to);
    conversation.put(stored);
    this.#keeper.change(({ live }) => live.push(this.#keeper.kept(stored)));
    this.#conversations.touch(conversation);
  }

  #accepted(id: string): { record: OutboxRecord; repeated: boolean } | undefined {
    const accepted = this.#outbox.accepted(id);
    if (accepted) this.#keeper.change(({ outbox }) => outbox.set(id, null));
    return accepted;
  }

  /** An error about a message (then it has its id), or about something else that was sent. */
  #refused({ id = "", code, message, retryMs }: ErrorFrame): void {
    const error = new ChatError(code, message, retryMs);
    const isMessage = this.#outbox.get(id) !== undefined;
    const failed = this.#outbox.refused(id, error);
    if (failed) {
      const conversation = this.conversation(failed.to);
      conversation.hold(failed, code);
      this.#keeper.change(({ outbox }) => outbox.set(id, failed));
      this.#conversations.touch(conversation);
    }
    if (failed || !isMessage) this.emit("error", error);
  }

  #marked(kind: MarkKind, from: string, partner: string, at: Micros): void {
    const conversation = this.conversation(partnerOf({ from, to: partner }, this.user));
    const whose = from === this.user ? "" : "peer";
    const marks = { [`${kind}At`]: at };
    const raised = conversation.raise(whose ? { [kind === "read" ? "peerReadAt" : "peerReceivedAt"]: at } : marks);
    if (!raised) return;
    this.#conversations.touch(conversation);
    void this.#inbox.recount(conversation);
  }

  #typing(partner: string, user: string): void {
    if (user === this.user) return;
    this.#stopTyping(partner, user);
    const conversation = this.conversation(partner);
    conversation.typing = [...conversation.typing, user];
    this.#typingTimers.set(`${partner} ${user}`, setTimeout(() => {
      this.#stopTyping(partner, user);
      this.#conversations.publish();
    }, TYPING_SHOWN_MS));
    this.#conversations.touch(conversation);
  }

  #stopTyping(partner: string, user: string): void {
    const key = `${partner} ${user}`;
    clearTimeout(this.#typingTimers.get(key));
    if (!this.#typingTimers.delete(key)) return;
    const conversation = this.conversation(partner);
    conversation.typing = conversation.typing.filter((other) => other !== user);
    this.#conversations.touch(conversation);
  }

  #learnt(conversation: Conversation): void {
    conversation.raise({ receivedAt: conversation.newestOtherAt });
    this.#tellMarks(conversation);
    this.#conversations.touch(conversation);
  }

  #tellMarks(conversation: Conversation): void {
    this.#marksDue.add(conversation);
    this.#marksTimer ??= setTimeout(() => this.#sendMarks(), MARKS_WAIT_MS);
  }

  /** Tells the server of marks that it does not know yet. Offline ones wait for the connection. */
  #sendMarks(): void {
    clearTimeout(this.#marksTimer);
    this.#marksTimer = undefined;
    for (const conversation of this.#marksDue) {
      const { with: partner, marks: { readAt, receivedAt }, told } = conversation;
      const tell = (type: MarkKind, at: Micros): boolean => this.#connection.send({ type, with: partner, at });
      if (readAt > told.readAt && !tell("read", readAt)) return;
      if (receivedAt > Math.max(readAt, told.receivedAt) && !tell("received", receivedAt)) return;
      conversation.told = { readAt, receivedAt };
      this.#marksDue.delete(conversation);
    }
  }

  /** By this device's clock, and later than what was written before. */
  #writtenAt(): Micros {
    this.#lastWrittenAt = Math.max(this.#lastWrittenAt + 1, this.#now() * 1000);
    return this.#lastWrittenAt;
  }

  /** Shows a message as pending, and keeps it, before it is sent. */
  #wait(record: OutboxRecord, send: (record: OutboxRecord) => void): Message {
    const conversation = this.conversation(record.to);
    const message = conversation.hold(record);
    this.#keeper.change(({ outbox }) => outbox.set(record.id, record));
    send(record);
    this.#show(conversation);
    return message;
  }

  #show(conversation: Conversation): void {
    this.#conversations.touch(conversation);
    this.#conversations.publish();
  }
}
