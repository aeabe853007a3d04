import { expect, test, vi } from "vitest";
import type { StateEvent } from "../../src/index.js";
import { useFakeWorld } from "./harness.js";

const world = useFakeWorld();

function follow(chat: ReturnType<typeof world.open>): string[] {
  const seen: string[] = [];
  chat.on("state", ({ state, error }: StateEvent) => seen.push(error ? `${state} ${error.code}` : state));
  return seen;
}

test("registers with the token of the moment, and the device", async () => {
  let count = 0;
  const chat = world.open("alice", { token: async () => `token ${++count}`, device: "laptop" });
  const seen = follow(chat);
  await world.pass();
  expect(world.server().socket.sent[0]).toEqual({ type: "register", from: "alice", token: "token 1", device: "laptop" });
  world.server().socket.lose(1006);
  await world.pass(1_000);
  expect(world.server().socket.sent[0]).toMatchObject({ token: "token 2" });
  expect(seen).toEqual(["connecting", "online", "waiting disconnected", "connecting", "online"]);
});

test("a token that cannot be had is asked for again", async () => {
  const token = vi.fn<() => Promise<string>>().mockRejectedValueOnce(new Error("no network")).mockResolvedValue("t");
  const chat = world.open("alice", { token });
  await world.pass(1_000);
  expect([chat.state, token.mock.calls.length]).toEqual(["online", 2]);
});

test("pings every 25 s, and leaves a connection whose ping gets no answer for 10 s", async () => {
  const chat = world.open("alice");
  await world.pass();
  const seen = follow(chat);
  const pings = () => world.server().socket.sent.filter(({ type }) => type === "ping").length;
  await world.pass(24_000);
  expect(pings()).toBe(0);
  await world.pass(2_000);
  expect(pings()).toBe(1);
  world.server().mute = true;
  await world.pass(25_000 + 8_000);
  expect(seen).toEqual([]);
  await world.pass(1_500);
  expect(seen[0]).toBe("waiting timeout");
});

