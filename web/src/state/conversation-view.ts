// The open conversation as the page shows it: the SDK's conversation, taken over into signals once a frame.

import { batch, computed, signal } from "@preact/signals";
import type { Conversation, Message } from "simplechat-client";
import { firstAfter, isSettled } from "../text/days.js";
import { perFrame } from "./frame.js";

const FIRST_PAGE = 50;
const PAGE = 200;
const READ_SHOWN = 20; // above the first new message
const KEPT_WHEN_CLOSED = 100;
const KEPT_MAX = 1_500; // beyond it, while the newest are in view, the oldest go
const KEPT_AT_LEAST = 500;

/** Those whose first page is here, or was and grew. */
const opened = new WeakSet<Conversation>();

export class ConversationView {
  readonly conversation: Conversation;
  readonly partner: string;
  /** Another array after each change of a message. */
  readonly messages = signal<readonly Message[]>([]);
  readonly typing = signal<readonly string[]>([]);
  readonly unread = signal(0);
  /** There is something earlier: at the server, or hidden by Clear. */
  readonly hasEarlier = signal(true);
  readonly loading = signal(false);
  /** The first page is here. */
  readonly loaded = signal(false);
  readonly cleared = signal(false);
  /** The key of the message before which the reader left off. */
  readonly firstNew = signal<string | undefined>(undefined);
  /** How far the reader has got is known, and the messages from there on are here. */
  readonly isSettled = signal(false);
  /** The newest message is not in view. */
  readonly isAway = signal(false);
  /** The key of a message to go to, which the window holds; the list takes it. */
  readonly target = signal<string | undefined>(undefined);
  /** A message that was searched for is being brought: until then the list finds no other place. */
  readonly isFinding = signal(false);
  /** Rises when the reader has to see the end: after sending, or on demand. */
  readonly toEnd = signal(0);
  /** The message that failed last while it was in the view. */
  readonly failed = signal<Message | undefined>(undefined);
  readonly isEmpty = computed(() => this.messages.value.length === 0);

  #clearedAt = 0;
  #newAfter: number | undefined;
  #isSettling = false;
  #isPlaced = false; // the list stands where the reader left off: what is in view now counts as seen
  #firstPage: Promise<boolean> | undefined;
  #page: Promise<boolean> | undefined; // on its way
  readonly #attentive: () => boolean;
  readonly #listening: () => void;
  readonly #refreshSoon = perFrame(() => this.refresh());
  #isOpen = true;

  readonly #me: string;

  /** @param attentive whether somebody looks at the page */
  constructor(conversation: Conversation, me: string, attentive: () => boolean) {
    this.conversation = conversation;
    this.partner = conversation.with;
    this.#me = me;
    this.#attentive = attentive;
    this.#listening = conversation.on("change", () => this.#refreshSoon());
    this.refresh();
    if (opened.has(conversation)) this.loaded.value = true;
    this.load();
  }

  /** Brings the first page, if it is not here: also once more, when the chat had ended and goes on. */
  load(): void {
    if (this.loaded.peek()) return;
    this.#firstPage = this.loadEarlier(Math.min(PAGE, Math.max(FIRST_PAGE, this.conversation.unread + READ_SHOWN)));
  }

  close(): void {
    this.#isOpen = false;
    this.#listening();
    this.conversation.trim(KEPT_WHEN_CLOSED);
  }

  /** How far the reader has got is known by now: from the storage, or from the server. */
  async settle(): Promise<void> {
    if (this.#isSettling) return;
    this.#isSettling = true;
    const { conversation } = this;
    if (conversation.unread > 0) this.#newAfter ??= conversation.marks.readAt;
    await this.#firstPage;
    // More may become unread, and a page may be on its way for another reason: asked anew each time.
    for (let goesOn = true; goesOn && conversation.hasEarlier && this.#newAfter !== undefined;) {
      const missing = conversation.unread + READ_SHOWN - conversation.messages.length;
      if (conversation.unread === 0 || missing <= 0) break;
      goesOn = await this.loadEarlier(Math.min(PAGE, missing));
    }
    this.isSettled.value = true;
    this.refresh();
  }

  /** The list has found its first place. */
  placed(): void {
    this.#isPlaced = true;
    this.seen();
  }

  /** A message came that its reader does not see come: the page was away, or without a connection. */
  missed(): void {
    if (this.#isSettling || this.conversation.marks.readAt > 0) this.#newAfter ??= this.conversation.marks.readAt;
  }

  /** Brings a page, or waits for the one that is on its way. Resolves with false where none can come. */
  loadEarlier(limit = PAGE): Promise<boolean> {
    return this.#page ??= this.#load(limit).finally(() => {
      this.#page = undefined;
    });
  }

