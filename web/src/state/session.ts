// One user's chat, as signals: what the SDK tells in events, the page takes over once a frame.

import { batch, computed, signal } from "@preact/signals";
import { Chat, type ChatError, type Conversation, type Message, type StateEvent } from "simplechat-client";
import { IndexedDbStorage, type FoundMessage } from "simplechat-client/indexeddb";
import { Blocks } from "./blocks.js";
import { ConversationView } from "./conversation-view.js";
import { perFrame } from "./frame.js";

const KEEP = 5_000; // messages of a conversation that can be read without a network

const ELSEWHERE_MS = 1_000; // in which another page that shows a message says that it is read

const CLOSED_MAX = 300;
const CLOSED_KEPT = 100;

/** A line of the list of conversations. Another object after each change of it. */
export interface Row {
  readonly with: string;
  readonly last: Message | undefined;
  readonly unread: number;
  readonly typing: boolean;
}

export interface SessionOptions {
  readonly user: string;
  readonly server: string;
  readonly token: string | undefined;
  /** The server is another one than that of the page. */
  readonly isForeign: boolean;
}

export class Session {
  readonly user: string;
  readonly server: string;
  readonly connection = signal<StateEvent>({ state: "idle" });
  readonly rows = signal<readonly Row[]>([]);
  readonly unread = signal(0);
  readonly open = signal<ConversationView | undefined>(undefined);
  readonly storageFailed = signal(false);
  /** Whether the rows are all that there is to show. Without a server the storage's word counts. */
  readonly isCaughtUp = computed(() => this.#hasSynced.value || this.#isOffline());
  /** Undefined where the page is another server's: the API is not known then. */
  readonly blocks: Blocks | undefined;
  /** The newest of a conversation that came while nobody looked, here or elsewhere; for notifications. */
  onMissed: ((message: Message) => void) | undefined;
  /** All of the conversation with this partner is read. */
  onRead: ((partner: string) => void) | undefined;
  /** A message came into the open conversation, for announcements. */
  onIncoming: ((message: Message) => void) | undefined;

  readonly #storage = new IndexedDbStorage({ keep: KEEP });
  readonly #chat: Chat;
  readonly #ended = new AbortController();
  readonly #listening: readonly (() => void)[];
  readonly #lines = new WeakMap<Conversation, { version: number; row: Row }>();
  readonly #refreshSoon = perFrame(() => this.#refresh());
  // Of each conversation the newest that a sync brought while nobody looked. Whether it was read elsewhere is known at the sync's end.
  readonly #synced = new Map<Conversation, Message>();
  readonly #missed = new Map<Conversation, Message>(); // the same of what came live
  #missedTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #hasSynced = signal(false);
  #loadingMore = false;

  constructor({ user, server, token, isForeign }: SessionOptions) {
    this.user = user;
    this.server = server;
    this.blocks = isForeign ? undefined : new Blocks(user, token, this.#ended.signal);
    this.#chat = new Chat({ url: server.split(" "), server, user, storage: this.#storage, ...(token ? { token } : {}) });
    this.#listening = [
      this.#chat.on("state", (event) => this.#stateChanged(event)),
      this.#chat.on("conversations", () => this.#refreshSoon()),
      this.#chat.on("synced", () => this.#caughtUp()),
      this.#chat.on("message", ({ message, conversation, live }) => this.#arrived(message, conversation, live)),
      this.#chat.on("error", (error) => this.#failed(error)),
    ];
    document.addEventListener("visibilitychange", () => this.#attentionChanged(), { signal: this.#ended.signal });
  }

  start(): void {
    this.#chat.start();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    clearTimeout(this.#missedTimer);
    for (const off of this.#listening) off();
    this.open.value?.close();
    await this.#chat.stop();
  }

  show(partner: string | undefined): void {
    const before = this.open.peek();
    if (before?.partner === partner) return;
    const view = partner === undefined ? undefined : new ConversationView(this.#chat.conversation(partner), this.user, isAttentive);
    batch(() => {
      before?.close();
      this.open.value = view;
    });
    if (this.#isKnown(view)) void view?.settle();
  }

  /** @throws ChatError `bad_frame`, `too_large`, `outbox_full` */
  send(view: ConversationView, text: string): void {
    view.conversation.send(text);
    view.sent();
  }

  /** Of the messages that this browser keeps, the newest that have the text. */
  searchMessages(text: string, limit: number, signal: AbortSignal): Promise<readonly FoundMessage[]> {
    return this.#storage.search(text, { limit, signal });
  }

  retry(id: string): void {
    this.#chat.retry(id);
  }

  discard(id: string): void {
    this.#chat.discard(id);
  }

  async loadMoreConversations(): Promise<void> {
    if (this.#loadingMore || !this.#chat.hasMoreConversations) return;
    this.#loadingMore = true;
    try {
      await this.#chat.loadMoreConversations();
    } catch { // asked again at the next scrolling
    } finally {
      this.#loadingMore = false;
    }
  }

  #stateChanged(event: StateEvent): void {
    this.connection.value = event;
    if (event.state === "online") this.open.value?.load();
    if (this.#isOffline()) void this.open.value?.settle();
  }

  #caughtUp(): void {
    // What was there before the page was opened is told by its title.
    if (this.#hasSynced.peek() && !isAttentive()) {
      for (const [{ unread }, message] of this.#synced) if (unread > 0) this.onMissed?.(message);
    }
    this.#synced.clear();
    batch(() => {
      this.#hasSynced.value = true;
      this.#refresh();
    });
    void this.open.value?.settle();
  }

  #isKnown(view: ConversationView | undefined): boolean {
    return this.isCaughtUp.peek() || (view?.conversation.last !== undefined && this.connection.peek().state !== "idle");
  }

  #isOffline(): boolean {
    const { state } = this.connection.value;
    return state === "waiting" || state === "closed";
  }

  #arrived(message: Message, conversation: Conversation, live: boolean): void {
    if (message.from === this.user) return;
    const view = this.open.peek();
    const isOpen = view?.conversation === conversation;
    if (isOpen && (!live || !isAttentive())) view.missed();
    if (isOpen && isAttentive()) this.onIncoming?.(message);
    else if (!isAttentive()) {
      (live ? this.#missed : this.#synced).set(conversation, message);
      if (live) this.#missedTimer ??= setTimeout(() => this.#tellMissed(), ELSEWHERE_MS);
    }
  }

  #tellMissed(): void {
    this.#missedTimer = undefined;
    for (const [{ marks }, message] of this.#missed) if (message.at > marks.readAt && !isAttentive()) this.onMissed?.(message);
    this.#missed.clear();
  }

  #failed({ code }: ChatError): void {
    if (code === "storage_failed") this.storageFailed.value = true;
    if (code === "forbidden") void this.blocks?.load(true); // another device may have blocked somebody
  }

  #attentionChanged(): void {
    this.#refresh();
    this.open.value?.refresh();
  }

  #refresh(): void {
    const rows = this.#chat.conversations.map((conversation) => this.#row(conversation));
    batch(() => {
      const before = this.rows.peek();
      if (rows.length !== before.length || rows.some((row, index) => row !== before[index])) this.rows.value = rows;
      this.unread.value = rows.reduce((sum, { unread }) => sum + unread, 0);
    });
  }

  #row(conversation: Conversation): Row {
    const known = this.#lines.get(conversation);
    if (known?.version === conversation.version) return known.row;
    // What comes into a conversation that nobody has open need not stay in memory.
    if (conversation.messages.length > CLOSED_MAX && this.open.peek()?.conversation !== conversation) conversation.trim(CLOSED_KEPT);
    const { with: partner, last, unread, typing } = conversation;
    if (unread === 0 && known?.row.unread) this.onRead?.(partner);
    const row = { with: partner, last, unread, typing: typing.length > 0 };
    this.#lines.set(conversation, { version: conversation.version, row });
    return row;
  }
}

export function isAttentive(): boolean {
  return document.visibilityState === "visible";
}
