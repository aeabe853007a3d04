// The contract of a storage, held by each of them.

import "fake-indexeddb/auto";
import { beforeEach, describe, expect, test } from "vitest";
import type { Batch, ChatStorage, StoredMessage } from "../../src/index.js";
import { databaseName, IndexedDbStorage } from "../../src/indexeddb.js";
import { MemoryStorage, MemoryStore } from "../../src/memory.js";

const SERVER = "ws://a/";
let run = 0;

function message(at: number, options: Partial<StoredMessage> = {}): StoredMessage {
  return { id: `m${at}`, from: "bob", to: "alice", payload: `text ${at}`, at, ...options };
}

const range = (from: number, to: number): StoredMessage[] => Array.from({ length: to - from + 1 }, (_, index) => message(from + index));

describe.each<[string, () => (keep?: number) => ChatStorage]>([
  ["MemoryStorage", () => {
    const store = new MemoryStore();
    return (keep = 1000) => new MemoryStorage({ store, keep });
  }],
  ["IndexedDbStorage", () => (keep = 1000) => new IndexedDbStorage({ keep })],
])("%s", (_, makeTabs) => {
  let tab: (keep?: number) => ChatStorage;
  let user = "";
  beforeEach(() => {
    tab = makeTabs();
    user = `alice-${++run}`;
  });

  const opened = async (keep?: number): Promise<ChatStorage> => {
    const storage = tab(keep);
    storage.failed = (error) => {
      throw error;
    };
    await storage.open(SERVER, user);
    return storage;
  };
  const write = async (storage: ChatStorage, edit: (batch: Batch) => unknown): Promise<string[]> => {
    storage.change(edit);
    return [...(await storage.flush())];
  };
  const ats = async (storage: ChatStorage, before?: number, limit = 50) => {
    const page = await storage.read("bob", before, limit);
    return { ats: page.messages.map(({ at }) => at), complete: page.complete, more: page.more };
  };

  test("a page asked for just before the opening waits for it", async () => {
    const storage = tab();
    const failures: unknown[] = [];
    storage.failed = (error) => failures.push(error);
    const page = storage.read("bob", undefined, 10);
    await storage.open(SERVER, user);
    expect(await page).toMatchObject({ messages: [] });
    expect(failures).toEqual([]);
  });

  test("is empty at first, and each user's apart", async () => {
    const storage = await opened();
    expect(await ats(storage)).toEqual({ ats: [], complete: false, more: true });
    await write(storage, (batch) => {
      batch.cursor = "c1";
    });
    const other = tab();
    expect(await other.open(SERVER, `${user}-other`)).toEqual({ cursor: undefined, outbox: [], conversations: [] });
    await other.close();
    expect((await tab().open(SERVER, user)).cursor).toBe("c1");
  });

  test("gives back cursor, conversations, and the outbox in its order", async () => {
    const storage = await opened();
    const record = { with: "bob", last: message(9), unread: 2, readAt: 1, receivedAt: 2, peerReadAt: 3, peerReceivedAt: 4 };
    await write(storage, ({ outbox, conversations }) => {
      conversations.set("bob", record);
      for (const [id, at] of [["z", 1], ["a", 2], ["k", 3]] as const) outbox.set(id, message(at, { id, from: user, to: "bob" }));
    });
    await write(storage, ({ outbox }) => {
      outbox.set("k", message(3, { id: "k", from: user, to: "bob", ...{ error: "forbidden" } }));
      outbox.set("a", null);
    });
    await storage.close();
    const state = await tab().open(SERVER, user);
    expect(state.conversations).toEqual([record]);
    expect(state.outbox.map(({ id, error }) => [id, error])).toEqual([["z", undefined], ["k", "forbidden"]]);
  });

  test("pages go from the newest to the floor, never splitting one at", async () => {
    const storage = await opened();
    await write(storage, ({ stored, spans }) => {
      stored.push(...range(11, 20), message(15, { id: "twin" }), message(3));
      spans.push({ with: "bob", floor: 11 });
    });
    expect(await ats(storage, undefined, 5)).toEqual({ ats: [16, 17, 18, 19, 20], complete: true, more: true });
    expect(await ats(storage, 16, 1)).toEqual({ ats: [15, 15], complete: true, more: true });
    expect(await ats(storage, 15, 50)).toEqual({ ats: [11, 12, 13, 14], complete: true, more: true }); // 3 may have neighbours
    expect(await ats(storage, 11, 50)).toEqual({ ats: [], complete: false, more: true });
    await write(storage, ({ stored, spans }) => {
      stored.push(...range(1, 10));
      spans.push({ with: "bob", before: 11, floor: -Infinity });
    });
    expect(await ats(storage, 11, 50)).toEqual({ ats: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], complete: true, more: false });
  });

  test("without a span nothing counts as complete; a span that does not adjoin is ignored", async () => {
    const storage = await opened();
    await write(storage, ({ live, spans }) => {
      live.push(...range(30, 32));
      spans.push({ with: "bob", before: 20, floor: 10 });
    });
    expect(await ats(storage)).toMatchObject({ ats: [30, 31, 32], complete: false });
    await write(storage, ({ spans }) => spans.push({ with: "bob", floor: 30 }));
    await write(storage, ({ stored, spans }) => {
      stored.push(...range(10, 19));
      spans.push({ with: "bob", before: 20, floor: 10 });
    });
    expect(await ats(storage)).toEqual({ ats: [30, 31, 32], complete: true, more: true });
    await write(storage, ({ spans }) => spans.push({ with: "bob", before: 30, floor: 25 }));
    await write(storage, ({ spans }) => spans.push({ with: "bob", floor: 31 })); // a shorter one takes nothing away
    expect((await ats(storage, 31)).ats).toEqual([30]);
  });

  test("tells which synced messages were known; they replace live ones, not the other way round", async () => {
    const storage = await opened();
    await write(storage, ({ live }) => live.push(message(5, { id: "x" }), message(6, { id: "y" })));
    expect(await write(storage, ({ stored }) => stored.push(message(3, { id: "x" }), message(7, { id: "z" })))).toEqual(["bob x"]);
    await write(storage, ({ live }) => live.push(message(9, { id: "x" })));
    expect((await storage.read("bob", undefined, 50)).messages.map(({ id, at }) => [id, at])).toEqual([["x", 3], ["y", 6], ["z", 7]]);
  });

  test("keeps about the newest, and its floor rises", async () => {
    const storage = await opened(20);
    await write(storage, ({ stored, spans }) => {
      stored.push(...range(101, 125));
      spans.push({ with: "bob", floor: -Infinity });
    });
    expect((await ats(storage)).ats).toHaveLength(25);
    await write(storage, ({ live }) => live.push(message(126)));
    expect(await ats(storage)).toEqual({ ats: range(107, 126).map(({ at }) => at), complete: true, more: true });
    await write(storage, ({ stored, spans }) => { // another tab, which still has the older ones
      stored.push(...range(91, 100));
      spans.push({ with: "bob", before: 101, floor: 91 });
    });
    expect((await ats(storage)).ats[0]).toBe(107);
  });

  test("two tabs share it", async () => {
    const [one, two] = [await opened(), await opened()];
    await Promise.all([
      write(one, ({ stored, spans }) => {
        stored.push(...range(1, 50));
        spans.push({ with: "bob", floor: 1 });
      }),
      write(two, ({ live }) => live.push(...range(51, 60))),
    ]);
    expect((await ats(one, undefined, 100)).ats).toEqual((await ats(two, undefined, 100)).ats);
    expect((await ats(one, undefined, 100)).ats).toHaveLength(60);
  });

  test("reset forgets all but the outbox", async () => {
    const storage = await opened();
    await write(storage, ({ stored, spans, outbox }) => {
      stored.push(message(1));
      spans.push({ with: "bob", floor: 1 });
      outbox.set("o", message(2, { id: "o", from: user, to: "bob" }));
    });
    await write(storage, (batch) => {
      batch.reset = true;
      batch.stored.push(message(7));
    });
    expect(await ats(storage)).toEqual({ ats: [7], complete: false, more: true });
    await storage.close();
    const state = await tab().open(SERVER, user);
    expect([state.cursor, state.outbox.length]).toEqual([undefined, 1]);
  });

  test("what is changed before it is opened, or read while it opens, is not lost", async () => {
    const storage = tab();
    storage.change(({ live }) => live.push(message(1)));
    void storage.open(SERVER, user);
    expect((await ats(storage)).ats).toEqual([1]);
    await storage.close();
    storage.change(({ live }) => live.push(message(2)));
    await storage.open(SERVER, user);
    expect((await ats(storage)).ats).toEqual([1, 2]);
  });
});

