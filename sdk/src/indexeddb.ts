import type { LoadOptions } from "./conversation.js";
import type { Micros, StoredMessage } from "./frames.js";
import { keyOf, partnerOf } from "./message.js";
import type { Batch, ConversationRecord, OutboxRecord, Span, StoredPage, StoredState } from "./storage.js";
import { abortable } from "./waiting.js";
import { WriteBehindStorage } from "./write_behind.js";

const KEEP = 1000;
const SEARCHED_AT_ONCE = 500; // messages; then others have their turn
const OPEN_MAX_MS = 5_000; // a browser that does not answer must not hold up the chat

/** A message, with the conversation that it belongs to. */
export type FoundMessage = StoredMessage & { readonly with: string };
type Row = FoundMessage;
interface FloorRow {
  readonly with: string;
  readonly floor: Micros;
}

export interface IndexedDbStorageOptions {
  /** About so many messages are kept of each conversation, the newest; 1000 by default. */
  readonly keep?: number;
  /** `globalThis.indexedDB` by default. */
  readonly indexedDB?: IDBFactory;
}

/**
 * Keeps a chat in IndexedDB: one database for each server and user, named by `databaseName`.
 *
 * Tabs of one user share it. Each tab sends what it wrote, what it found when it started, and what another one leaves unsent, until one
 * has sent it or taken it back; what two tabs send is the same message under the same id. A chat has its own `IndexedDbStorage` object.
 */
export class IndexedDbStorage extends WriteBehindStorage {
  readonly #keep: number;
  readonly #factory: IDBFactory;
  #user = "";
  #database: IDBDatabase | undefined;

  constructor(options: IndexedDbStorageOptions = {}) {
    super();
    this.#keep = options.keep ?? KEEP;
    this.#factory = options.indexedDB ?? globalThis.indexedDB;
  }

  /** Deletes all that is stored for one user of one server, for signing out. Stop the chat first, in every tab. */
  static async delete(server: string, user: string, factory: IDBFactory = globalThis.indexedDB): Promise<void> {
    await result(factory.deleteDatabase(databaseName(server, user)));
  }

  /**
   * The newest `limit` of the messages kept here that have a text in them, whatever the case; newest first.
   *
   * @throws ChatError `aborted`; or what the browser says, if the storage has failed
   */
  async search(text: string, { limit = 50, signal }: LoadOptions = {}): Promise<FoundMessage[]> {
    await this.flush();
    const wanted = text.toLowerCase();
    let found: FoundMessage[] = [];
    for (let range: IDBKeyRange | undefined; ;) {
      const store = this.#opened.transaction("messages").objectStore("messages");
      const rows = await abortable(result<Row[]>(store.getAll(range, SEARCHED_AT_ONCE)), signal);
      found.push(...rows.filter(({ payload }) => payload.toLowerCase().includes(wanted)));
      found = found.sort((a, b) => b.at - a.at).slice(0, limit);
      const last = rows[SEARCHED_AT_ONCE - 1];
      if (!last) return found;
      range = IDBKeyRange.lowerBound([last.with, last.from, last.id], true);
    }
  }

  protected async openFor(server: string, user: string): Promise<StoredState> {
    this.#user = user;
    this.#database = await this.#connect(databaseName(server, user));
    const transaction = this.#database.transaction(["meta", "conversations"]);
    const [cursor, conversations, outbox] = await Promise.all([
      result<string | undefined>(transaction.objectStore("meta").get("cursor")),
      result<ConversationRecord[]>(transaction.objectStore("conversations").getAll()),
      this.readOutbox(),
    ]);
    return { cursor, conversations, outbox };
  }

  protected async readOutbox(): Promise<OutboxRecord[]> {
    const records = await result<OutboxRecord[]>(this.#opened.transaction("outbox").objectStore("outbox").getAll());
    return records.sort((a, b) => a.at - b.at);
  }

  protected async readPage(partner: string, before: Micros | undefined, limit: number): Promise<StoredPage> {
    const transaction = this.#opened.transaction(["messages", "floors"]);
    const row = await result<FloorRow | undefined>(transaction.objectStore("floors").get(partner));
    const floor = row?.floor ?? -Infinity;
    if (before !== undefined && before <= floor) return { messages: [], complete: false, more: true };
    const from = floor > -Infinity ? [partner, floor] : [partner];
    const range = IDBKeyRange.bound(from, before === undefined ? endOf(partner) : [partner, before], false, true);
    const messages: StoredMessage[] = [];
    let more = false;
    await walk(transaction.objectStore("messages").index("byTime").openCursor(range, "prev"), (cursor) => {
      const { with: _, ...message } = (cursor as IDBCursorWithValue).value as Row;
      more = messages.length >= limit && message.at !== messages[messages.length - 1]?.at;
      if (!more) messages.push(message);
      return !more;
    });
    return { messages: messages.reverse(), complete: row !== undefined && messages.length > 0, more: more || row === undefined || floor > -Infinity };
  }

  protected async write(batch: Batch): Promise<ReadonlySet<string>> {
    const stores = ["meta", "conversations", "outbox", "messages", "floors"];
    const transaction = this.#opened.transaction(stores, "readwrite", { durability: "relaxed" });
    const done = completion(transaction);
    done.catch(() => {}); // told below
    try {
      if (batch.reset) for (const name of stores) if (name !== "outbox") transaction.objectStore(name).clear();
      const known = await this.#putMessages(transaction.objectStore("messages"), batch);
      for (const span of batch.spans) await this.#putSpan(transaction, span);
      const partners = new Set([...batch.stored, ...batch.live].map((message) => partnerOf(message, this.#user)));
      for (const span of batch.spans) partners.add(span.with);
      for (const partner of partners) await this.#cut(transaction, partner);
      for (const record of batch.conversations.values()) transaction.objectStore("conversations").put(record);
      for (const [id, record] of batch.outbox) {
        if (record) transaction.objectStore("outbox").put(record);
        else transaction.objectStore("outbox").delete(id);
      }
      if (batch.cursor !== undefined) transaction.objectStore("meta").put(batch.cursor, "cursor");
      await done;
      return known;
    } catch (error) {
      if (transaction.error === null) abort(transaction);
      throw error;
    }
  }

  protected closeNow(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  get #opened(): IDBDatabase {
    if (!this.#database) throw new Error("the database is closed");
    return this.#database;
  }

  #connect(name: string): Promise<IDBDatabase> {
    const request = this.#factory.open(name, 1);
    request.onupgradeneeded = () => {
      const database = request.result;
      database.createObjectStore("meta");
      database.createObjectStore("conversations", { keyPath: "with" });
      database.createObjectStore("floors", { keyPath: "with" });
      database.createObjectStore("outbox", { keyPath: "id" });
      const messages = database.createObjectStore("messages", { keyPath: ["with", "from", "id"] });
      messages.createIndex("byTime", ["with", "at", "from", "id"]);
    };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("IndexedDB does not answer")), OPEN_MAX_MS);
      result(request).then((database) => {
        database.onversionchange = () => database.close(); // another tab deletes it, or is newer: do not stand in the way
        resolve(database);
      }, reject).finally(() => clearTimeout(timer));
    });
  }

