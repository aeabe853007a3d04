// Writes behind to the storage: what accumulates while one transaction is under way goes into the next. The first failure ends the use of
// the storage; the chat goes on in memory.

import type { Conversation } from "./conversation.js";
import { ChatError } from "./errors.js";
import type { Micros, StoredMessage } from "./frames.js";
import { partnerOf } from "./message.js";
import type { Changes, ChatStorage, ConversationRecord, OutboxRecord, Span, StoredPage, StoredState } from "./storage.js";

type KeptMessage = Changes["live"][number];

class Batch implements Changes {
  reset?: boolean;
  cursor?: string;
  readonly stored: KeptMessage[] = [];
  readonly live: KeptMessage[] = [];
  readonly spans: Span[] = [];
  conversations: readonly ConversationRecord[] = [];
  readonly touched = new Set<Conversation>();
  readonly outbox = new Map<string, OutboxRecord | null>();
}

const NOTHING: ReadonlySet<string> = new Set();

export class Keeper {
  #storage: ChatStorage | undefined;
  readonly #user: string;
  readonly #failed: (error: ChatError) => void;
  #batch = new Batch();
  #writing: Promise<ReadonlySet<string>> = Promise.resolve(NOTHING);
  #next: Promise<ReadonlySet<string>> | undefined;

  constructor(storage: ChatStorage | undefined, user: string, failed: (error: ChatError) => void) {
    this.#storage = storage;
    this.#user = user;
    this.#failed = failed;
  }

  open(server: string): Promise<StoredState> {
    return this.#try((storage) => storage.open(server, this.#user), { outbox: [], conversations: [] });
  }

  async read(partner: string, before: Micros | undefined, limit: number): Promise<StoredPage> {
    await this.flush();
    return this.#try((storage) => storage.read(partner, before, limit), { messages: [], more: true });
  }

  /** Adds to the next transaction, which follows soon. */
  change(edit: (batch: Batch) => void): void {
    if (!this.#storage) return;
    edit(this.#batch);
    void this.flush();
  }

  /** A message with its conversation. */
  kept({ id, from, to, payload, at }: StoredMessage): KeptMessage {
    return { with: partnerOf({ from, to }, this.#user), id, from, to, payload, at };
  }

  /** Resolves once all changes so far are stored (or the storage has failed), with the keys of synced messages that were stored already. */
  flush(): Promise<ReadonlySet<string>> {
    this.#next ??= this.#writing.then(() => {
      const batch = this.#batch;
      this.#batch = new Batch();
      this.#next = undefined;
      batch.conversations = Array.from(batch.touched, (conversation) => conversation.record());
      this.#writing = this.#try((storage) => storage.write(batch), NOTHING);
      return this.#writing;
    });
    return this.#next;
  }

  async close(): Promise<void> {
    await this.flush();
    this.#storage?.close();
  }

  async #try<T>(use: (storage: ChatStorage) => Promise<T>, otherwise: T): Promise<T> {
    const storage = this.#storage;
    if (!storage) return otherwise;
    try {
      return await use(storage);
    } catch (error) {
      if (this.#storage) this.#failed(new ChatError("storage_failed", String(error), 0, { cause: error }));
      this.#storage = undefined;
      return otherwise;
    }
  }
}
