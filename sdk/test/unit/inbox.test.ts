import { describe, expect, test } from "vitest";
import type { Chat, MessageEvent } from "../../src/index.js";
import { MemoryStorage, MemoryStore } from "../../src/memory.js";
import { states, texts, useFakeWorld } from "./harness.js";

const world = useFakeWorld();
const requests = () => world.server().sockets.flatMap(({ sent }) => sent.filter(({ type }) => ["sync", "history", "conversations"].includes(type)));

function heard(chat: Chat): string[] {
  const seen: string[] = [];
  chat.on("message", ({ message, conversation, live }: MessageEvent) => seen.push(`${conversation.with}: ${message.payload}${live ? "" : " (synced)"}`));
  return seen;
}

function fill(count: number, partner = "bob"): void {
  for (let index = 0; index < count; index++) world.server().post(index % 3 ? partner : "alice", index % 3 ? "alice" : partner, `m${index}`);
}

test("the cursor comes first, at the present end; then lists and history", async () => {
  fill(300);
  const chat = world.open("alice");
  const loading = chat.conversation("bob").loadEarlier();
  await world.pass();
  expect(await loading).toBe(true);
  expect(requests().map(({ type, latest }) => [type, latest])).toEqual([["sync", true], ["conversations", undefined], ["history", undefined]]);
  expect(texts(chat.conversation("bob"))).toEqual(Array.from({ length: 50 }, (_, index) => `m${250 + index}`));
});

test("a server that does not know `latest` is walked from its first message", async () => {
  world.server().hasLatest = false;
  fill(450);
  const chat = world.open("alice");
  const seen = heard(chat);
  await world.pass(1_000);
  expect(requests().filter(({ type }) => type === "sync")).toHaveLength(3);
  expect(texts(chat.conversation("bob"))).toHaveLength(450);
  expect(seen).toHaveLength(450);
  void chat.conversation("bob").loadEarlier();
  await world.pass();
  expect(texts(chat.conversation("bob"))).toHaveLength(50);
});

test("live messages come once, whatever comes twice, and in order", async () => {
  const chat = world.open("alice");
  const seen = heard(chat);
  await world.pass();
  const { socket } = world.server();
  world.server().post("bob", "alice", "two", { live: false, at: 20 });
  socket.push({ type: "normal", id: "two", from: "bob", to: "alice", payload: "two", at: 20 });
  socket.push({ type: "normal", id: "one", from: "bob", to: "alice", payload: "one", at: 10 });
  socket.push({ type: "normal", id: "two", from: "bob", to: "alice", payload: "two", at: 30 }); // a repeat
  await world.pass();
  expect(texts(chat.conversation("bob"))).toEqual(["one", "two"]);
  expect(seen).toEqual(["bob: two", "bob: one"]);
  expect(chat.conversation("bob").unread).toBe(2);
});

test("the at of sync wins over that of live delivery, which is asked for when a repeat gave another", async () => {
  const chat = world.open("alice");
  await world.pass();
  const first = world.server().post("bob", "alice", "first", { live: false });
  world.server().post("bob", "alice", "second");
  world.server().socket.push({ type: "normal", ...first, at: first.at + 1_000_000 });
  await world.pass();
  expect(texts(chat.conversation("bob"))).toEqual(["second", "first"]);
  world.server().socket.push({ type: "normal", ...first, at: first.at + 2_000_000 });
  await world.pass(60_000);
  expect(texts(chat.conversation("bob"))).toEqual(["first", "second"]);
});

test("resync brings what live delivery missed, each once", async () => {
  const chat = world.open("alice");
  const seen = heard(chat);
  await world.pass();
  world.server().post("bob", "alice", "missed", { live: false });
  world.server().post("bob", "alice", "heard");
  world.server().socket.push({ type: "resync" });
  await world.pass();
  expect(seen).toEqual(["bob: heard", "bob: missed (synced)"]);
  expect(texts(chat.conversation("bob"))).toEqual(["missed", "heard"]);
});

