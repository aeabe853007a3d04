// Messages that the server has not taken yet, in the order of writing.
//
// Of each conversation one message at a time is on the wire. The contract orders by the time of acceptance, so if a second one were sent
// before the first one's ack, and the first were refused as `unavailable` or lost with a dying gateway, its repeat would come to stand
// behind the second. That costs a round trip a message in one conversation; conversations do not wait for each other.

import { ChatError, isTransient } from "./errors.js";
import type { Settings } from "./options.js";
import type { OutboxRecord } from "./storage.js";
import { backoffMs, Gate } from "./waiting.js";

const IN_FLIGHT_MAX = 64; // the gateway handles what one connection sends in order: more would only wait there
const ACK_MAX_MS = 30_000; // then it is sent again even if the connection lives

export interface Entry {
  record: OutboxRecord;
  /** When it was sent on this connection. */
  sentAtMs?: number | undefined;
  /** It may have been accepted before, with another `at`. */
  repeated: boolean | undefined;
  /** Whoever waits for the server to take it. */
  readonly taken: Gate;
}

function newEntry(record: OutboxRecord, repeated: boolean | undefined): Entry {
  const taken = new Gate();
  if (record.error) taken.set(false, new ChatError(record.error));
  return { record, repeated, taken };
}

export class Outbox {
  #entries = new Map<string, Entry>(); // by id, in the order of writing
  #attempt = 0;
  /** Nothing is sent until `resume`. */
  isHeld = false;
  #pause: ReturnType<typeof setTimeout> | undefined;
  readonly #transmit: (record: OutboxRecord) => boolean;
  readonly #settings: Settings;

  /** @param transmit false if it could not be sent */
  constructor(transmit: (record: OutboxRecord) => boolean, settings: Settings) {
    this.#transmit = transmit;
    this.#settings = settings;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: string | undefined): Entry | undefined {
    return this.#entries.get(id as string);
  }

  /** Puts it behind the others. */
  add(record: OutboxRecord, repeated?: boolean): void {
    this.#entries.delete(record.id);
    this.#entries.set(record.id, newEntry(record, repeated));
  }

  /** Puts what an earlier life left before what was written in this one. Returns all, in order. */
  restore(records: readonly OutboxRecord[]): OutboxRecord[] {
    this.#entries = new Map([...records.map((record) => [record.id, newEntry(record, true)] as const), ...this.#entries]);
    return [...this.#entries.values()].map(({ record }) => record);
  }

  /** Sends what may be sent now. */
  flush(): void {
    if (this.#pause || this.isHeld) return;
    const busy = new Set<string>();
    for (const entry of this.#entries.values()) {
      const { to, error } = entry.record;
      if (error || busy.has(to)) continue;
      busy.add(to);
      if (busy.size > IN_FLIGHT_MAX) return;
      if (!entry.sentAtMs && this.#transmit(entry.record)) entry.sentAtMs = this.#settings.now();
    }
  }

  /** Ends a wait after a refusal, or for `isHeld`. */
  resume(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.isHeld = false;
    this.flush();
  }

  /** Sends again what was sent so many ms ago without an answer; all of it, as soon as it can, when the connection is lost. */
  recall(ageMs = ACK_MAX_MS): void {
    for (const entry of this.#entries.values()) {
      if (entry.sentAtMs && this.#settings.now() - entry.sentAtMs >= ageMs) this.#recall(entry);
    }
    this.flush();
  }

  /** It need not be sent any more: the server has it, or its writer took it back (the error). Returns it if it was waiting here. */
  remove(id: string, error?: ChatError): Entry | undefined {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#attempt = 0;
    this.#entries.delete(id);
    entry.taken.set(!error, error);
    this.flush();
    return entry;
  }

  /** The server refused it. Returns the failed message if that is final; or else it will be sent again. */
  refused(entry: Entry, error: ChatError): OutboxRecord | undefined {
    this.#recall(entry);
    if (isTransient(error.code)) {
      clearTimeout(this.#pause);
      this.#pause = setTimeout(() => this.resume(), Math.max(error.retryMs, backoffMs(this.#attempt++, this.#settings.random)));
      return;
    }
    entry.record = { ...entry.record, reason: error.message, error: error.code };
    entry.taken.set(false, error);
    this.flush();
    return entry.record;
  }

  /** Nobody is to wait any more; the messages stay. */
  close(error: ChatError): void {
    for (const { taken, record } of this.#entries.values()) {
      taken.set(false, error);
      if (!record.error) taken.set(false);
    }
  }

  #recall(entry: Entry): void {
    entry.sentAtMs = undefined;
    entry.repeated = true;
  }
}
