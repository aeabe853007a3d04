// Messages that the server has not taken yet, in the order of writing.
//
// Of each conversation one message at a time is on the wire. The contract orders by the time of acceptance, so if a second one were sent
// before the first one's ack, and the first were refused as `unavailable` or lost with a dying gateway, its repeat would come to stand
// behind the second. That costs a round trip a message in one conversation; conversations do not wait for each other.

import { ChatError, isTransient } from "./errors.js";
import type { OutboxRecord } from "./storage.js";
import { backoffMs } from "./waiting.js";

const IN_FLIGHT_MAX = 64; // the gateway handles what one connection sends in order: more would only wait there
const ACK_MAX_MS = 30_000; // then it is sent again even if the connection lives

interface Waiter {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: ChatError): void;
}

interface Entry {
  record: OutboxRecord;
  /** When it was sent on this connection. */
  sentAtMs?: number | undefined;
  /** It may have been accepted before, with another `at`. */
  repeated: boolean;
  waiter?: Waiter | undefined;
}

export class Outbox {
  #entries = new Map<string, Entry>(); // by id, in the order of writing
  #inFlight = 0;
  #attempt = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  readonly #transmit: (record: OutboxRecord) => boolean;
  readonly #random: () => number;
  readonly #now: () => number;

  /** @param transmit false if it could not be sent */
  constructor(transmit: (record: OutboxRecord) => boolean, random: () => number, now: () => number) {
    this.#transmit = transmit;
    this.#random = random;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: string): OutboxRecord | undefined {
    return this.#entries.get(id)?.record;
  }

  add(record: OutboxRecord): void {
    this.#entries.set(record.id, { record, repeated: false });
    this.flush();
  }

  /** Puts what an earlier life left before what was written in this one. Returns all, in order. */
  restore(records: readonly OutboxRecord[]): OutboxRecord[] {
    const written = this.#entries;
    this.#entries = new Map(records.map((record) => [record.id, { record, repeated: true }]));
    for (const [id, entry] of written) this.#entries.set(id, entry);
    return Array.from(this.#entries.values(), ({ record }) => record);
  }

  /** Sends what may be sent now. */
  flush(): void {
    if (this.#pause !== undefined) return;
    const seen = new Set<string>();
    for (const entry of this.#entries.values()) {
      const { to, error } = entry.record;
      if (error || seen.has(to)) continue;
      seen.add(to);
      if (entry.sentAtMs !== undefined) continue;
      if (this.#inFlight >= IN_FLIGHT_MAX || !this.#transmit(entry.record)) return;
      entry.sentAtMs = this.#now();
      this.#inFlight++;
    }
  }

  /** The connection is lost: nothing is known of what was on the wire. */
  disconnected(): void {
    this.#resume();
    for (const entry of this.#entries.values()) this.#recall(entry);
  }

  /** Sends again what got no answer for long. */
  repeatOverdue(): void {
    const before = this.#now() - ACK_MAX_MS;
    for (const entry of this.#entries.values()) if ((entry.sentAtMs ?? Infinity) < before) this.#recall(entry);
    this.flush();
  }

  /** The server has it. Returns what it was, if it was waiting here. */
  accepted(id: string): { record: OutboxRecord; repeated: boolean } | undefined {
    this.#attempt = 0;
    const entry = this.#take(id);
    entry?.waiter?.resolve();
    return entry;
  }

  /** The server refused it. Returns the failed message if that is final; or else it will be sent again. */
  refused(id: string, error: ChatError): OutboxRecord | undefined {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#recall(entry);
    if (isTransient(error.code)) {
      this.#resume();
      this.#pause = setTimeout(() => {
        this.#pause = undefined;
        this.flush();
      }, Math.max(error.retryMs, backoffMs(this.#attempt++, this.#random)));
      return;
    }
    entry.record = { ...entry.record, error: error.code };
    this.#release(entry, error);
    this.flush();
    return entry.record;
  }

  /** Moves a failed message behind the others; `at` is the time of that. */
  retry(id: string, at: number): OutboxRecord | undefined {
    const entry = this.#entries.get(id);
    if (!entry?.record.error) return;
    const { error: _, ...record } = { ...entry.record, at };
    this.#entries.delete(id);
    this.#entries.set(id, { record, repeated: true });
    return record;
  }

  discard(id: string): OutboxRecord | undefined {
    const entry = this.#take(id);
    if (entry) this.#release(entry, new ChatError("discarded"));
    return entry?.record;
  }

  /** Until it is accepted; undefined if it does not wait here. */
  settled(id: string): Promise<void> | undefined {
    const entry = this.#entries.get(id);
    if (!entry) return;
    if (entry.record.error) return Promise.reject(new ChatError(entry.record.error));
    if (!entry.waiter) {
      let resolve: () => void = () => {};
      let reject: (error: ChatError) => void = () => {};
      const promise = new Promise<void>((resolveIt, rejectIt) => {
        resolve = resolveIt;
        reject = rejectIt;
      });
      entry.waiter = { promise, resolve, reject };
    }
    return entry.waiter.promise;
  }

  /** Nobody is to wait any more; the messages stay. */
  close(error: ChatError): void {
    for (const entry of this.#entries.values()) this.#release(entry, error);
  }

  #take(id: string): Entry | undefined {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#recall(entry);
    this.#entries.delete(id);
    this.flush();
    return entry;
  }

  #recall(entry: Entry): void {
    if (entry.sentAtMs === undefined) return;
    entry.sentAtMs = undefined;
    entry.repeated = true;
    this.#inFlight--;
  }

  #release(entry: Entry, error: ChatError): void {
    entry.waiter?.reject(error);
    entry.waiter = undefined;
  }

  #resume(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }
}
