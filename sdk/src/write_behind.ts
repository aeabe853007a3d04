import { ChatError } from "./errors.js";
import type { Micros } from "./frames.js";
import type { Batch, ChatStorage, StoredPage, StoredState } from "./storage.js";

const NOTHING: ReadonlySet<string> = new Set();

function newBatch(): Batch {
  return { stored: [], live: [], spans: [], conversations: new Map(), outbox: new Map() };
}

/**
 * The queue of a storage: what accumulates while one transaction is under way goes into the next. The first failure ends the use of the
 * storage; the chat goes on in memory.
 *
 * A storage extends this class by four methods, each of which may reject. Of each conversation one contiguous range of messages counts as
 * complete, from its floor to now, so that a page from here never hides messages that the server has in between. `write` keeps it so:
 *
 * - a span without `before` makes the range, or extends it; one with `before` extends it if it adjoins (`before` >= the range's floor), and
 *   is ignored otherwise (another tab has cut the range meanwhile);
 * - beyond the storage's own limit of messages per conversation the oldest go, and the floor rises.
 */
export abstract class WriteBehindStorage implements ChatStorage {
  failed: (error: ChatError) => void = () => {};
  #state: "closed" | "open" | "failed" = "closed";
  #batch = newBatch();
  #writing: Promise<ReadonlySet<string>> = Promise.resolve(NOTHING);
  #next: Promise<ReadonlySet<string>> | undefined;

  protected abstract openFor(server: string, user: string): Promise<StoredState>;
  /** Where no range is complete, what there is with `complete: false`. */
  protected abstract readPage(partner: string, before: Micros | undefined, limit: number): Promise<StoredPage>;
  /** One transaction. Resolves with the keys (`from + " " + id`) of those in `stored` that were there already. */
  protected abstract write(batch: Batch): Promise<ReadonlySet<string>>;
  protected abstract closeNow(): void;

  async open(server: string, user: string): Promise<StoredState> {
    this.#state = "open";
    const opening = this.#try(() => this.openFor(server, user));
    this.#writing = opening.then(() => NOTHING);
    return (await opening) ?? { outbox: [], conversations: [] };
  }

  async read(partner: string, before: Micros | undefined, limit: number): Promise<StoredPage> {
    await this.flush();
    await this.#writing; // also the opening, which may have begun meanwhile
    return (await this.#try(() => this.readPage(partner, before, limit))) ?? { messages: [], complete: false, more: true };
  }

  /** What is changed before `open` is stored after it. */
  change(edit: (batch: Batch) => unknown): void {
    edit(this.#batch);
    void this.flush();
  }

  async flush(): Promise<ReadonlySet<string>> {
    if (this.#state === "closed") return NOTHING;
    this.#next ??= this.#writing.then(() => {
      const batch = this.#batch;
      this.#batch = newBatch();
      this.#next = undefined;
      this.#writing = this.#try(() => this.write(batch)).then((known) => known ?? NOTHING);
      return this.#writing;
    });
    return this.#next;
  }

  async close(): Promise<void> {
    await this.flush();
    if (this.#state === "open") this.closeNow();
    this.#state = "closed";
  }

  async #try<T>(use: () => Promise<T>): Promise<T | undefined> {
    if (this.#state !== "open") return undefined;
    try {
      return await use();
    } catch (error) {
      if (this.#state === "open") this.failed(new ChatError("storage_failed", String(error), 0, error));
      this.#state = "failed";
      return undefined;
    }
  }
}