test("a cursor of another store: what is known is forgotten, shown conversations are loaded anew", async () => {
  fill(3);
  const chat = world.open("alice");
  const bob = chat.conversation("bob");
  void bob.loadEarlier();
  await world.pass();
  world.server().store = [];
  world.server().storeId = 2;
  fill(2);
  world.server().fault = (_, { type }) => (type === "normal" ? { code: "forbidden" } : undefined);
  chat.send("bob", "mine");
  world.server().socket.push({ type: "resync" });
  await world.pass(1_000);
  expect(states(bob)).toEqual(["m0 sent", "m1 sent", "mine failed"]);
  expect(bob.hasEarlier).toBe(false);
});

test("a page that was asked for before the new cursor is asked for again", async () => {
  fill(3);
  const chat = world.open("alice");
  await world.pass();
  world.server().storeId = 2;
  world.server().socket.push({ type: "resync" });
  await world.pass(6); // the sync is on its way, its refusal is not here yet
  void chat.conversation("bob").loadEarlier();
  await world.pass();
  expect(requests().slice(2).map(({ type, latest }) => `${type}${latest ? " latest" : ""}`)).toEqual(["sync", "history", "sync latest", "conversations", "history"]);
  expect(texts(chat.conversation("bob"))).toEqual(["m0", "m1", "m2"]);
});

test("history: page by page to the first message; the window is complete whatever arrives meanwhile", async () => {
  fill(120);
  const chat = world.open("alice");
  const bob = chat.conversation("bob");
  const load = async (): Promise<boolean> => {
    const loading = bob.loadEarlier();
    expect(bob.loadEarlier()).not.toBe(undefined); // a second call joins the first
    await world.pass();
    return loading;
  };
  await world.pass();
  world.server().post("bob", "alice", "live");
  await world.pass();
  expect(texts(bob)).toEqual(["live"]);
  expect([await load(), bob.messages.length]).toEqual([true, 50]);
  expect([await load(), bob.messages.length]).toEqual([true, 100]);
  world.server().post("bob", "alice", "late", { at: 1 });
  expect([await load(), bob.messages.length]).toEqual([false, 122]);
  expect(await bob.loadEarlier()).toBe(false);
  expect(texts(bob)).toEqual(["late", ...Array.from({ length: 120 }, (_, index) => `m${index}`), "live"]);
});

test("what is stored late, while the page it belongs to is on its way, is not lost", async () => {
  fill(120);
  const chat = world.open("alice");
  const bob = chat.conversation("bob");
  void bob.loadEarlier();
  await world.pass();
  const loading = bob.loadEarlier();
  await world.pass(7); // the page is made, and not here yet
  const at = world.server().store[50]?.at ?? 0;
  expect(at).toBeLessThan(bob.messages[0]?.at ?? 0);
  world.server().liveDelays = () => [1];
  world.server().post("bob", "alice", "late", { at });
  await world.pass();
  await loading;
  expect(bob.messages.length).toBe(101);
  expect(texts(bob)).toContain("late");
});

test("a busy server is asked again; an aborted wait rejects; a refusal, too", async () => {
  fill(1);
  let refusals = 2;
  world.server().fault = (_, { type }) => (type === "history" && refusals-- > 0 ? { code: "rate_limited", retryMs: 1_000 } : undefined);
  const chat = world.open("alice");
  const abort = new AbortController();
  const bob = chat.conversation("bob");
  const aborted = bob.loadEarlier({ signal: abort.signal }).catch((error: unknown) => error);
  const loading = bob.loadEarlier();
  abort.abort("enough");
  await world.pass(5_000);
  expect(await aborted).toMatchObject({ code: "aborted", cause: "enough" });
  expect(await loading).toBe(false);
  world.server().fault = (_, { type }) => (type === "history" ? { code: "not_found" } : undefined);
  const refused = chat.conversation("#group").loadEarlier().catch((error: unknown) => error);
  await world.pass();
  expect(await refused).toMatchObject({ code: "not_found" });
});