test("IndexedDbStorage: a long history that is read leaves no more than is kept, and costs no cuts", async () => {
  const storage = new IndexedDbStorage({ keep: 20 });
  await storage.open(SERVER, "reader");
  const page = async (from: number, before: number | undefined): Promise<void> => {
    storage.change(({ stored, spans }) => {
      stored.push(...range(from, from + 3));
      spans.push({ with: "bob", before, floor: from });
    });
    await storage.flush();
  };
  await page(97, undefined);
  for (let from = 93; from > 1; from -= 4) await page(from, from + 4);
  const database = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open(databaseName(SERVER, "reader"));
    request.onsuccess = () => resolve(request.result);
  });
  const keys = await new Promise<IDBValidKey[]>((resolve) => {
    const request = database.transaction("messages").objectStore("messages").index("byTime").getAllKeys();
    request.onsuccess = () => resolve(request.result);
  });
  expect(keys.length).toBe(20);
  expect((await storage.read("bob", undefined, 50)).messages.map(({ at }) => at)).toEqual(range(81, 100).map(({ at }) => at));
  expect(await storage.read("bob", 81, 50)).toMatchObject({ messages: [], complete: false });
});

test("IndexedDbStorage: one user's data can be deleted; a tab that has it open fails and goes on in memory", async () => {
  const storage = new IndexedDbStorage();
  const codes: string[] = [];
  storage.failed = ({ code }) => codes.push(code);
  await storage.open(SERVER, "gone");
  storage.change(({ live }) => live.push(message(1)));
  await storage.flush();
  await IndexedDbStorage.delete(SERVER, "gone");
  storage.change(({ live }) => live.push(message(2)));
  await storage.flush();
  expect(codes).toEqual(["storage_failed"]);
  expect(await storage.read("bob", undefined, 50)).toEqual({ messages: [], complete: false, more: true });
  const again = new IndexedDbStorage();
  await again.open(SERVER, "gone");
  expect((await again.read("bob", undefined, 50)).messages).toEqual([]);
});

test("IndexedDbStorage: a browser without it, or one that refuses, is a failure like others", async () => {
  const storage = new IndexedDbStorage({ indexedDB: { open: () => { throw new DOMException("private", "SecurityError"); } } as never });
  const codes: string[] = [];
  storage.failed = ({ code }) => codes.push(code);
  expect(await storage.open(SERVER, "alice")).toEqual({ outbox: [], conversations: [] });
  expect(codes).toEqual(["storage_failed"]);
});
