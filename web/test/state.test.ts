import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { hueOf, initials, isAddress, isUser } from "../src/text/address.js";
import { hostsOf, linkTo, readLink } from "../src/state/link.js";

class FakeStorage {
  readonly #items = new Map<string, string>();
  isDenied = false;
  get length(): number {
    return this.#items.size;
  }
  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null;
  }
  getItem(key: string): string | null {
    if (this.isDenied) throw new DOMException("denied", "SecurityError");
    return this.#items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    if (this.isDenied) throw new DOMException("denied", "SecurityError");
    this.#items.set(key, value);
  }
  removeItem(key: string): void {
    if (this.isDenied) throw new DOMException("denied", "SecurityError");
    this.#items.delete(key);
  }
}

let storage: FakeStorage;
beforeEach(() => {
  vi.useFakeTimers();
  vi.resetModules();
  storage = new FakeStorage();
  vi.stubGlobal("localStorage", storage);
  vi.stubGlobal("addEventListener", () => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("drafts are kept by user and conversation, a moment after the last key", async () => {
  const { Drafts } = await import("../src/state/drafts.js");
  const drafts = new Drafts("alice");
  drafts.set("bob", "hel");
  drafts.set("bob", "hello");
  drafts.set("carol", "  ");
  expect(drafts.version.value).toBe(1); // a key more is no change to the list
  expect(new Drafts("alice").get("bob")).toBe("");
  vi.advanceTimersByTime(1_000);
  expect(new Drafts("alice").get("bob")).toBe("hello");
  expect(new Drafts("alice").get("carol")).toBe("");
  expect(new Drafts("dave").get("bob")).toBe("");
  drafts.set("bob", "");
  drafts.keep();
  expect(new Drafts("alice").get("bob")).toBe("");
});

test("a tab writes the drafts that were changed in it, and no other", async () => {
  const { Drafts } = await import("../src/state/drafts.js");
  const first = new Drafts("alice");
  first.set("bob", "in the first tab");
  first.set("carol", "to be sent");
  first.keep();
  const second = new Drafts("alice");
  second.set("carol", ""); // sent
  second.set("dave", "in the second tab");
  second.keep();
  first.set("bob", "in the first tab, again");
  first.keep();
  for (const tab of [first, second, new Drafts("alice")]) {
    expect(["bob", "carol", "dave"].map((partner) => tab.get(partner))).toEqual(["in the first tab, again", "", "in the second tab"]);
  }
  second.forget();
  first.keep(); // as when its page is left
  expect(storage.length).toBe(0);
});

test("of a user's drafts the newest are kept, of others' all", async () => {
  const { Drafts } = await import("../src/state/drafts.js");
  const others = new Drafts("alice-2");
  others.set("bob", "older than all");
  others.keep();
  const drafts = new Drafts("alice");
  for (let index = 0; index < 120; index++) {
    vi.advanceTimersByTime(1_000);
    drafts.set(`user${index}`, "draft");
    drafts.keep();
  }
  expect(storage.length).toBe(101);
  expect([19, 20, 119].map((index) => drafts.get(`user${index}`))).toEqual(["", "draft", "draft"]);
  expect(others.get("bob")).toBe("older than all");
});

test("drafts that were kept together are taken over", async () => {
  storage.setItem("simplechat.drafts alice", JSON.stringify([["bob", "hello"], ["carol"], 7]));
  const { Drafts } = await import("../src/state/drafts.js");
  expect(new Drafts("alice").get("bob")).toBe("hello");
  expect([storage.getItem("simplechat.drafts alice"), storage.length]).toEqual([null, 1]);
});

test("drafts live on in memory where the browser denies storage, and survive nonsense in it", async () => {
  storage.setItem("simplechat.drafts alice", "{not json");
  const { Drafts } = await import("../src/state/drafts.js");
  expect(new Drafts("alice").get("bob")).toBe("");
  storage.isDenied = true;
  const drafts = new Drafts("alice");
  drafts.set("bob", "hello");
  drafts.keep();
  expect(drafts.get("bob")).toBe("hello");
  expect(new Drafts("alice").get("bob")).toBe("hello");
});

const at = (search: string, hash = ""): Parameters<typeof readLink>[0] => ({ protocol: "https:", host: "chat.example", search, hash });

test("a link names who chats with whom", () => {
  expect(readLink(at("?me=alice&to=bob"))).toMatchObject({ me: "alice", to: "bob", server: "wss://chat.example/ws", isForeign: false });
  expect(readLink(at("?me=al%20ice&to=%3Cb%3E"))).toMatchObject({ me: "", to: "" });
  expect(readLink(at("?to=%23team"))).toMatchObject({ to: "#team" });
  expect(readLink(at("?ws=ws://other:8082/"))).toMatchObject({ server: "ws://other:8082/", isForeign: true });
  expect(readLink(at("?ws=ws://a/&ws=ws://b/"))).toMatchObject({ server: "ws://a/ ws://b/", isForeign: true });
  expect(readLink(at("?me=a", "#token=x.y.z"))).toMatchObject({ token: "x.y.z" });
  expect(readLink(at("?me=a&token=x"))).toMatchObject({ token: undefined });
});

test.each([
  ["wss://evil.example/ws", ["evil.example"]],
  ["wss://chat.example@evil.example:8443/chat.example", ["evil.example:8443"]],
  ["ws://a/ ws://b/ ws://a/2", ["a", "b"]],
  ["javascript:alert(1)//chat.example", ["javascript:alert(1)//chat.example"]],
  ["chat.example", ["chat.example"]],
])("the server %s is told as %j", (server, expected) => {
  expect(hostsOf(server)).toEqual(expected);
});

test("an address keeps what else it says", () => {
  const where = { pathname: "/client/", search: "?ws=ws%3A%2F%2Fother%2F&to=old" };
  expect(linkTo("alice", "#team", where)).toBe("/client/?ws=ws%3A%2F%2Fother%2F&to=%23team&me=alice");
  expect(linkTo("a+b@c", undefined, { pathname: "/client/", search: "" })).toBe("/client/?me=a%2Bb@c");
  expect(linkTo("", undefined, { pathname: "/client/", search: "?me=a&to=b" })).toBe("/client/");
});

test("ids, and what stands for them", () => {
  expect(["a", "a.b_c-d@e+f", "x".repeat(64)].every(isUser)).toBe(true);
  expect(["", "a b", "#a", "ä", "x".repeat(65)].some(isUser)).toBe(false);
  expect(isAddress("#team")).toBe(true);
  expect(isAddress("#")).toBe(false);
  expect(["jane.doe", "bob", "x", "--"].map(initials)).toEqual(["JD", "BO", "X", "--"]);
  expect(hueOf("bob", 8)).toBe(hueOf("bob", 8));
  expect(Array.from({ length: 100 }, (_, index) => hueOf(`user${index}`, 8)).every((hue) => hue >= 0 && hue < 8)).toBe(true);
});
