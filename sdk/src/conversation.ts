import { Emitter } from "./emitter.js";
import type { Micros, StoredMessage, Summary } from "./frames.js";
import { isGroup, keyOf, type Message, type MessageState } from "./message.js";
import type { ConversationRecord } from "./storage.js";
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
  loadEarlier(conversation: Conversation, options: LoadOptions): Promise<boolean>;
  markRead(conversation: Conversation): void;
  sendTyping(conversation: Conversation): void;
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
  /** Users who are typing now. */
  typing: readonly string[] = [];
  /** Where the complete window starts; undefined before the first `loadEarlier`. @internal */
  floor: Micros | undefined;
  /** The `at` of the newest known message that another user wrote. @internal */
  newestOtherAt: Micros = 0;
  /** What the server was told of this user's marks. @internal */
  told = { readAt: 0, receivedAt: 0 };
  readonly #host: ConversationHost;
  readonly #timeline = new Timeline();
  #marks: Marks = { readAt: 0, receivedAt: 0, peerReadAt: 0, peerReceivedAt: 0 };
  #more = true;
  #newest: StoredMessage | undefined; // also without being in the window
  // The server's count: that many are unread of the messages after `readAt`, up to `at`. What the window holds after `at` comes on top.
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
    const { items } = this.#timeline;
    const shown = items[items.length - 1];
    return this.#newest && (!shown || shown.at < this.#newest.at) ? this.#message(this.#newest) : shown;
  }

  /** The `at` of the newest message that the server has told of. @internal */
  get newestAt(): Micros {
    return this.#newest?.at ?? 0;
  }

  get marks(): Marks {
    return this.#marks;
  }

  /**
   * Messages of others after this user's read mark, up to 1000. Exact where the window reaches down to that mark; elsewhere the
   * server's count and what came after it.
   */
  get unread(): number {
    const { readAt } = this.#marks;
    const exact = this.#reaches(readAt);
    let unread = !exact && this.#counted.at > readAt ? this.#counted.unread : 0;
    for (const { from } of this.#timeline.since(exact ? readAt : Math.max(readAt, this.#counted.at))) {
      if (from !== this.#host.user && ++unread >= UNREAD_MAX) break;
    }
    return unread;
  }

  /** False once the window holds the conversation from its first message on. */
  get hasEarlier(): boolean {
    return this.#more;
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
  loadEarlier(options: LoadOptions = {}): Promise<boolean> {
    return this.#host.loadEarlier(this, options);
  }

  /** Says that this user has seen everything so far. To be called when the newest message is in view. */
  markRead(): void {
    this.#host.markRead(this);
  }

  /** Says that this user is writing. Call it at every key: it is sent every 3 s at most. */
  sendTyping(): void {
    this.#host.sendTyping(this);
  }

  /** Lets go of all but about the newest `keep` settled messages, to spare memory. `loadEarlier` brings them back. */
  trim(keep: number): void {
    const { items, newest } = this.#timeline;
    const first = newest && items[items.indexOf(newest) - keep + 1];
    if (this.floor === undefined || !newest || !first || first === items[0]) return;
    this.#counted = { unread: this.unread, readAt: this.#marks.readAt, at: newest.at };
    this.#limit(first.at, true);
    this.changed();
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
    this.#noteNewest(stored);
    if (this.floor !== undefined && this.#more && stored.at < this.floor) this.#timeline.remove(message.key);
    else this.#timeline.put(message);
    return message;
  }

  /** Shows an own message that the server has not taken: pending, or failed with `error`. @internal */
  hold(stored: StoredMessage, error?: string): Message {
    const { id, from, to, payload, at } = stored;
    const key = keyOf(stored);
    const message: Message = { id, from, to, payload, at, key, state: error ? "failed" : "pending", ...(error ? { error } : {}) };
    this.#timeline.hold(message, error !== undefined);
    return message;
  }

  /** @internal */
  remove(key: string): void {
    this.#timeline.remove(key);
  }

  /** Takes the page that ends where the window starts; before the first one, the latest page. @internal */
  extend(messages: readonly StoredMessage[], more: boolean): void {
    this.#more = false; // or else put() would take nothing below the window
    for (const stored of messages) this.put(stored);
    this.#limit(messages[0]?.at ?? this.floor ?? 0, more);
  }

  /** Forgets what is settled. @internal */
  reset(): void {
    this.#timeline.cut(Infinity);
    this.floor = undefined;
    this.#more = true;
    this.#newest = undefined;
    this.newestOtherAt = 0;
    this.#counted = { unread: 0, readAt: 0, at: 0 };
  }

  /** Takes the server's list entry, or what was stored of it. @internal */
  summarise({ last, unread, readAt = 0, receivedAt = 0, peerReadAt = 0, peerReceivedAt = 0 }: Summary | ConversationRecord): void {
    if (last) this.#noteNewest(last);
    if (last && last.at >= this.#counted.at) this.#counted = { unread, readAt, at: last.at };
    this.told = { readAt, receivedAt };
    this.raise({ readAt, receivedAt, peerReadAt, peerReceivedAt });
  }

  /** Marks only rise. True if one did. @internal */
  raise(marks: Partial<Marks>): boolean {
    const before = this.#marks;
    const raised = { ...before };
    for (const [name, at] of Object.entries(marks) as [keyof Marks, Micros][]) raised[name] = Math.max(raised[name], at);
    this.#marks = raised;
    const peerRose = raised.peerReadAt > before.peerReadAt || raised.peerReceivedAt > before.peerReceivedAt;
    if (peerRose) this.#showMarks(Math.min(before.peerReadAt, before.peerReceivedAt));
    return peerRose || raised.readAt > before.readAt || raised.receivedAt > before.receivedAt;
  }

  /** The read mark has risen into the messages that the server counted, and the window does not tell how many are left. @internal */
  get miscounted(): boolean {
    const { readAt } = this.#marks;
    return this.#counted.readAt < readAt && readAt < this.#counted.at && !this.#reaches(readAt);
  }

  /** The messages after the read mark, or the first of them. @internal */
  recount(messages: readonly StoredMessage[], more: boolean): void {
    const others = messages.filter(({ from }) => from !== this.#host.user).length;
    const unread = more ? this.#counted.unread : others;
    this.#counted = { unread, readAt: this.#marks.readAt, at: more ? this.#counted.at : messages[messages.length - 1]?.at ?? 0 };
  }

  /** @internal */
  record(): ConversationRecord {
    const last = this.#newest;
    return { with: this.with, unread: this.unread, ...(last ? { last } : {}), ...this.#marks };
  }

  #limit(floor: Micros, more: boolean): void {
    this.floor = floor;
    this.#more = more;
    if (more) this.#timeline.cut(floor);
  }

  /** The window holds everything after `at`. */
  #reaches(at: Micros): boolean {
    return this.floor !== undefined && (!this.#more || this.floor <= at);
  }

  #noteNewest({ id, from, to, payload, at }: StoredMessage): void {
    if (from !== this.#host.user) this.newestOtherAt = Math.max(this.newestOtherAt, at);
    if (!this.#newest || at >= this.#newest.at) this.#newest = { id, from, to, payload, at };
  }

  #message({ id, from, to, payload, at }: StoredMessage): Message {
    return { id, from, to, payload, at, key: keyOf({ from, id }), state: this.#stateAt(from, at) };
  }

  #stateAt(from: string, at: Micros): MessageState {
    if (from !== this.#host.user || isGroup(this.with)) return "sent";
    const { peerReadAt, peerReceivedAt } = this.#marks;
    return at <= peerReadAt ? "read" : at <= peerReceivedAt ? "delivered" : "sent";
  }

  /** Gives the own messages after `after` the state that the peer's marks tell. */
  #showMarks(after: Micros): void {
    for (const message of this.#timeline.since(after)) {
      const state = this.#stateAt(message.from, message.at);
      if (state !== message.state) this.#timeline.replace({ ...message, state });
    }
  }
}