test("backoff: full jitter, doubling, 30 s at most, over all URLs in turn", async () => {
  const urls = ["ws://a/", "ws://b/", "ws://c/"];
  for (const url of urls) world.server().down.add(url);
  const times: number[] = [];
  const chat = world.open("alice", { url: urls, random: () => 0.999 });
  chat.on("state", ({ state }) => state === "connecting" && times.push(Date.now()));
  await world.pass(200_000);
  const waits = times.slice(1).map((time, index) => Math.round((time - (times[index] ?? 0)) / 500) * 500);
  expect(waits.slice(0, 8)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  expect(world.server().sockets.slice(0, 4).map(({ url }) => url)).toEqual(["ws://c/", "ws://a/", "ws://b/", "ws://c/"]);
});

test("a gateway that fails just after each registration does not see the attempts start anew", async () => {
  const chat = world.open("alice", { random: () => 0.999 });
  chat.on("state", ({ state }) => state === "online" && setTimeout(() => world.server().socket.lose(1011), 50));
  await world.pass(60_000);
  expect(world.server().sockets.length).toBeLessThan(10);
});

test.each([[4500, "closed closed"], [4503, "closed closed"], [4999, "closed closed"], [4008, "waiting disconnected"], [1001, "waiting disconnected"], [1006, "waiting disconnected"]])(
  "close code %i", async (code, expected) => {
    const chat = world.open("alice");
    await world.pass();
    const seen = follow(chat);
    world.server().socket.lose(code, "why");
    expect(seen).toEqual([expected]);
    await world.pass(60_000);
    expect(chat.state).toBe(expected.startsWith("closed") ? "closed" : "online");
  });

test.each([["unauthorized", "closed"], ["forbidden", "closed"], ["bad_frame", "closed"], ["unavailable", "waiting"], ["internal", "waiting"]])(
  "a registration refused with %s", async (code, state) => {
    world.server().fault = (_, { type }) => (type === "register" ? { code, retryMs: 7_000 } : undefined);
    const chat = world.open("alice");
    const seen = follow(chat);
    await world.pass(6_000);
    expect(seen).toEqual(["connecting", `${state} ${code}`]);
    expect(world.server().sockets).toHaveLength(1); // retryMs counts
    world.server().fault = () => undefined;
    await world.pass(8_000);
    expect(chat.state).toBe(state === "closed" ? "closed" : "online");
    chat.start();
    await world.pass();
    expect(chat.state).toBe("online");
  });

/** A JSON Web Token, unsigned, that expires so many seconds from now by the server's clock. Its base64url has both `-` and `_`. */
function tokenOf(name: string, ttlS: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor((Date.now() + world.server().clockAheadMs) / 1000) + ttlS;
  const token = `${part({ alg: "none" })}.${part({ sub: "alice", name, odd: "\u00fb\u00ff~~~>>>???", exp })}.`;
  expect(token).toMatch(/-.*_|_.*-/);
  return token;
}

const registers = () => world.server().sockets.map(({ sent }) => sent.filter(({ type }) => type === "register").length);

test("a session whose token has expired comes back with a fresh one", async () => {
  let count = 0;
  const chat = world.open("alice", { token: async () => `token ${++count}`, random: () => 0.999 });
  await world.pass();
  const seen = follow(chat);
  world.server().socket.lose(4501, "token expired");
  await world.pass(550);
  expect(seen).toEqual(["waiting disconnected", "connecting", "online"]);
  expect(world.server().socket.sent[0]).toMatchObject({ type: "register", token: "token 2" });
});

test.each([["a fresh one", () => async () => "another"], ["the same, as there is no other", () => "fixed"]])(
  "a session whose token has expired ends if the server takes no other: %s", async (_, token) => {
    const chat = world.open("alice", { token: token() });
    await world.pass();
    const seen = follow(chat);
    world.server().fault = (socket, { type }) => {
      if (type === "register") setTimeout(() => socket.lose(4501, "unauthorized"), 10); // behind the error, as gateways do
      return type === "register" ? { code: "unauthorized" } : undefined;
    };
    world.server().socket.lose(4501, "token expired");
    await world.pass(120_000);
    expect(seen).toEqual(["waiting disconnected", "connecting", "closed unauthorized"]);
    expect(world.server().sockets).toHaveLength(2);
  });

test("a server that lets every token expire at once is asked less and less often", async () => {
  const chat = world.open("alice", { token: async () => "token", random: () => 0.999 });
  chat.on("state", ({ state }) => state === "online" && setTimeout(() => world.server().socket.lose(4501), 50));
  await world.pass(60_000);
  expect(world.server().sockets.length).toBeLessThan(10);
});

test.each([0, -3_600_000, 3_600_000])("a token is renewed on the connection before it expires, by the server's clock (%i ms ahead)", async (ahead) => {
  world.server().clockAheadMs = ahead;
  let count = 0;
  const chat = world.open("alice", { token: async () => tokenOf(`${++count}`, 300) });
  await world.pass();
  const seen = follow(chat);
  await world.pass(235_000);
  expect(registers()).toEqual([1]);
  await world.pass(30_000); // a heartbeat, of the 60 s before the end
  expect(registers()).toEqual([2]);
  expect(world.server().socket.sent.findLast(({ type }) => type === "register")?.["token"]).not.toBe(world.server().socket.sent[0]?.["token"]);
  await world.pass(500_000);
  expect([registers(), seen, count]).toEqual([[4], [], 4]);
});

test("a renewal that fails is tried again, one that is refused is told of, and the session goes on", async () => {
  const token = vi.fn<() => Promise<string>>().mockImplementation(async () => tokenOf(`${Math.random()}`, 100));
  const chat = world.open("alice", { token });
  await world.pass();
  const seen = follow(chat);
  const errors: string[] = [];
  chat.on("error", ({ code }) => errors.push(code));
  token.mockRejectedValueOnce(new Error("no network"));
  world.server().fault = (_, { type }) => (type === "register" ? { code: "unauthorized" } : undefined);
  await world.pass(50_100);
  expect([token.mock.calls.length, registers(), errors]).toEqual([2, [1], []]); // asked in vain
  await world.pass(25_000);
  expect([registers(), errors]).toEqual([[2], ["unauthorized"]]);
  world.server().fault = () => undefined;
  await world.pass(50_000);
  expect([registers()[0]! > 2, seen]).toEqual([true, []]);
});

test.each([["another kind of token", "opaque"], ["one that never expires", "e30.e30."], ["a fixed token", () => tokenOf("fixed", 100)]])(
  "%s is not renewed", async (_, token) => {
    const given = typeof token === "function" ? token() : token;
    world.open("alice", { token: given });
    world.open("alice", { token: async () => given });
    await world.pass(120_000);
    expect(registers()).toEqual([1, 1]);
  });

test("draining: leaves for another gateway within the time given, also if its user looks at the page meanwhile", async () => {
  const page = new EventTarget();
  world.open("alice", { url: ["ws://a/", "ws://b/"], random: () => 0.5, page });
  await world.pass();
  const first = world.server().socket;
  first.push({ type: "draining", afterMs: 10_000 });
  await world.pass(4_000);
  page.dispatchEvent(new Event("visibilitychange"));
  await world.pass(900);
  expect(world.server().sockets).toHaveLength(1);
  await world.pass(200);
  expect(first.isClosed).toBe(true);
  expect(world.server().socket.url).not.toBe(first.url);
  expect(world.server().sessions.size).toBe(1);
});

test("offline costs no attempts; online, or a look at the tab, tries at once or checks the connection", async () => {
  const page = Object.assign(new EventTarget(), { navigator: { onLine: false } });
  world.server().down.add("ws://a/");
  const chat = world.open("alice", { page, random: () => 0.999 });
  await world.pass(100_000);
  expect(world.server().sockets.length).toBeLessThanOrEqual(4);
  page.navigator.onLine = true;
  world.server().down.clear();
  const tried = world.server().sockets.length;
  page.dispatchEvent(new Event("online"));
  await world.pass(100);
  expect([chat.state, world.server().sockets.length]).toEqual(["online", tried + 1]);

  world.server().mute = true; // dead without a word
  const seen = follow(chat);
  page.dispatchEvent(new Event("visibilitychange"));
  await world.pass(10_100);
  world.server().mute = false;
  expect(seen[0]).toBe("waiting timeout");
  await world.pass(40_000);
  expect(chat.state).toBe("online");
  await chat.stop();
  page.dispatchEvent(new Event("online"));
  await world.pass(1_000);
  expect(chat.state).toBe("closed");
});

test("offline: a connection that the network took with it is noticed by a ping at once", async () => {
  const page = new EventTarget();
  const chat = world.open("alice", { page });
  await world.pass();
  const pings = () => world.server().socket.sent.filter(({ type }) => type === "ping").length;
  page.dispatchEvent(new Event("offline"));
  await world.pass();
  expect([pings(), chat.state]).toEqual([1, "online"]); // it may be a mistake of the browser's
  world.server().mute = true;
  page.dispatchEvent(new Event("offline"));
  await world.pass(10_100);
  expect(chat.state).not.toBe("online");
});

test("stops with its signal; a URL that cannot be one closes it", async () => {
  const abort = new AbortController();
  const chat = world.open("alice", { signal: abort.signal });
  await world.pass();
  abort.abort();
  await world.pass();
  expect([chat.state, world.server().sessions.size]).toEqual(["closed", 0]);
  const bad = world.open("alice", { webSocket: class { constructor() { throw new SyntaxError("bad URL"); } } as never });
  const seen = follow(bad);
  await world.pass();
  expect(seen).toEqual(["connecting", "closed closed"]);
});

test("a listener that throws disturbs nobody", async () => {
  const uncaught = vi.fn();
  process.prependOnceListener("uncaughtException", uncaught);
  const chat = world.open("alice");
  chat.on("state", () => {
    throw new Error("mine");
  });
  const off = chat.on("state", () => {});
  off();
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", uncaught);
  await world.pass();
  expect(chat.state).toBe("online");
  expect(uncaught).toHaveBeenCalled();
});
