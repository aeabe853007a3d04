import { describe, expect, test } from "vitest";
import { ChatError, type Message } from "../../src/index.js";
import { MemoryStorage, MemoryStore } from "../../src/memory.js";
import { states, texts, useFakeWorld } from "./harness.js";

const world = useFakeWorld();
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => "none", (error: unknown) => (error instanceof ChatError ? error.code : String(error)));
const normals = () => world.server().sockets.flatMap(({ sent }) => sent.filter(({ type }) => type === "normal"));

test("a message has its id at once, is pending, then sent; the promise tells", async () => {
  const chat = world.open("alice");
  const sent = chat.send("bob", "hello");
  const bob = chat.conversation("bob");
  expect(sent).toMatchObject({ from: "alice", to: "bob", payload: "hello", state: "pending", key: `alice ${sent.id}` });
  expect(bob.messages).toEqual([sent]);
  const settled = chat.settled(sent.id);
  await world.pass();
  await settled;
  expect(states(bob)).toEqual(["hello sent"]);
  expect(bob.messages[0]).not.toBe(sent);
  expect(world.server().conversation("alice", "bob")).toHaveLength(1);
  await chat.settled(sent.id);
});

test("a lost ack: the same id is sent again after the reconnect, and stored once", async () => {
  const chat = world.open("alice");
  await world.pass();
  world.server().fault = (_, { type }) => (type === "normal" && normals().length === 1 ? "cutAfter" : undefined);
  const { id } = chat.send("bob", "once");
  await world.pass(5_000);
  expect(normals().map((frame) => frame["id"])).toEqual([id, id]);
  expect(states(chat.conversation("bob"))).toEqual(["once sent"]);
  expect(world.server().store).toHaveLength(1);
  await world.pass(60_000); // the at of the ack was the repeat's: sync brings the store's
  expect(chat.conversation("bob").messages[0]?.at).toBe(world.server().store[0]?.at);
});

test("a message without any answer is repeated on a living connection", async () => {
  const chat = world.open("alice");
  await world.pass();
  world.server().fault = (_, { type }) => (type === "normal" && normals().length === 1 ? "lost" : undefined);
  const { id } = chat.send("bob", "hm");
  await world.pass(60_000);
  expect(normals().map((frame) => frame["id"])).toEqual([id, id]);
  expect(world.server().sockets).toHaveLength(1);
});

test.each(["unavailable", "rate_limited", "internal"])("%s: again after retryMs, and nothing overtakes it", async (code) => {
  const chat = world.open("alice");
  await world.pass();
  let refusals = 3;
  world.server().fault = (_, { type }) => (type === "normal" && refusals-- > 0 ? { code, retryMs: 2_000 } : undefined);
  for (const text of ["one", "two", "three"]) chat.send("bob", text);
  await world.pass(1_900);
  expect(normals()).toHaveLength(1);
  await world.pass(30_000);
  expect(world.server().conversation("alice", "bob").map(({ payload }) => payload)).toEqual(["one", "two", "three"]);
  expect(states(chat.conversation("bob"))).toEqual(["one sent", "two sent", "three sent"]);
});

test("of one conversation one message is on the wire, of all together 64", async () => {
  const chat = world.open("alice");
  await world.pass();
  world.server().fault = (_, { type }) => (type === "normal" ? "lost" : undefined);
  for (let index = 0; index < 100; index++) for (const text of ["a", "b"]) chat.send(`user${index}`, text);
  await world.pass(1_000);
  expect(normals()).toHaveLength(64);
  expect(new Set(normals().map(({ to }) => to)).size).toBe(64);
  world.server().fault = () => undefined;
  await world.pass(70_000);
  expect(world.server().store).toHaveLength(200);
});

test("a refused message fails with its code, in its place; retry sends it behind the others, discard drops it", async () => {
  const chat = world.open("alice");
  const errors: string[] = [];
  chat.on("error", ({ code }) => errors.push(code));
  await world.pass();
  world.server().fault = (_, { payload }) => (payload === "bad" ? { code: "forbidden", message: "not that word" } : undefined);
  const bad = chat.send("bob", "bad");
  const settled = codeOf(chat.settled(bad.id));
  chat.send("bob", "good");
  await world.pass();
  const bob = chat.conversation("bob");
  expect(states(bob)).toEqual(["good sent", "bad failed"]);
  expect(bob.messages[1]?.error).toBe("forbidden");
  expect(bob.messages[1]?.reason).toBe("not that word");
  expect([await settled, await codeOf(chat.settled(bad.id)), errors]).toEqual(["forbidden", "forbidden", ["forbidden"]]);
  world.server().fault = () => undefined;
  chat.retry(bad.id);
  expect(states(bob)).toEqual(["good sent", "bad pending"]);
  await world.pass();
  expect(states(bob)).toEqual(["good sent", "bad sent"]);

  world.server().mute = true;
  const never = chat.send("bob", "never");
  const discarded = codeOf(chat.settled(never.id));
  chat.discard(never.id);
  expect([texts(bob), await discarded]).toEqual([["good", "bad"], "discarded"]);
});

