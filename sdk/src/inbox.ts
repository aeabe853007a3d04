// What the server has for this user: live frames, sync, history and the list of conversations, merged so that each message is there once.
//
// The cursor comes first. With it everything committed later is found by sync, so that pages of history and lists, which are asked for
// afterwards, leave no gap between themselves and the live delivery. A page from before the cursor could miss what was committed between
// the two.

import type { Conversation } from "./conversation.js";
import type { Connection } from "./connection.js";
import type { ConversationList } from "./conversations.js";
import { ChatError, isTransient } from "./errors.js";
import type { Answers, MessagePage, Query, StoredMessage } from "./frames.js";
import type { Keeper } from "./keeper.js";
import { keyOf, partnerOf, type Message } from "./message.js";
import { backoffMs, delay, Gate } from "./waiting.js";

const SYNC_PAGE_MESSAGES = 200;
const RECOUNT_MESSAGES = 200;
const LIVE_MAX = 200; // then the cursor follows, so that the next sync is no longer than a page
const DOUBT_BEATS = 2; // the store may lag a little behind the ack

export interface MessageEvent {
  readonly message: Message;
  readonly conversation: Conversation;
  /** It came at once; otherwise it was caught up with by `sync`. */
  readonly live: boolean;
}

export interface InboxParts {
  readonly user: string;
  readonly connection: Connection;
  readonly conversations: ConversationList;
  readonly keeper: Keeper;
  readonly random: () => number;
  /** The server's store has this own message. */
  accepted(id: string): void;
  arrived(event: MessageEvent): void;
  /** Messages or marks of this conversation were learnt. */
  learnt(conversation: Conversation): void;
  synced(): void;
  failed(error: ChatError): void;
}

export class Inbox {
  readonly #parts: InboxParts;
  #cursor: string | undefined;
  readonly #hasCursor = new Gate();
  #epoch = 0; // rises when the server's store turns out to be another one
  #walking = false;
  #again = false;
  #listAgain = false;
  #live = 0; // messages since the last sync
  #doubts = 0; // heartbeats that shall sync, because an `at` may differ from the store's
  #listedBefore: number | undefined;
  #moreListed = true;
  readonly #loading = new Map<Conversation, Promise<boolean>>();

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  get hasMoreConversations(): boolean {
    return this.#moreListed;
  }

  set cursor(cursor: string | undefined) {
    this.#cursor = cursor;
    this.#hasCursor.set(cursor !== undefined);
  }

  /** After each registration. */
  connected(): void {
    this.#listAgain = true;
    void this.sync();
  }

  /** A message was sent more than once: the `at` of its ack, or of its live delivery, may not be the store's. */
  doubt(): void {
    this.#doubts = DOUBT_BEATS;
  }

