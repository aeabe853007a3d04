import { Emitter } from "./emitter.js";
import type { MessagePage, Micros, StoredMessage, Summary } from "./frames.js";
import { keyOf, type Message, type MessageState } from "./message.js";
import type { ConversationRecord, OutboxRecord } from "./storage.js";
import { Timeline } from "./timeline.js";

const UNREAD_MAX = 1000; // as the server counts

/** How far the two sides have got: each an `at`, 0 for not at all. The peer's stay 0 in a group. */
export interface Marks {
  readonly readAt: Micros;
  readonly receivedAt: Micros;
  readonly peerReadAt: Micros;
  readonly peerReceivedAt: Micros;
}

export interface LoadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Messages wanted, 1 to 200; 50 by default. It may become fewer or, where several have the same `at`, more. */
  readonly limit?: number;
}

/** What a conversation asks of its chat. */
export interface ConversationHost {
  readonly user: string;
  send(to: string, payload: string): Message;
  loadEarlier(conversation: Conversation, options?: LoadOptions): Promise<boolean>;
  sendTyping(to: string): void;
  /** The server has this own message. */
  accepted(id: string): void;
  /** Something of it changed. */
  touch(conversation: Conversation): void;
}

export interface ConversationEvents {
  /** Anything of it changed: `version` is another one. */
  change: Conversation;
}

/**
 * One conversation, with a user or in a group: a window of its messages, from some message on to now, and who has read how far.
 *
 * Until the first `loadEarlier` the window holds only what arrived since; that call brings the latest page, each later one the page
 * below the window.
 */
export class Conversation extends Emitter<ConversationEvents> {
  /** The user, or the group's address. */
  readonly with: string;
  /** Rises with every change, just before the `change` event. */
  version = 0;
  /** What the server was told of this user's marks. @internal */
  told = { readAt: 0, receivedAt: 0 };
  /** Where the complete window starts: Infinity before the first page, -Infinity once everything is in it. @internal */
  floor: Micros = Infinity;
  /** The storage, which has nothing below, need not be asked from here on down. @internal */
  storedFrom: Micros = -Infinity;
  /** The page that is on its way. @internal */
  loading: Promise<boolean> | undefined;
  readonly #host: ConversationHost;
  readonly #timeline = new Timeline();
  readonly #typing = new Map<string, ReturnType<typeof setTimeout>>(); // user -> what ends it
  #marks: Marks = { readAt: 0, receivedAt: 0, peerReadAt: 0, peerReceivedAt: 0 };
  #newest: Message | undefined; // be it in the window or not
  // The server's count: so many are unread of the messages after `readAt`, up to `at`. What the window holds after `at` comes on top.
  #counted = { unread: 0, readAt: 0, at: 0 };

  /** @internal */
  constructor(host: ConversationHost, partner: string) {
    super();
    this.#host = host;
    this.with = partner;
  }

  /**
   * The window, oldest first; pending and failed messages last, in the order of writing. It is always the same array, which changes
   * with the conversation: see `version`. Its messages never change; a message in another state is another object.
   */
  get messages(): readonly Message[] {
    return this.#timeline.items;
  }

  /** The newest message, be it in the window or not. */
  get last(): Message | undefined {
    const shown = this.messages.at(-1);
    return shown && shown.at >= this.#newestAt ? shown : this.#newest;
  }

  get marks(): Marks {
    return this.#marks;
  }