test("what is too much is refused at once", async () => {
  const chat = world.open("alice", { outboxMax: 2, url: "ws://down/" });
  world.server().down.add("ws://down/");
  const code = (write: () => Message): string => {
    try {
      return write().state;
    } catch (error) {
      return (error as ChatError).code;
    }
  };
  expect(code(() => chat.send("bob", "é".repeat(32_769)))).toBe("too_large");
  expect(code(() => chat.send("bob", "é".repeat(32_768)))).toBe("pending");
  expect(chat.send("bob", "a\ud800b").payload).toBe("a\ufffdb");
  expect(code(() => chat.send("bob", "three"))).toBe("outbox_full");
});

test("waiting ends with the signal, or with the chat", async () => {
  world.server().down.add("ws://a/");
  const chat = world.open("alice");
  const { id } = chat.send("bob", "hello");
  const abort = new AbortController();
  const aborted = codeOf(chat.settled(id, { signal: abort.signal }));
  const closed = codeOf(chat.settled(id));
  const loading = codeOf(chat.conversation("bob").loadEarlier());
  abort.abort();
  await world.pass(10);
  expect(await aborted).toBe("aborted");
  await chat.stop();
  expect([await closed, await loading]).toEqual(["closed", "closed"]);
  world.server().down.clear();
  chat.start();
  const again = chat.settled(id);
  await world.pass();
  await again;
  expect(states(chat.conversation("bob"))).toEqual(["hello sent"]);
});

