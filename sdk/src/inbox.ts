// What the server has for this user: live frames, sync, history and the list of conversations, merged so that each message is there once.
//
// The cursor comes first. With it everything committed later is found by sync, so that pages of history and lists, which are asked for
// afterwards, leave no gap between themselves and the live delivery. A page from before the cursor could miss what was committed between
// the two.

import type { Connection } from "./connection.js";
import { Conversation, type ConversationHost } from "./conversation.js";
import type { Emitter } from "./emitter.js";
import { isTransient, type ChatError } from "./errors.js";
import type { Answers, Micros, Query, StoredMessage } from "./frames.js";
import { keyOf, partnerOf, type Message } from "./message.js";
import type { Settings } from "./options.js";
import { backoffMs } from "./waiting.js";

const QUERY_LIMIT = 200; // the contract's
const LIVE_MAX = 200; // then the cursor follows, so that the next sync is no longer than a page
const DOUBT_BEATS = 2; // the store may lag a little
export const PAGE_SIZE = 50;

export interface MessageEvent {
  readonly message: Message;
  readonly conversation: Conversation;
  /** It came at once; otherwise it was caught up with by `sync`. */
  readonly live: boolean;
}

export interface InboxEvents {
  /** A message new to this client, each once: of others, or of this user's other devices. Not those of `loadEarlier`. */
  message: MessageEvent;
  /** Everything up to now is here. After each connect, and whenever there was reason to sync again. */
  synced: undefined;
  error: ChatError;
}

export class Inbox {
  readonly #settings: Settings;
  readonly #connection: Connection;
  readonly #host: ConversationHost & Emitter<InboxEvents>;
  readonly #publish: (touched: readonly Conversation[]) => void;
  readonly #byPartner = new Map<string, Conversation>();
  readonly #touched = new Set<Conversation>();
  #sorted: readonly Conversation[] | undefined;
  cursor: string | undefined;
  #epoch = 0; // rises when the server's store turns out to be another one
  #running: Promise<void> | undefined;
  #again = false;
  #listAgain = false;
  #live = 0; // messages since the last sync
  #doubts = 0; // heartbeats that shall ask again
  #listedBefore: Micros | undefined;
  /** The server may know of more conversations. */
  more = true;

  /** @param publish is called once for all conversations that changed together, after their own `change` events */
  constructor(settings: Settings, connection: Connection, host: ConversationHost & Emitter<InboxEvents>,
              publish: (touched: readonly Conversation[]) => void) {
    this.#settings = settings;
    this.#connection = connection;
    this.#host = host;
    this.#publish = publish;
  }

  get all(): Iterable<Conversation> {
    return this.#byPartner.values();
  }

  /** Those with a message, newest first. */
  get sorted(): readonly Conversation[] {
    return this.#sorted ??= [...this.all].filter(({ last }) => last).sort((a, b) => b.last!.at - a.last!.at);
  }

  conversation(partner: string): Conversation {
    let conversation = this.#byPartner.get(partner);
    if (!conversation) this.#byPartner.set(partner, conversation = new Conversation(this.#host, partner));
    return conversation;
  }