  /** The keys of those in `stored` that were there before. */
  async #putMessages(messages: IDBObjectStore, { stored, live }: Batch): Promise<ReadonlySet<string>> {
    const present = (list: readonly Row[]): Promise<boolean[]> =>
      Promise.all(list.map(async (row) => (await result(messages.getKey([row.with, row.from, row.id]))) !== undefined));
    const storedRows = this.#rows(stored);
    const storedPresent = await present(storedRows);
    for (const row of storedRows) messages.put(row);
    const liveRows = this.#rows(live);
    const livePresent = await present(liveRows);
    liveRows.forEach((row, index) => {
      if (!livePresent[index]) messages.put(row);
    });
    return new Set(storedRows.filter((_, index) => storedPresent[index]).map(keyOf));
  }

  /** Where all that is kept is there already, a page of history below it would have to go again at once: it is not taken. */
  async #putSpan(transaction: IDBTransaction, { with: partner, before, floor, messages }: Span): Promise<void> {
    const floors = transaction.objectStore("floors");
    const store = transaction.objectStore("messages");
    const old = (await result<FloorRow | undefined>(floors.get(partner)))?.floor;
    if (before !== undefined) {
      if (old === undefined || before < old) return;
      const above = IDBKeyRange.bound([partner, before], endOf(partner), false, true);
      if ((await result(store.index("byTime").count(above))) >= this.#keep) return;
    }
    for (const row of this.#rows(messages)) store.put(row);
    floors.put({ with: partner, floor: Math.min(floor, old ?? Infinity) } satisfies FloorRow);
  }

  #rows(messages: readonly StoredMessage[]): Row[] {
    return messages.map(({ id, from, to, payload, at }) => ({ with: partnerOf({ from, to }, this.#user), id, from, to, payload, at }));
  }

  /** Keeps the storage to its limit. A quarter above it is let pass, so that not every message costs a cut. */
  async #cut(transaction: IDBTransaction, partner: string): Promise<void> {
    const messages = transaction.objectStore("messages");
    const byTime = messages.index("byTime");
    const all = IDBKeyRange.bound([partner], endOf(partner), false, true);
    const count = await result(byTime.count(all));
    if (count <= this.#keep * 1.25) return;
    const excess = count - this.#keep;
    let lowest: Micros = 0;
    let isThere = false;
    await walk(byTime.openKeyCursor(all), (cursor) => {
      lowest = (cursor.key as [string, Micros])[1];
      if (isThere) return false;
      isThere = true;
      cursor.advance(excess);
      return undefined;
    });
    for (const key of await result(byTime.getAllKeys(IDBKeyRange.bound([partner], [partner, lowest], false, true)))) messages.delete(key);
    const floors = transaction.objectStore("floors");
    const old = await result<FloorRow | undefined>(floors.get(partner));
    if (old) floors.put({ with: partner, floor: Math.max(old.floor, lowest) } satisfies FloorRow);
  }
}

/** The name of a user's database. */
export function databaseName(server: string, user: string): string {
  return `simplechat ${server} ${user}`;
}

/** Above every index key of a conversation: an array is greater than any number (Indexed Database API 3.0, 2.4 Keys). */
function endOf(partner: string): IDBValidKey {
  return [partner, []];
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function completion(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
  });
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // It has ended already.
  }
}

/** Visits entries until `visit` returns false; undefined: it has moved the cursor itself. */
function walk<C extends IDBCursor>(request: IDBRequest<C | null>, visit: (cursor: C) => boolean | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const cursor = request.result;
      if (!cursor) return resolve();
      const goesOn = visit(cursor);
      if (goesOn === false) resolve();
      else if (goesOn) cursor.continue();
    };
  });
}