describe("with a storage", () => {
  test("what was not acked survives a reload, in order, before what is written then", async () => {
    const store = new MemoryStore();
    world.server().down.add("ws://a/");
    const before = world.open("alice", { storage: new MemoryStorage({ store }) });
    const ids = ["one", "two"].map((text) => before.send("bob", text).id);
    await before.stop();
    world.server().down.clear();
    const after = world.open("alice", { storage: new MemoryStorage({ store }) });
    after.send("bob", "three");
    await world.pass(10);
    expect(states(after.conversation("bob"))).toEqual(["one pending", "two pending", "three pending"]);
    expect(after.conversation("bob").messages.slice(0, 2).map(({ id }) => id)).toEqual(ids);
    await world.pass();
    expect(world.server().conversation("alice", "bob").map(({ payload }) => payload)).toEqual(["one", "two", "three"]);
    await after.stop();
    const state = await new MemoryStorage({ store }).open("ws://a/", "alice");
    expect(state.outbox).toEqual([]);
  });

  test("a failed message survives, too", async () => {
    const store = new MemoryStore();
    world.server().fault = (_, { type }) => (type === "normal" ? { code: "forbidden" } : undefined);
    const before = world.open("alice", { storage: new MemoryStorage({ store }) });
    const { id } = before.send("bob", "bad");
    await world.pass();
    await before.stop();
    world.server().fault = () => undefined;
    const after = world.open("alice", { storage: new MemoryStorage({ store }) });
    await world.pass();
    expect(states(after.conversation("bob"))).toEqual(["bad failed"]);
    after.retry(id);
    await world.pass();
    expect(states(after.conversation("bob"))).toEqual(["bad sent"]);
  });

  test("two tabs that found the same message send it once", async () => {
    const store = new MemoryStore();
    world.server().down.add("ws://a/");
    const first = world.open("alice", { storage: new MemoryStorage({ store }) });
    first.send("bob", "one");
    await world.pass(20);
    const second = world.open("alice", { storage: new MemoryStorage({ store }) });
    await world.pass(20);
    expect(states(second.conversation("bob"))).toEqual(["one pending"]);
    world.server().down.clear();
    for (const chat of [first, second]) void chat.conversation("bob").loadEarlier(); // where the tab that did not send it has it from
    await world.pass(60_000);
    for (const chat of [first, second]) expect(states(chat.conversation("bob"))).toEqual(["one sent"]);
    expect(world.server().store).toHaveLength(1);
  });

  test("what a tab wrote and was closed before it could send, another open tab sends; what was refused it leaves alone", async () => {
    const store = new MemoryStore();
    const open = world.open("alice", { storage: new MemoryStorage({ store }) });
    await world.pass();
    const closing = world.open("alice", { storage: new MemoryStorage({ store }) });
    await world.pass();
    world.server().fault = (_, { payload }) => (payload === "refused" ? { code: "forbidden" } : "lost");
    for (const text of ["refused", "one", "two"]) closing.send("bob", text);
    await world.pass();
    await closing.stop();
    world.server().fault = () => undefined;
    expect(texts(open.conversation("bob"))).toEqual([]);
    await world.pass(35_000);
    expect(states(open.conversation("bob"))).toEqual(["one sent", "two sent"]);
    expect(world.server().conversation("alice", "bob").map(({ payload }) => payload)).toEqual(["one", "two"]);
    const next = world.open("alice", { storage: new MemoryStorage({ store }) });
    await world.pass();
    expect(states(next.conversation("bob")).filter((state) => !state.endsWith(" sent"))).toEqual(["refused failed"]);
    expect(world.server().socket.sent.map(({ type }) => type)).not.toContain("normal"); // nothing else had waited
  });

  test("what another tab has adopted it drops when its writer takes it back, also if that was just before it could be sent", async () => {
    const store = new MemoryStore();
    world.server().down.add("ws://a/");
    const writer = world.open("alice", { storage: new MemoryStorage({ store }) });
    const adopting = world.open("alice", { storage: new MemoryStorage({ store }) });
    await world.pass();
    const [first, second] = ["first", "second"].map((text) => writer.send("bob", text).id) as [string, string];
    await world.pass(31_000);
    expect(states(adopting.conversation("bob"))).toEqual(["first pending", "second pending"]);
    writer.discard(first);
    await world.pass(16_000);
    expect(states(adopting.conversation("bob"))).toEqual(["second pending"]);
    adopting.on("state", ({ state }) => state === "connecting" && writer.discard(second));
    world.server().down.clear();
    await world.pass(90_000);
    expect(adopting.state).toBe("online");
    for (const chat of [writer, adopting]) expect(texts(chat.conversation("bob"))).toEqual([]);
    expect(world.server().store).toEqual([]);
    await Promise.all([writer.stop(), adopting.stop()]);
    expect((await new MemoryStorage({ store }).open("ws://a/", "alice")).outbox).toEqual([]);
  });

  test("what another tab has sent meanwhile is not sent again", async () => {
    const store = new MemoryStore();
    const frozen = world.open("alice", { server: "s", storage: new MemoryStorage({ store }) });
    const open = world.open("alice", { server: "s", url: "ws://b/", storage: new MemoryStorage({ store }) });
    await world.pass();
    world.server().down.add("ws://a/");
    for (const session of [...world.server().sessions]) if (session.url === "ws://a/") session.lose(1006);
    const { id } = frozen.send("bob", "hello");
    const settled = frozen.settled(id);
    await world.pass(46_000);
    expect(states(open.conversation("bob"))).toEqual(["hello sent"]);
    await settled;
    world.server().down.clear();
    await world.pass(60_000);
    expect(states(frozen.conversation("bob"))).toEqual(["hello sent"]);
    const ofFrozen = world.server().sockets.filter(({ url }) => url === "ws://a/");
    expect(ofFrozen.flatMap(({ sent }) => sent).filter(({ type }) => type === "normal")).toEqual([]);
  });

  test("what another tab heard of is no ack", async () => {
    const store = new MemoryStore();
    const first = world.open("alice", { storage: new MemoryStorage({ store }) });
    const second = world.open("alice", { storage: new MemoryStorage({ store }) });
    await world.pass();
    void second.conversation("bob").loadEarlier();
    world.server().post("bob", "alice", "hi");
    await world.pass();
    world.server().fault = (_, { type }) => (type === "normal" ? "lost" : undefined);
    const { id } = first.send("bob", "delivered, but not stored");
    for (const session of world.server().sessions) session.push({ type: "normal", id, from: "alice", to: "bob", payload: "delivered, but not stored", at: world.server().clock() });
    await world.pass();
    expect(states(second.conversation("bob"))).toEqual(["hi sent", "delivered, but not stored sent"]);
    void first.conversation("bob").loadEarlier();
    await world.pass();
    expect(states(first.conversation("bob"))).toEqual(["hi sent", "delivered, but not stored pending"]);
    world.server().fault = () => undefined;
    await world.pass(60_000);
    expect(world.server().store.map((message) => message.id)).toEqual(["hi", id]);
  });
});