test("loadEarlier outlasts a lost connection", async () => {
  fill(1);
  const chat = world.open("alice");
  await world.pass();
  world.server().fault = (_, { type }) => (type === "history" && world.server().sockets.length === 1 ? "cut" : undefined);
  const loading = chat.conversation("bob").loadEarlier();
  await world.pass(3_000);
  expect(await loading).toBe(false);
});

describe("conversations", () => {
  test("newest first, page by page; a change makes another array and is told once", async () => {
    for (let index = 0; index < 60; index++) world.server().post(`user${index}`, "alice", `hi ${index}`);
    const chat = world.open("alice");
    await world.pass();
    expect([chat.conversations.length, chat.hasMoreConversations]).toEqual([50, true]);
    const more = chat.loadMoreConversations();
    await world.pass();
    expect([await more, chat.conversations.length]).toEqual([false, 60]);
    expect(chat.conversations.map(({ with: partner }) => partner)).toEqual(Array.from({ length: 60 }, (_, index) => `user${59 - index}`));
    const before = chat.conversations;
    let told = 0;
    const versions: number[] = [];
    chat.on("conversations", () => told++);
    chat.conversation("user3").on("change", ({ version }) => versions.push(version));
    world.server().post("user3", "alice", "again");
    await world.pass(20);
    expect(chat.conversations[0]?.with).toBe("user3");
    expect(chat.conversations).not.toBe(before);
    expect([told, versions.length]).toEqual([1, 1]);
    chat.send("user5", "me");
    expect(chat.conversations[0]?.last?.payload).toBe("me");
  });

  test("unread: summaries, live messages, sync and marks in any order count each message once", async () => {
    world.server().post("bob", "alice", "one");
    world.server().post("bob", "alice", "two");
    const chat = world.open("alice");
    const bob = chat.conversation("bob");
    await world.pass();
    expect(bob.unread).toBe(2);
    world.server().post("bob", "alice", "three");
    await world.pass();
    expect(bob.unread).toBe(3);
    world.server().socket.push({ type: "resync" });
    await world.pass();
    expect(bob.unread).toBe(3);
    world.server().socket.lose(1006); // its summary comes again, now with three
    await world.pass(2_000);
    expect(bob.unread).toBe(3);
    void bob.loadEarlier();
    await world.pass();
    expect(bob.unread).toBe(3);
    bob.markRead();
    expect(bob.unread).toBe(0);
    await world.pass();
    expect(world.server().marks.get("read alice bob")).toBe(bob.last?.at);
    world.server().post("alice", "bob", "mine, from elsewhere");
    await world.pass();
    expect(bob.unread).toBe(0);
  });

  test.each(["live", "by sync"])("unread: a message that is stored late, with a time before the list's newest one, comes %s and counts", async (how) => {
    const server = world.server();
    server.post("bob", "alice", "early");
    const lateAt = server.clock();
    server.post("bob", "alice", "newest");
    const chat = world.open("alice");
    const bob = chat.conversation("bob");
    await world.pass();
    expect(bob.unread).toBe(2);
    server.post("bob", "alice", "late", { at: lateAt, live: how === "live" });
    if (how === "by sync") server.socket.push({ type: "resync" });
    await world.pass(60_000);
    expect(bob.unread).toBe(3);
    const lists = () => server.socket.sent.filter(({ type }) => type === "conversations").length;
    const asked = lists();
    await world.pass(200_000);
    expect(lists()).toBe(asked); // the doubt ends
  });

  test("unread: another session reads in part", async () => {
    const posted = ["one", "two", "three"].map((text) => world.server().post("bob", "alice", text));
    const chat = world.open("alice");
    const bob = chat.conversation("bob");
    await world.pass();
    const phone = world.open("alice");
    await world.pass();
    const at = posted[1]?.at ?? 0;
    world.server().receive(world.server().socket, { type: "read", with: "bob", at });
    await world.pass(60_000);
    expect([chat, phone].map((each) => each.conversation("bob").unread)).toEqual([1, 1]);
    void bob.loadEarlier();
    await world.pass();
    expect(bob.unread).toBe(1);
    world.server().receive(world.server().socket, { type: "read", with: "bob", at: posted[2]?.at ?? 0 });
    await world.pass();
    expect(bob.unread).toBe(0);
  });

  test("a mark made offline, or dropped by the server, is told later", async () => {
    world.server().post("bob", "alice", "one");
    const chat = world.open("alice");
    await world.pass();
    world.server().down.add("ws://a/");
    world.server().socket.lose(1006);
    chat.conversation("bob").markRead();
    await world.pass(2_000);
    world.server().down.clear();
    await world.pass(30_000);
    expect(world.server().marks.get("read alice bob")).toBe(chat.conversation("bob").last?.at);
    world.server().marks.clear();
    world.server().socket.lose(1006);
    await world.pass(30_000);
    expect(world.server().marks.get("read alice bob")).toBe(chat.conversation("bob").last?.at);
    expect(chat.conversation("bob").unread).toBe(0);
  });
});