  /** Users who are typing now. */
  get typing(): readonly string[] {
    return [...this.#typing.keys()];
  }

  /**
   * Messages of others after this user's read mark, up to 1000. Exact where the window reaches down to that mark; elsewhere the
   * server's count and what came after it.
   */
  get unread(): number {
    const { readAt } = this.#marks;
    const exact = this.floor <= readAt;
    let unread = !exact && this.#counted.at > readAt ? this.#counted.unread : 0;
    for (const { from } of this.#timeline.since(exact ? readAt : Math.max(readAt, this.#counted.at))) {
      if (from !== this.#host.user && ++unread >= UNREAD_MAX) break;
    }
    return unread;
  }

  /** False once the window holds the conversation from its first message on. */
  get hasEarlier(): boolean {
    return this.floor > -Infinity;
  }

  /** Sends a text, as `Chat.send` does. */
  send(payload: string): Message {
    return this.#host.send(this.with, payload);
  }

  /**
   * Brings the page below the window: from the storage, or else from the server. Waits for the connection if need be.
   *
   * @returns whether there is still more
   * @throws ChatError `aborted`, `closed`, or the server's code
   */
  loadEarlier(options?: LoadOptions): Promise<boolean> {
    return this.#host.loadEarlier(this, options);
  }

  /** Lets go of all but about the newest `keep` settled messages, to spare memory. `loadEarlier` brings them back. */
  trim(keep: number): void {
    const settled = [...this.#timeline.since(-Infinity)];
    const lowest = settled[keep - 1];
    if (!lowest || !settled[keep]) return;
    this.#counted = { unread: this.unread, readAt: this.#marks.readAt, at: this.#newestAt };
    if (this.floor < Infinity) this.#limit(lowest.at);
    else this.#timeline.cut(lowest.at); // no page is there yet: what came since is all
  }

  /** Says that this user has seen everything so far. To be called when the newest message is in view. */
  markRead(): void {
    if (this.unread) this.raise({ readAt: this.#newestAt });
  }

  /** Says that this user is writing. Call it at every key: it is sent every 3 s at most. */
  sendTyping(): void {
    this.#host.sendTyping(this.with);
  }

  /** @internal */
  changed(): void {
    this.version++;
    this.emit("change", this);
  }

  /** @internal */
  has(key: string): Message | undefined {
    return this.#timeline.get(key);
  }

  /** Takes a settled message; one that belongs below the window is not shown in it. @internal */
  put(stored: StoredMessage): Message {
    const message = this.#message(stored);
    if (stored.from === this.#host.user) this.#host.accepted(stored.id);
    this.#note(message);
    // While a page is on its way this may belong to it, and have been stored just after it was made.
    if (stored.at < this.floor && this.floor < Infinity && !this.loading) this.#timeline.remove(message.key);
    else this.#timeline.put(message);
    this.#host.touch(this);
    return message;
  }

  /** Shows an own message that the server has not taken: pending, or failed. A new one comes last. @internal */
  hold(record: OutboxRecord): Message {
    const message: Message = { ...record, state: record.error ? "failed" : "pending", key: keyOf(record) };
    this.#timeline.hold(message);
    this.#host.touch(this);
    return message;
  }

  /** @internal */
  remove(key: string): void {
    this.#timeline.remove(key);
    this.#host.touch(this);
  }

  /**
   * Takes the page that ends where the window starts; before the first one, the latest page.
   *
   * @param isKept it comes from the storage. Then an own message in it that waits for its ack goes on waiting: another tab may have
   *   stored it when it heard of it, which is no ack.
   * @internal
   */
  extend({ messages, more }: MessagePage, isKept?: boolean): void {
    this.floor = -Infinity; // or else put() would take nothing below the window
    for (const stored of messages) if (!isKept || !this.has(keyOf(stored))) this.put(stored);
    if (more && messages[0]) this.#limit(messages[0].at);
    this.#host.touch(this);
  }

  /** Forgets what is settled. @internal */
  reset(): void {
    this.#limit(Infinity);
    this.#newest = undefined;
    this.#counted = { unread: 0, readAt: 0, at: 0 };
  }

  /** Takes the server's list entry, or what was stored of it. @internal */
  summarise(summary: Summary & Pick<ConversationRecord, "told">): void {
    const { last, unread, readAt = 0, receivedAt = 0, told = { readAt, receivedAt } } = summary;
    this.raise(summary);
    this.told = { ...told };
    if (!last) return;
    if (last.at >= this.#counted.at) this.#counted = { unread, readAt, at: last.at };
    this.#note(this.#message(last));
  }

  /** Marks only rise. @internal */
  raise(marks: Partial<Marks>): void {
    const old = this.#marks;
    const raised = { ...old };
    for (const name of Object.keys(old) as (keyof Marks)[]) raised[name] = Math.max(old[name], marks[name] ?? 0);
    this.#marks = raised;
    if (raised.peerReadAt > old.peerReadAt || raised.peerReceivedAt > old.peerReceivedAt) this.#showMarks(old.peerReadAt);
    this.#host.touch(this);
  }

  /** The read mark has risen into the messages that the server counted. @internal */
  get miscounted(): boolean {
    const { readAt } = this.#marks;
    return this.#counted.readAt < readAt && readAt < this.#counted.at;
  }

  /** The server's count covers the time of this new message, but may be without it: it was stored late. @internal */
  mayMiss({ at }: StoredMessage): boolean {
    return at <= this.#counted.at;
  }

  /** `shownMs`: how long to believe it; 0 ends it. @internal */
  type(user: string, shownMs: number): void {
    clearTimeout(this.#typing.get(user));
    const was = this.#typing.delete(user);
    if (shownMs) this.#typing.set(user, setTimeout(() => this.type(user, 0), shownMs));
    if (was || shownMs) this.#host.touch(this);
  }

  /** @internal */
  record(): ConversationRecord {
    return { with: this.with, unread: this.unread, last: this.#newest, ...this.#marks, told: { ...this.told } };
  }

  get #newestAt(): Micros {
    return this.#newest?.at ?? 0;
  }

  #limit(floor: Micros): void {
    this.floor = floor;
    this.#timeline.cut(floor);
    this.#host.touch(this);
  }

  #note(message: Message): void {
    if (message.from !== this.#host.user) this.raise({ receivedAt: message.at });
    if (message.at >= this.#newestAt) this.#newest = message;
  }

  #message(stored: StoredMessage): Message {
    return { ...stored, state: this.#stateAt(stored.from, stored.at), key: keyOf(stored) };
  }

  #stateAt(from: string, at: Micros): MessageState {
    if (from !== this.#host.user) return "sent";
    const { peerReadAt, peerReceivedAt } = this.#marks;
    return at <= peerReadAt ? "read" : at <= peerReceivedAt ? "delivered" : "sent";
  }

  /** Gives the own messages after `after` the state that the peer's marks tell. */
  #showMarks(after: Micros): void {
    for (const message of this.#timeline.since(after)) {
      const state = this.#stateAt(message.from, message.at);
      if (state !== message.state) this.#timeline.hold({ ...message, state });
    }
  }
}