  heartbeat(): void {
    if (this.#doubts > 0 || this.#live >= LIVE_MAX) void this.sync();
    this.#doubts = Math.max(0, this.#doubts - 1);
  }

  live(stored: StoredMessage): void {
    const { conversations, keeper } = this.#parts;
    const conversation = conversations.get(partnerOf(stored, this.#parts.user));
    const known = conversation.has(keyOf(stored));
    if (known) {
      if (known.at !== stored.at) this.doubt(); // also for a pending one, whose ack follows
      return;
    }
    this.#live++;
    const message = conversation.put(stored);
    keeper.change(({ live }) => live.push(keeper.kept(stored)));
    this.#parts.learnt(conversation);
    this.#parts.arrived({ message, conversation, live: true });
  }

  /** Everything from the cursor to the end. One walk at a time; what comes up meanwhile makes another. */
  async sync(): Promise<void> {
    this.#again = true;
    if (this.#walking) return;
    this.#walking = true;
    try {
      while (this.#again) {
        this.#again = false;
        await this.#walk();
        if (this.#listAgain) await this.#listNewest();
      }
      this.#parts.synced();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#walking = false;
    }
  }

  loadEarlier(conversation: Conversation, limit: number): Promise<boolean> {
    const loading = this.#loading.get(conversation)
      ?? this.#load(conversation, limit).finally(() => this.#loading.delete(conversation));
    this.#loading.set(conversation, loading);
    return loading;
  }

  async loadMoreConversations(limit: number): Promise<boolean> {
    await this.#hasCursor.wait();
    if (this.#moreListed) await this.#list(limit, this.#listedBefore);
    return this.#moreListed;
  }

  /** After a mark of another session: how many are left unread, if that can't be told. */
  async recount(conversation: Conversation): Promise<void> {
    if (!conversation.miscounted) return;
    const { readAt } = conversation.marks;
    try {
      const page = await this.#ask({ type: "history", with: conversation.with, after: readAt, limit: RECOUNT_MESSAGES });
      if (conversation.marks.readAt !== readAt || !conversation.miscounted) return;
      conversation.recount(page.messages, page.more);
      this.#parts.conversations.touch(conversation);
      this.#parts.conversations.publish();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Asks until there is an answer: over losses of the connection, and while the server is busy. */
  async #ask<Q extends Query>(query: Q): Promise<Answers[Q["type"]]> {
    for (let attempt = 0; ; attempt++) {
      await this.#parts.connection.online.wait();
      try {
        return await this.#parts.connection.query(query);
      } catch (error) {
        const { code, retryMs } = error as ChatError;
        if (!isTransient(code)) throw error;
        if (code !== "disconnected") await delay(Math.max(retryMs, backoffMs(attempt, this.#parts.random)));
      }
    }
  }

  async #walk(): Promise<void> {
    this.#live = 0;
    for (let more = true; more;) {
      const cursor = this.#cursor;
      try {
        const limit = SYNC_PAGE_MESSAGES;
        const page = await this.#ask(cursor === undefined ? { type: "sync", latest: true, limit } : { type: "sync", cursor, limit });
        await this.#takeSynced(page, page.cursor);
        more = page.more && page.cursor !== cursor;
      } catch (error) {
        if (cursor === undefined || (error as ChatError).code !== "bad_frame") throw error;
        this.#startAnew();
      }
    }
  }

  async #takeSynced({ messages }: MessagePage, cursor: string): Promise<void> {
    const { keeper, conversations, user } = this.#parts;
    const fresh: { message: Message; conversation: Conversation }[] = [];
    for (const stored of messages) {
      const conversation = conversations.get(partnerOf(stored, user));
      const isNew = !conversation.has(keyOf(stored));
      const message = this.#takeStored(stored, conversation);
      if (isNew) fresh.push({ message, conversation });
      this.#parts.learnt(conversation);
    }
    this.cursor = cursor;
    keeper.change((batch) => {
      batch.stored.push(...messages.map((stored) => keeper.kept(stored)));
      batch.cursor = cursor;
    });
    conversations.publish();
    const knownBefore = await keeper.flush();
    for (const { message, conversation } of fresh) {
      if (!knownBefore.has(`${conversation.with} ${message.key}`)) this.#parts.arrived({ message, conversation, live: false });
    }
  }

  #takeStored(stored: StoredMessage, conversation: Conversation): Message {
    if (stored.from === this.#parts.user) this.#parts.accepted(stored.id);
    return conversation.put(stored);
  }

  /** The cursor is of another store: nothing here is sure to be in this one. */
  #startAnew(): void {
    this.#epoch++;
    this.cursor = undefined;
    this.#parts.keeper.change((batch) => {
      batch.reset = true;
      batch.stored.length = batch.live.length = batch.spans.length = 0;
    });
    for (const conversation of this.#parts.conversations.all) {
      const wasShown = conversation.floor !== undefined;
      conversation.reset();
      this.#parts.conversations.touch(conversation);
      if (wasShown) this.loadEarlier(conversation, 50).catch((error: unknown) => this.#fail(error));
    }
    this.#listAgain = true;
    this.#parts.conversations.publish();
  }

  async #load(conversation: Conversation, limit: number): Promise<boolean> {
    const { keeper, conversations } = this.#parts;
    for (; ;) {
      const epoch = this.#epoch;
      const before = conversation.floor;
      const isCurrent = (): boolean => epoch === this.#epoch && before === conversation.floor;
      if (!conversation.hasEarlier) return false;
      const kept = await keeper.read(conversation.with, before, limit);
      if (!isCurrent()) continue;
      const complete = kept.floor !== undefined && kept.messages.length > 0;
      if (complete) conversation.extend(kept.messages, kept.more);
      else for (const stored of kept.messages) conversation.put(stored); // to look at, until the server's page comes
      conversations.touch(conversation);
      conversations.publish();
      if (complete) return kept.more;

      await this.#hasCursor.wait();
      const page = await this.#ask({ type: "history", with: conversation.with, limit, ...(before === undefined ? {} : { before }) });
      if (!isCurrent()) continue;
      this.#takePage(conversation, page, before);
      return page.more;
    }
  }

  #takePage(conversation: Conversation, { messages, more }: MessagePage, before: number | undefined): void {
    const { keeper, conversations, user } = this.#parts;
    for (const { from, id } of messages) if (from === user) this.#parts.accepted(id);
    conversation.extend(messages, more);
    keeper.change(({ stored, spans }) => {
      stored.push(...messages.map((message) => keeper.kept(message)));
      spans.push({ with: conversation.with, floor: messages[0]?.at ?? before ?? 0, more, ...(before === undefined ? {} : { before }) });
    });
    this.#parts.learnt(conversation);
    conversations.publish();
  }

  async #listNewest(): Promise<void> {
    this.#listAgain = false;
    await this.#list(50, undefined);
  }

  /** Takes a page of the list of conversations, which ends at `before`. */
  async #list(limit: number, before: number | undefined): Promise<void> {
    const page = await this.#ask({ type: "conversations", limit, ...(before === undefined ? {} : { before }) });
    for (const summary of page.conversations) {
      const conversation = this.#parts.conversations.get(summary.with);
      conversation.summarise(summary);
      this.#parts.learnt(conversation);
      void this.recount(conversation);
    }
    const lowest = page.conversations[page.conversations.length - 1]?.last?.at;
    if (this.#listedBefore === undefined || before !== undefined || !page.more) {
      this.#moreListed = page.more;
      this.#listedBefore = lowest ?? before;
    }
    this.#parts.conversations.publish();
  }

  #fail(error: unknown): void {
    if ((error as ChatError).code !== "closed") this.#parts.failed(error as ChatError);
  }
}