test("states follow the other side's marks; changed messages are other objects, the rest stay", async () => {
  const alice = world.open("alice");
  const toBob = alice.conversation("bob");
  await world.pass();
  alice.send("bob", "one");
  await world.pass();
  expect(states(toBob)).toEqual(["one sent"]);
  const bob = world.open("bob");
  await world.pass(1_000);
  expect(states(toBob)).toEqual(["one delivered"]);
  bob.conversation("alice").markRead();
  await world.pass();
  const [one] = toBob.messages;
  expect(one?.state).toBe("read");
  alice.send("bob", "two");
  await world.pass();
  expect(states(toBob)).toEqual(["one read", "two delivered"]);
  expect(toBob.messages[0]).toBe(one);
});

test("typing: sent every 3 s at most, shown for 5 s or until the message", async () => {
  const alice = world.open("alice");
  const bob = world.open("bob");
  await world.pass();
  const toBob = alice.conversation("bob");
  const fromAlice = bob.conversation("alice");
  const sent = () => world.server().sockets.flatMap(({ sent: frames }) => frames.filter(({ type }) => type === "typing")).length;
  toBob.sendTyping();
  toBob.sendTyping();
  await world.pass();
  expect([sent(), fromAlice.typing]).toEqual([1, ["alice"]]);
  await world.pass(3_000);
  toBob.sendTyping();
  await world.pass(4_000);
  expect([sent(), fromAlice.typing]).toEqual([2, ["alice"]]);
  await world.pass(2_000);
  expect(fromAlice.typing).toEqual([]);
  toBob.sendTyping();
  await world.pass(50);
  toBob.send("done");
  await world.pass();
  expect(fromAlice.typing).toEqual([]);
});

test("a message to oneself is there once", async () => {
  const chat = world.open("alice");
  const seen = heard(chat);
  await world.pass();
  world.server().liveDelays = () => [1, 30];
  chat.send("alice", "note");
  await world.pass();
  world.server().socket.push({ type: "normal", ...world.server().conversation("alice", "alice")[0] });
  await world.pass();
  expect([states(chat.conversation("alice")), chat.conversation("alice").unread, seen]).toEqual([["note sent"], 0, []]);
});