  /** Brings the window down to a message, and the message into view. */
  async find({ from, id, at }: Pick<Message, "from" | "id" | "at">): Promise<void> {
    const { conversation } = this;
    const key = `${from} ${id}`;
    const isHere = (): boolean => conversation.messages.some((message) => message.key === key);
    this.#clearedAt = 0;
    this.isFinding.value = true;
    for (let goesOn = true; goesOn && !isHere() && !((conversation.messages[0]?.at ?? Infinity) < at);) goesOn = await this.loadEarlier();
    this.refresh();
    batch(() => {
      if (isHere()) this.target.value = key;
      else this.isFinding.value = false;
    });
  }

  /** Empties the view; `reveal` brings everything back. What has not been sent stays in sight. */
  clear(): void {
    const { last, messages } = this.conversation;
    // The time of what waits is this device's: if its clock is ahead, what comes next would be hidden, too.
    const newest = last && isSettled(last) ? last : messages.findLast(isSettled);
    this.#clearedAt = newest?.at ?? 0;
    this.#newAfter = undefined;
    this.refresh();
  }

  reveal(): void {
    if (this.#clearedAt === 0) return void this.loadEarlier();
    this.#clearedAt = 0;
    this.refresh();
  }

  sent(): void {
    this.#newAfter = undefined;
    batch(() => {
      this.refresh(); // the writer sees it in the very next frame, whatever else comes
      this.toEnd.value++;
    });
  }

  /** The end of the conversation is, or is not, in view. */
  reached(isEnd: boolean): void {
    this.isAway.value = !isEnd;
    if (isEnd) this.seen();
  }

  seen(): void {
    if (this.#isOpen && this.#isPlaced && !this.isAway.value && this.#attentive()) this.conversation.markRead();
  }

  refresh(): void {
    if (!this.#isOpen) return;
    const { conversation } = this;
    if (conversation.unread > 0 && !this.#attentive()) this.missed();
    batch(() => {
      this.#takeMessages();
      this.typing.value = conversation.typing;
      this.unread.value = conversation.unread;
      this.hasEarlier.value = conversation.hasEarlier || this.#clearedAt > 0;
      this.cleared.value = this.#clearedAt > 0;
      this.firstNew.value = this.#firstNewKey();
    });
    this.seen();
    if (!this.isAway.value && !this.isFinding.value && conversation.messages.length > KEPT_MAX) conversation.trim(KEPT_AT_LEAST);
  }

  async #load(limit: number): Promise<boolean> {
    if (!this.#isOpen || !this.conversation.hasEarlier) return false;
    this.loading.value = true;
    try {
      await this.conversation.loadEarlier({ limit });
      opened.add(this.conversation);
      this.loaded.value = true;
      this.refresh();
      return true;
    } catch { // the chat has ended; see `load`
      return false;
    } finally {
      this.loading.value = false;
    }
  }

  #takeMessages(): void {
    const all = this.conversation.messages;
    const next = all.slice(this.#clearedAt > 0 ? firstAfter(all, this.#clearedAt) : 0);
    const shown = this.messages.peek();
    if (next.length === shown.length && next.every((message, index) => message === shown[index])) return;
    const pending = new Set(shown.filter(({ state }) => state === "pending").map(({ key }) => key));
    this.failed.value = next.findLast(({ state, key }) => state === "failed" && pending.has(key)) ?? this.failed.peek();
    // A list that grows at both ends at once could not keep its place: first what came before, then what came after.
    const last = shown[shown.length - 1];
    const end = last && next[0]?.key !== shown[0]?.key ? next.findIndex(({ key }) => key === last.key) + 1 : 0;
    if (end > 0 && end < next.length) {
      this.messages.value = next.slice(0, end);
      this.#refreshSoon();
    } else {
      this.messages.value = next;
    }
  }

  #firstNewKey(): string | undefined {
    if (this.#newAfter === undefined) return undefined;
    const messages = this.messages.peek();
    for (let index = firstAfter(messages, this.#newAfter); index < messages.length; index++) {
      const message = messages[index];
      if (message && message.from !== this.#me) return message.key;
    }
    return undefined;
  }
}
