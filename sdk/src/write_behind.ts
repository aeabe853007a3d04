import { ChatError } from "./errors.js";
import type { Micros } from "./frames.js";
import type { Batch, ChatStorage, OutboxRecord, StoredPage, StoredState } from "./storage.js";

const NOTHING: ReadonlySet<string> = new Set();
const LOOK_MS = 15_000;
const LOOK_MAX_MS = 1_000; // that the chat waits for one
const GATHER_MS = 100;

function newBatch(): Batch {
  return { stored: [], live: [], spans: [], conversations: new Map(), outbox: new Map() };
}

/**
 * The queue of a storage: what accumulates while one transaction is under way goes into the next. Live messages and pages, which the
 * server has, too, are gathered for a tenth of a second, so that a burst costs few transactions, and a page is shown before it is
 * written; everything else, above all messages that wait for their ack and marks, is written at once. The first failure ends the use of the storage; the chat goes on in memory.
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
 * harm: it has one id. What waits in several tabs and is gone at a look, one of them has sent or taken back: the others drop it.
 */
export abstract class WriteBehindStorage implements ChatStorage {
  failed: (error: ChatError) => void = () => {};
  adopt: (record: OutboxRecord) => unknown = () => {};
  drop: (id: string) => unknown = () => {};
  #state: "closed" | "open" | "failed" = "closed";
  #batch = newBatch();
  #writing: Promise<ReadonlySet<string>> = Promise.resolve(NOTHING);
  #next: Promise<ReadonlySet<string>> | undefined;
  #isUrgent = false; // the batch is
  #hurry: () => void = () => {}; // ends the gathering
  #looking: ReturnType<typeof setTimeout> | undefined;
  #waiting = new Set<string>(); // ids that the last look found, and what was written since

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
    const state = await opening ?? { outbox: [], conversations: [] };
    for (const { id } of state.outbox) this.#waiting.add(id);
    return state;
  }

  async read(partner: string, before: Micros | undefined, limit: number): Promise<StoredPage> {
    await this.flush();
    await this.#writing; // also the opening, which may have begun meanwhile
    return (await this.#try(() => this.readPage(partner, before, limit))) ?? { messages: [], complete: false, more: true };
  }

  /** What is changed before `open` is stored after it. */
  change(edit: (batch: Batch) => unknown): void {
    edit(this.#batch);
    const { outbox, live, spans } = this.#batch;
    void this.#write(outbox.size > 0 || live.length + spans.length === 0);
  }

  /** What is yet to be written goes, too. */
  reset(): void {
    this.change((batch) => Object.assign(batch, { reset: true, stored: [], live: [], spans: [] }));
  }

  flush(): Promise<ReadonlySet<string>> {
    return this.#write(true);
  }

  async #write(isUrgent: boolean): Promise<ReadonlySet<string>> {
    if (this.#state === "closed") return NOTHING;
    if (isUrgent) {
      this.#isUrgent = true;
      this.#hurry();
    }
    this.#next ??= this.#writing.then(() => this.#gather()).then(() => {
      const batch = this.#batch;
      this.#batch = newBatch();
      this.#isUrgent = false;
      this.#next = undefined;
      this.#writing = this.#try(() => this.write(batch)).then((known) => {
        if (known) for (const [id, record] of batch.outbox) if (record) this.#waiting.add(id);
        return known ?? NOTHING;
      });
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

  #gather(): Promise<void> {
    return new Promise((resolve) => {
      this.#hurry = resolve;
      if (this.#isUrgent) resolve();
      else setTimeout(resolve, GATHER_MS);
    });
  }

  #lookLater(): void {
    clearTimeout(this.#looking);
    if (this.#state === "open") this.#looking = setTimeout(() => void this.#lookForLeft(), LOOK_MS);
  }

  async look(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const isLate = new Promise((resolve) => (timer = setTimeout(resolve, LOOK_MAX_MS)));
    await Promise.race([this.#waitingNow(), isLate]);
    clearTimeout(timer);
  }

  /** What waits for its ack. What does so no more is dropped. */
  async #waitingNow(): Promise<readonly OutboxRecord[]> {
    await this.flush(); // what this tab has sent is no longer there
    const waiting = [...this.#waiting]; // not what is written while this reads
    const records = (await this.#try(() => this.readOutbox())) ?? [];
    if (this.#state !== "open") return [];
    const found = new Set(records.map(({ id }) => id));
    for (const id of waiting) {
      if (found.has(id)) continue;
      this.#waiting.delete(id);
      this.drop(id);
    }
    return records;
  }

  async #lookForLeft(): Promise<void> {
    for (const record of await this.#waitingNow()) {
      if (this.#waiting.has(record.id) && !record.error) {
        this.adopt(record);
        this.#batch.outbox.delete(record.id); // it is there, or was: its writer may take it out at this moment
      }
      this.#waiting.add(record.id);
    }
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
