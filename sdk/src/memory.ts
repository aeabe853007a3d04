import type { Micros, StoredMessage } from "./frames.js";
import { keyOf, partnerOf } from "./message.js";
import type { Batch, ConversationRecord, OutboxRecord, StoredPage, StoredState } from "./storage.js";
import { WriteBehindStorage } from "./write_behind.js";

export { WriteBehindStorage } from "./write_behind.js";

const KEEP = 1000;

/** What one user of one server has stored. */
class Drawer {
  cursor: string | undefined;
  readonly conversations = new Map<string, ConversationRecord>();
  readonly outbox = new Map<string, OutboxRecord>();
  readonly messages = new Map<string, Map<string, StoredMessage>>(); // by conversation, then by key
  readonly floors = new Map<string, Micros>();
}

/** Several storages that share one are like the tabs of a browser. */
export class MemoryStore {
  readonly #drawers = new Map<string, Drawer>();

  /** @internal */
  drawer(server: string, user: string): Drawer {
    const name = `${server} ${user}`;
    const drawer = this.#drawers.get(name) ?? new Drawer();
    this.#drawers.set(name, drawer);
    return drawer;
  }
}

export interface MemoryStorageOptions {
  /** What outlives the chat that uses this storage. Its own by default. */
  readonly store?: MemoryStore;
  /** About so many messages are kept of each conversation, the newest; 1000 by default. */
  readonly keep?: number;
}

/** A storage that lives as long as its `MemoryStore`: for tests, and for chats in Node that are stopped and made anew. */
export class MemoryStorage extends WriteBehindStorage {
  readonly #store: MemoryStore;
  readonly #keep: number;
  #user = "";
  #drawer = new Drawer();

  constructor(options: MemoryStorageOptions = {}) {
    super();
    this.#store = options.store ?? new MemoryStore();
    this.#keep = options.keep ?? KEEP;
  }

  protected async openFor(server: string, user: string): Promise<StoredState> {
    this.#user = user;
    this.#drawer = this.#store.drawer(server, user);
    const { cursor, conversations } = this.#drawer;
    return { cursor, conversations: [...conversations.values()], outbox: await this.readOutbox() };
  }

  protected async readOutbox(): Promise<OutboxRecord[]> {
    return [...this.#drawer.outbox.values()].sort((a, b) => a.at - b.at);
  }

  protected async readPage(partner: string, before: Micros = Infinity, limit: number): Promise<StoredPage> {
    const floor = this.#drawer.floors.get(partner);
    const messages = this.#ordered(partner).filter(({ at }) => at < before && at >= (floor ?? -Infinity));
    let start = Math.max(0, messages.length - limit);
    while (start > 0 && messages[start - 1]?.at === messages[start]?.at) start--;
    const page = messages.slice(start);
    return { messages: page, complete: floor !== undefined && page.length > 0, more: start > 0 || floor !== -Infinity };
  }

  protected async write(batch: Batch): Promise<ReadonlySet<string>> {
    const drawer = this.#drawer;
    if (batch.reset) {
      drawer.cursor = undefined;
      for (const map of [drawer.conversations, drawer.messages, drawer.floors]) map.clear();
    }
    const known = new Set(batch.stored.filter((message) => this.#messagesOf(message).has(keyOf(message))).map(keyOf));
    for (const message of batch.stored) this.#messagesOf(message).set(keyOf(message), message);
    for (const message of batch.live) {
      if (!this.#messagesOf(message).has(keyOf(message))) this.#messagesOf(message).set(keyOf(message), message);
    }
    for (const { with: partner, before, floor } of batch.spans) {
      const old = drawer.floors.get(partner);
      if (before === undefined || (old !== undefined && before >= old)) drawer.floors.set(partner, Math.min(floor, old ?? Infinity));
    }
    for (const message of [...batch.stored, ...batch.live]) this.#cut(partnerOf(message, this.#user));
    for (const record of batch.conversations.values()) drawer.conversations.set(record.with, record);
    for (const [id, record] of batch.outbox) {
      if (record) drawer.outbox.set(id, record);
      else drawer.outbox.delete(id);
    }
    if (batch.cursor !== undefined) drawer.cursor = batch.cursor;
    return known;
  }

  protected closeNow(): void {}

  #messagesOf(message: StoredMessage): Map<string, StoredMessage> {
    const { messages } = this.#drawer;
    const partner = partnerOf(message, this.#user);
    const found = messages.get(partner) ?? new Map<string, StoredMessage>();
    messages.set(partner, found);
    return found;
  }

  #ordered(partner: string): StoredMessage[] {
    return [...(this.#drawer.messages.get(partner)?.values() ?? [])].sort((a, b) => a.at - b.at);
  }

  #cut(partner: string): void {
    const messages = this.#drawer.messages.get(partner);
    if (!messages || messages.size <= this.#keep * 1.25) return;
    const ordered = this.#ordered(partner);
    const lowest = ordered[ordered.length - this.#keep]?.at ?? 0;
    for (const message of ordered) if (message.at < lowest) messages.delete(keyOf(message));
    const floor = this.#drawer.floors.get(partner);
    if (floor !== undefined) this.#drawer.floors.set(partner, Math.max(floor, lowest));
  }
}