describe("with a storage", () => {
  const reopen = (store: MemoryStore, keep = 1000): Chat => world.open("alice", { storage: new MemoryStorage({ store, keep }) });

  test("after a reload: conversations and pages at once, messages told before are not told again", async () => {
    fill(120);
    const store = new MemoryStore();
    const before = reopen(store);
    void before.conversation("bob").loadEarlier();
    await world.pass();
    world.server().post("bob", "alice", "live");
    await world.pass();
    const unread = before.conversation("bob").unread;
    await before.stop();

    world.server().down.add("ws://a/");
    const after = reopen(store);
    const seen = heard(after);
    await world.pass();
    expect(after.conversations.map((each) => [each.with, each.unread, each.last?.payload])).toEqual([["bob", unread, "live"]]);
    const bob = after.conversation("bob");
    expect(await bob.loadEarlier()).toBe(true);
    expect(bob.messages.length).toBe(50);
    expect(await bob.loadEarlier()).toBe(true);
    expect(bob.messages.length).toBe(51);
    const more = bob.loadEarlier(); // not in the storage: waits for the server
    world.server().post("bob", "alice", "while away");
    world.server().down.clear();
    await world.pass(40_000);
    await more;
    expect(texts(bob).slice(-3)).toEqual(["m119", "live", "while away"]);
    expect([bob.messages.length, bob.unread]).toEqual([102, unread + 1]);
    expect(seen).toEqual(["bob: while away (synced)"]);
  });

  test("a mark made offline is told after a reload, also of a conversation beyond the first page; few are told again", async () => {
    world.server().post("bob", "alice", "one");
    const store = new MemoryStore();
    const before = reopen(store);
    await world.pass();
    for (let index = 0; index < 60; index++) world.server().post(`user${index}`, "alice", `m${index}`);
    await world.pass();
    world.server().down.add("ws://a/");
    world.server().socket.lose(1006);
    before.conversation("bob").markRead();
    await world.pass();
    await before.stop();
    world.server().down.clear();
    const after = reopen(store);
    await world.pass();
    expect(world.server().marks.get("read alice bob")).toBe(after.conversation("bob").marks.readAt);
    await after.stop();
    reopen(store);
    await world.pass();
    expect(world.server().socket.sent.filter(({ type }) => type === "read" || type === "received").length).toBeLessThan(15);
  });

  test("a crash between pages of sync repeats rather than skips", async () => {
    const store = new MemoryStore();
    const before = reopen(store);
    await world.pass();
    await before.stop();
    for (let index = 0; index < 500; index++) world.server().post("bob", "alice", `m${index}`);
    let syncs = 0;
    world.server().fault = (_, { type }) => (type === "sync" && ++syncs > 2 ? "cut" : undefined);
    const crashed = reopen(store);
    await world.pass(100);
    await crashed.stop();
    world.server().fault = () => undefined;
    const after = reopen(store);
    const seen = heard(after);
    await world.pass(1_000);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => `bob: m${400 + index} (synced)`));
    void after.conversation("bob").loadEarlier({ limit: 200 });
    await world.pass();
    expect(texts(after.conversation("bob"))).toEqual(Array.from({ length: 200 }, (_, index) => `m${300 + index}`));
  });

  test("the storage keeps the newest; what it cut comes from the server", async () => {
    fill(300);
    const store = new MemoryStore();
    const before = reopen(store, 60);
    for (let page = 0; page < 6; page++) {
      void before.conversation("bob").loadEarlier();
      await world.pass();
    }
    expect([before.conversation("bob").messages.length, before.conversation("bob").hasEarlier]).toEqual([300, false]);
    await before.stop();
    const after = reopen(store, 60);
    for (let page = 0; page < 8; page++) {
      void after.conversation("bob").loadEarlier();
      await world.pass();
    }
    expect(texts(after.conversation("bob"))).toEqual(Array.from({ length: 300 }, (_, index) => `m${index}`));
    expect(after.conversation("bob").hasEarlier).toBe(false);
  });

  test("a storage that has nothing below is not waited for again, until the window is cut", async () => {
    fill(300);
    const asked: (number | undefined)[] = [];
    class Asked extends MemoryStorage {
      override read(...[partner, before, limit]: Parameters<MemoryStorage["read"]>) {
        asked.push(before);
        return super.read(partner, before, limit);
      }
    }
    const chat = world.open("alice", { storage: new Asked() });
    const bob = chat.conversation("bob");
    for (let page = 0; page < 3; page++) {
      void bob.loadEarlier();
      await world.pass();
    }
    expect([bob.messages.length, asked]).toEqual([150, [undefined]]);
    bob.trim(20);
    const histories = () => world.server().socket.sent.filter(({ type }) => type === "history").length;
    const before = histories();
    void bob.loadEarlier({ limit: 100 });
    await world.pass();
    expect([bob.messages.length, asked.length, histories()]).toEqual([120, 2, before]); // of what it has kept
    void bob.loadEarlier();
    await world.pass();
    expect(texts(bob).slice(0, 31)).toEqual(Array.from({ length: 31 }, (_, index) => `m${150 + index}`));
  });

  test("a burst is written in a few transactions; what waits for its ack, and a mark, at once", async () => {
    let writes = 0;
    let outbox = 0;
    let readAt = 0;
    class Counted extends MemoryStorage {
      protected override write(batch: Parameters<MemoryStorage["write"]>[0]) {
        writes++;
        outbox += batch.outbox.size;
        readAt = batch.conversations.get("bob")?.readAt ?? readAt;
        return super.write(batch);
      }
    }
    const chat = world.open("alice", { storage: new Counted() });
    await world.pass();
    writes = 0;
    for (let index = 0; index < 100; index++) {
      world.server().post("bob", "alice", `m${index}`);
      await world.pass(10);
    }
    expect(writes).toBeGreaterThan(5);
    expect(writes).toBeLessThan(15);
    await world.pass(200);
    chat.conversation("bob").markRead();
    await world.pass(0);
    expect(readAt).toBe(chat.conversation("bob").last?.at);
    world.server().post("bob", "alice", "still being gathered");
    await world.pass(10);
    world.server().mute = true;
    chat.send("bob", "mine");
    await world.pass(0);
    expect(outbox).toBe(1);
  });

  test("a storage that fails is told of once, and left", async () => {
    class Full extends MemoryStorage {
      protected override async write(): Promise<never> {
        throw new DOMException("full", "QuotaExceededError");
      }
    }
    const chat = world.open("alice", { storage: new Full() });
    const errors: string[] = [];
    chat.on("error", ({ code, cause }) => errors.push(`${code} ${(cause as Error).name}`));
    chat.send("bob", "hello");
    await world.pass();
    chat.send("bob", "again");
    void chat.conversation("bob").loadEarlier();
    await world.pass();
    expect(states(chat.conversation("bob"))).toEqual(["hello sent", "again sent"]);
    expect(errors).toEqual(["storage_failed QuotaExceededError"]);
  });
});

test("trim lets go of the oldest, counts as before, and loadEarlier brings them back", async () => {
  fill(300);
  const chat = world.open("alice");
  const bob = chat.conversation("bob");
  void bob.loadEarlier({ limit: 200 });
  await world.pass();
  const { unread } = bob;
  bob.trim(20);
  expect(texts(bob)).toEqual(Array.from({ length: 20 }, (_, index) => `m${280 + index}`));
  expect(bob.unread).toBe(unread);
  expect(bob.hasEarlier).toBe(true);
  world.server().post("bob", "alice", "another");
  await world.pass();
  expect(bob.unread).toBe(unread + 1);
  void bob.loadEarlier({ limit: 100 });
  await world.pass();
  expect(texts(bob)).toHaveLength(121);
});

test("trim before the first page keeps what came last", async () => {
  const chat = world.open("alice");
  await world.pass();
  const bob = chat.conversation("bob");
  for (let index = 0; index < 30; index++) world.server().post("bob", "alice", `live${index}`);
  await world.pass();
  bob.trim(10);
  expect(texts(bob)).toEqual(Array.from({ length: 10 }, (_, index) => `live${20 + index}`));
  expect(bob.unread).toBe(30);
});