  touch(conversation: Conversation): void {
    this.#sorted = undefined;
    if (this.#touched.size === 0) queueMicrotask(() => this.#tell());
    this.#touched.add(conversation);
  }

  /** After each registration: all that may have been missed. */
  connected(): void {
    this.#listAgain = true;
    this.sync();
  }

  /**
   * Asks the store before long: a message was sent more than once, so that the `at` of its ack or of its live delivery may not be the
   * store's; or a mark of another session leaves an unknown number of messages unread.
   */
  doubt(): void {
    this.#doubts = DOUBT_BEATS;
  }

  heartbeat(): void {
    if (this.#doubts-- > 0) this.connected();
    else if (this.#live >= LIVE_MAX) this.sync();
  }

  live(stored: StoredMessage): void {
    const conversation = this.of(stored);
    conversation.type(stored.from, 0);
    const known = conversation.has(keyOf(stored));
    if (known) {
      if (known.at !== stored.at) this.doubt(); // also for a pending one, whose ack follows
      return;
    }
    this.#live++;
    this.#tellNew({ message: this.take(stored), conversation, live: true });
  }

  /** Takes what live delivery, or an ack, told. */
  take(stored: StoredMessage): Message {
    this.#settings.storage?.change(({ live }) => live.push(stored));
    return this.of(stored).put(stored);
  }

  /** Everything from the cursor to the end. What comes up during a walk makes another. */
  sync(): void {
    this.#again = true;
    this.#catchUp().catch((error: ChatError) => this.#fail(error));
  }

  loadEarlier(conversation: Conversation, limit: number): Promise<boolean> {
    return conversation.loading ??= this.#load(conversation, limit).finally(() => {
      conversation.loading = undefined;
    });
  }

  async loadMoreConversations(limit: number): Promise<boolean> {
    await this.#needCursor();
    if (this.more) await this.#list(limit, this.#listedBefore);
    return this.more;
  }

  /** Asks until there is an answer: over losses of the connection, and while the server is busy. */
  async #ask<Q extends Query>(query: Q): Promise<Answers[Q["type"]]> {
    for (let attempt = 0; ; attempt++) {
      await this.#connection.online.wait();
      try {
        return await this.#connection.query(query);
      } catch (error) {
        const { code, retryMs } = error as ChatError;
        if (!isTransient(code)) throw error;
        const waitMs = Math.max(retryMs, backoffMs(attempt, this.#settings.random));
        if (code !== "disconnected") await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  /** One walk at a time. */
  #catchUp(): Promise<void> {
    return this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    do {
      await this.#connection.online.wait();
      this.#again = false; // after connected()
      await this.#walk();
      if (this.#listAgain) await this.#list(PAGE_SIZE);
    } while (this.#again);
    this.#host.emit("synced", undefined);
  }

  async #needCursor(): Promise<void> {
    if (this.cursor === undefined) await this.#catchUp();
  }

  async #walk(): Promise<void> {
    this.#live = 0;
    for (let more = true; more;) {
      const cursor = this.cursor;
      try {
        const page = await this.#ask({ type: "sync", cursor, latest: cursor === undefined || undefined, limit: QUERY_LIMIT });
        await this.#takeSynced(page);
        more = page.more && page.cursor !== cursor;
      } catch (error) {
        if (cursor === undefined || (error as ChatError).code !== "bad_frame") throw error;
        this.#startAnew();
      }
    }
  }

  async #takeSynced({ messages, cursor }: Answers["sync"]): Promise<void> {
    const { storage } = this.#settings;
    const fresh: MessageEvent[] = [];
    for (const stored of messages) {
      const conversation = this.of(stored);
      const known = conversation.has(keyOf(stored));
      const message = conversation.put(stored);
      if (!known) fresh.push({ message, conversation, live: false });
    }
    this.cursor = cursor;
    storage?.change((batch) => {
      batch.stored.push(...messages);
      batch.cursor = cursor;
    });
    const knownBefore = await storage?.flush();
    for (const event of fresh) if (!knownBefore?.has(event.message.key)) this.#tellNew(event);
  }

  /** The cursor is of another store: nothing here is sure to be in this one. */
  #startAnew(): void {
    this.#epoch++;
    this.cursor = undefined;
    this.#listAgain = true;
    this.#settings.storage?.reset();
    for (const conversation of this.all) {
      const wasShown = conversation.floor < Infinity;
      conversation.reset();
      if (wasShown) this.loadEarlier(conversation, PAGE_SIZE).catch((error: ChatError) => this.#fail(error));
    }
  }

  async #load(conversation: Conversation, limit: number): Promise<boolean> {
    const { storage } = this.#settings;
    while (conversation.hasEarlier) {
      const epoch = this.#epoch;
      const { floor, with: partner } = conversation;
      const before = floor < Infinity ? floor : undefined;
      const isCurrent = (): boolean => epoch === this.#epoch && floor === conversation.floor;
      const kept = floor > conversation.storedFrom ? await storage?.read(partner, before, limit) : undefined;
      if (!isCurrent()) continue;
      if (kept) conversation.extend(kept, true);
      if (kept?.complete) break;
      conversation.floor = floor; // incomplete: to look at, until the server's page comes
      await this.#needCursor();
      const page = await this.#ask({ type: "history", with: partner, before, limit });
      if (!isCurrent()) continue;
      conversation.extend(page);
      conversation.storedFrom = conversation.floor;
      storage?.change(({ spans }) => spans.push({ with: partner, before, floor: conversation.floor, messages: page.messages }));
      break;
    }
    return conversation.hasEarlier;
  }

  /** Takes a page of the list of conversations: the first one, or the one that ends at `before`. */
  async #list(limit: number, before?: Micros): Promise<void> {
    if (before === undefined) this.#listAgain = false;
    const { conversations, more } = await this.#ask({ type: "conversations", limit, before });
    for (const summary of conversations) {
      const conversation = this.conversation(summary.with);
      conversation.summarise(summary);
      if (conversation.miscounted) this.doubt();
    }
    // The first page, when it comes again, is no reason to forget the later ones.
    if (this.#listedBefore === undefined || before !== undefined || !more) {
      this.more = more;
      this.#listedBefore = conversations.at(-1)?.last?.at ?? before;
    }
  }

  #tellNew(event: MessageEvent): void {
    if (event.conversation.mayMiss(event.message)) this.doubt();
    this.#host.emit("message", event);
  }

  /** A message's. */
  of(message: Pick<StoredMessage, "from" | "to">): Conversation {
    return this.conversation(partnerOf(message, this.#settings.user));
  }

  #tell(): void {
    const touched = [...this.#touched];
    this.#touched.clear();
    for (const conversation of touched) conversation.changed();
    this.#publish(touched);
  }

  #fail(error: ChatError): void {
    if (error.code !== "closed") this.#host.emit("error", error);
  }
}
