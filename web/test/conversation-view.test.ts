import { beforeEach, expect, test, vi } from "vitest";
import { Conversation, type ConversationHost } from "../../sdk/src/conversation.js";
import { ChatError } from "../../sdk/src/errors.js";
import { ConversationView } from "../src/state/conversation-view.js";

const ME = "alice";
const PARTNER = "bob";

/** Holds `count` messages of the partner, and gives a page when the test says so. */
class SlowHost implements ConversationHost {
  readonly user = ME;
  readonly #count: number;
  readonly #pages: (() => void)[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  loadEarlier(conversation: Conversation, { limit = 50 }: { limit?: number }): Promise<boolean> {
    const end = conversation.floor < Infinity ? conversation.floor - 1 : this.#count;
    const from = Math.max(0, end - limit);
    return new Promise((resolve) => this.#pages.push(() => {
      conversation.extend({ more: from > 0, messages: Array.from({ length: end - from }, (_, index) => this.message(from + index + 1)) });
      conversation.changed();
      resolve(from > 0);
    }));
  }

  /** Lets every page come, until nothing more is asked for. */
  async answer(): Promise<void> {
    do {
      for (const page of this.#pages.splice(0)) page();
      await new Promise((resolve) => setTimeout(resolve)); // after all that follows from it at once
    } while (this.#pages.length > 0);
  }

  message(at: number): { id: string; from: string; to: string; payload: string; at: number } {
    return { id: `m${at}`, from: PARTNER, to: ME, payload: `message ${at}`, at };
  }

  send(): never {
    throw new Error("nothing is sent here");
  }
  sendTyping(): void {}
  accepted(): void {}
  touch(): void {}
}

function open(count: number, unread: number): { host: SlowHost; view: ConversationView } {
  const host = new SlowHost(count);
  const conversation = new Conversation(host, PARTNER);
  conversation.summarise({ with: PARTNER, unread, last: host.message(count), readAt: count - unread });
  return { host, view: new ConversationView(conversation, ME, () => true) };
}

beforeEach(() => {
  vi.stubGlobal("requestAnimationFrame", () => 0);
  vi.stubGlobal("cancelAnimationFrame", () => {});
});

test("a view opens with every unread message, and some that were read", async () => {
  const { host, view } = open(900, 640);
  const settled = view.settle();
  await host.answer();
  await settled;
  expect(view.isSettled.value).toBe(true);
  expect(view.firstNew.value).toBe(`${PARTNER} m261`);
  expect(view.messages.value[0]?.at).toBe(241);
});

test("a page that the reader's scrolling asked for does not hide where the unread ones begin", async () => {
  const { host, view } = open(120, 120);
  await host.answer(); // the first page
  void view.loadEarlier(10); // on its way while the view settles
  const settled = view.settle();
  await host.answer();
  await settled;
  expect(view.firstNew.value).toBe(`${PARTNER} m1`);
});

test("messages that become unread meanwhile count", async () => {
  const { host, view } = open(60, 60);
  const settled = view.settle();
  for (let at = 61; at <= 100; at++) view.conversation.put(host.message(at));
  await host.answer();
  await settled;
  expect(view.firstNew.value).toBe(`${PARTNER} m1`);
});

test("Clear hides nothing that comes later, also if what waits was written by a clock that is ahead", async () => {
  const { host, view } = open(3, 0);
  await host.answer();
  view.conversation.hold({ id: "x", from: ME, to: PARTNER, payload: "waits", at: 1_000_000 });
  view.clear();
  const shown = (): string[] => view.messages.value.map(({ payload }) => payload);
  expect(shown()).toEqual(["waits"]);
  view.conversation.put(host.message(4));
  view.refresh();
  expect(shown()).toEqual(["message 4", "waits"]);
});

test("what a closed view had not shown stays unread", async () => {
  const { host, view } = open(60, 5);
  const settled = view.settle();
  await host.answer();
  await settled;
  view.close();
  view.placed();
  view.reached(true);
  expect(view.conversation.unread).toBe(5);
});

test("a first page that did not come, as the chat had ended, is asked for again when it goes on", async () => {
  const host = new SlowHost(3);
  vi.spyOn(host, "loadEarlier").mockRejectedValueOnce(new ChatError("closed"));
  const view = new ConversationView(new Conversation(host, PARTNER), ME, () => true);
  await host.answer();
  expect(view.loaded.value).toBe(false);
  view.load();
  view.load(); // it is on its way
  await host.answer();
  expect([view.loaded.value, view.messages.value.length]).toEqual([true, 3]);
});

test("a view that is closed asks for nothing more", async () => {
  const { host, view } = open(900, 640);
  const settled = view.settle();
  view.close();
  await host.answer();
  await settled;
  expect(view.conversation.messages.length).toBeLessThanOrEqual(200);
});
