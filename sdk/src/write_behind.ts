import { ChatError } from "./errors.js";
import type { Micros } from "./frames.js";
import type { Batch, ChatStorage, OutboxRecord, StoredPage, StoredState } from "./storage.js";

const NOTHING: ReadonlySet<string> = new Set();
const LOOK_MS = 15_000;

function newBatch(): Batch {
  return { stored: [], live: [], spans: [], conversations: new Map(), outbox: new Map() };
}

/**
 * The queue of a storage: what accumulates while one transaction is under way goes into the next. The first failure ends the use of the
 * storage; the chat goes on in memory.
 *
 * A storage extends this class by five methods, each of which may reject. Of each conversation one contiguous range of messages counts as
 * complete, from its floor to now, so that a page from here never hides messages that the server has in between. `write` keeps it so:
 *
 * - a span without `before` makes the range, or extends it; one with `before` extends it if it adjoins (`before` >= the range's floor), and
 *   is ignored otherwise (another tab has cut the range meanwhile);
 * - beyond the storage's own limit of messages per conversation the oldest go, and the floor rises.
 *
 * Several tabs may share what is stored. A tab that was closed, crashed or frozen by its browser leaves messages that nobody sends: what
 * another tab wrote and what has still not been taken after two looks, 15 s apart, is adopted. Two tabs that send the same message do no
 * harm: it has one id.
 */
export abstract class WriteBehindStorage implements ChatStorage {
  failed: (error: ChatError) => void = () => {};
  adopt: (record: OutboxRecord) => unknown = () => {};
  #state: "closed" | "open" | "failed" = "closed";
  #batch = newBatch();
  #writing: Promise<ReadonlySet<string>> = Promise.resolve(NOTHING);
  #next: Promise<ReadonlySet<string>> | undefined;
  #looking: ReturnType<typeof setTimeout> | undefined;
  #waiting: ReadonlySet<string> = NOTHING; // ids that the last look found

  protected abstract openFor(server: string, user: string): Promise<StoredState>;
  /** By `at`. */
  protected abstract readOutbox(): Promise<readonly OutboxRecord[]>;
  /** Where no range is complete, what there is with `complete: false`. */
  protected abstract readPage(partner: string, before: Micros | undefined, limit: number): Promise<StoredPage>;
  /** One transaction. Resolves with the keys (`from + " " + id`) of those in `stored` that were there already. */
  protected abstract write(batch: Batch): Promise<ReadonlySet<string>>;
  protected abstract closeNow(): void;

  async open(server: string, user: string): Promise<StoredState> {
    this.#state = "open";
    const opening = this.#try(() => this.openFor(server, user));
    this.#writing = opening.then(() => NOTHING);
    this.#lookLater();
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
    clearTimeout(this.#looking);
    await this.flush();
    if (this.#state === "open") this.closeNow();
    this.#state = "closed";
  }

  #lookLater(): void {
    clearTimeout(this.#looking);
    if (this.#state === "open") this.#looking = setTimeout(() => void this.#look(), LOOK_MS);
  }

  async #look(): Promise<void> {
    await this.flush(); // what this tab has sent is no longer there
    const records = (await this.#try(() => this.readOutbox())) ?? [];
    if (this.#state !== "open") return;
    for (const record of records) if (this.#waiting.has(record.id) && !record.error) this.adopt(record);
    this.#waiting = new Set(records.map(({ id }) => id));
    this.#lookLater();
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
