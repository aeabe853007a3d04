// The library against real gateways that are killed and restarted while people talk. See run.py.

import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import type { Chat, Message } from "../../src/index.js";
import { IndexedDbStorage } from "../../src/indexeddb.js";
import { eventually, newUsers, sleep, URLS, useChats } from "./harness.js";

const CONTROL_URL = process.env["CONTROL_URL"] ?? "";
const FAULTS = Number(process.env["FAULTS"] ?? 6);

const open = useChats();

async function control(action: "kill" | "stop" | "start", index: number): Promise<void> {
  const response = await fetch(`${CONTROL_URL}/${action}/${index}`, { method: "POST" });
  if (!response.ok) throw new Error(`${action} ${index}: ${response.status}`);
}

/** What the history has of a conversation, as a new client sees it. */
async function history(user: string, partner: string): Promise<readonly Message[]> {
  const chat = open(user);
  const conversation = chat.conversation(partner);
  while (await conversation.loadEarlier({ limit: 200 }));
  return conversation.messages;
}

const lines = (messages: readonly Message[]): string[] => messages.map(({ at, from, id, payload }) => `${at} ${from} ${id} ${payload}`);

test("two people meet: messages, states, unread, typing", async () => {
  const [alice, bob] = newUsers("alice", "bob") as [string, string];
  const hers = open(alice);
  const his = open(bob);
  await eventually("both are online", () => hers.state === "online" && his.state === "online");
  const sent = hers.conversation(bob).send("hello 👋\n<b>");
  await hers.settled(sent.id);
  await eventually("bob has it", () => his.conversation(alice).messages[0]?.payload === "hello 👋\n<b>");
  expect(his.conversation(alice).unread).toBe(1);
  await eventually("alice sees that", () => hers.conversation(bob).messages[0]?.state === "delivered");
  his.conversation(alice).markRead();
  await eventually("alice sees that it is read", () => hers.conversation(bob).messages[0]?.state === "read");
  hers.conversation(bob).sendTyping();
  await eventually("bob sees her typing", () => his.conversation(alice).typing[0] === alice);
  const failed = hers.send("no such group".replaceAll(" ", "\u00e9"), "?");
  await expect(hers.settled(failed.id)).rejects.toMatchObject({ code: "bad_frame" });
});

test("a new client does not walk what is in the store already", async () => {
  const [alice, bob] = newUsers("alice", "bob") as [string, string];
  const hers = open(alice);
  const texts = Array.from({ length: 230 }, (_, index) => `message ${index}`);
  await Promise.all(texts.map((text) => hers.settled(hers.send(bob, text).id)));
  await eventually("the store has all", () => hers.conversation(bob).messages.every(({ state }) => state === "sent"));
  let stored: readonly Message[] = [];
  for (const endMs = Date.now() + 10_000; stored.length < texts.length && Date.now() < endMs;) stored = await history(bob, alice);
  expect(stored.map(({ payload }) => payload)).toEqual(texts);
  expect(lines(stored)).toEqual(lines(hers.conversation(bob).messages));
  let synced = 0;
  const his = open(bob);
  his.on("message", () => synced++);
  await new Promise<void>((resolve) => void his.on("synced", () => resolve()));
  expect(his.conversations.map((each) => [each.with, each.unread, each.last?.payload])).toEqual([[alice, 230, "message 229"]]);
  console.log(`messages synced by a new client: ${synced} of 230`); // 0 of servers that know \`latest\`
});

test("gateways are killed and restarted: every message of both sides once, in order", async () => {
  const [alice, bob] = newUsers("alice", "bob") as [string, string];
  const hers = open(alice);
  const herPhone = open(alice);
  let his = open(bob, { storage: new IndexedDbStorage() });
  const written = new Map<string, string[]>();
  const send = (chat: Chat, name: string, to: string, number: number): void => {
    const keys = written.get(name) ?? [];
    keys.push(chat.send(to, `${name} ${number}`).key);
    written.set(name, keys);
  };
  let talking = true;
  const talk = async (): Promise<void> => {
    for (let number = 0; talking; number++) {
      send(hers, "hers", bob, number);
      if (number % 3 === 0) send(herPhone, "herPhone", bob, number);
      send(his, "his", alice, number);
      if (number % 20 === 10) his.conversation(alice).markRead();
      await sleep(20 + (number % 5) * 15);
    }
  };
  const talked = talk();
  for (let fault = 0; fault < FAULTS; fault++) {
    await sleep(1_000);
    const index = fault % URLS.length;
    await control(fault % 3 === 2 ? "stop" : "kill", index);
    await sleep(fault % 2 ? 1_500 : 200);
    await control("start", index);
    if (fault === 2) { // a reload in the midst of it
      const reloaded = his;
      his = open(bob, { storage: new IndexedDbStorage() });
      await reloaded.stop();
    }
  }
  await sleep(1_000);
  talking = false;
  await talked;
  const count = [...written.values()].flat().length;
  const sides = [hers.conversation(bob), herPhone.conversation(bob), his.conversation(alice)];
  for (const side of sides) while (await side.loadEarlier({ limit: 200 }));
  const settled = (): boolean => sides.every(({ messages }) => messages.every(({ state }) => state !== "pending"));
  await eventually("everything is acked", settled);
  await eventually("everybody has everything", () => sides.every(({ messages }) => messages.length === count));
  const same = (): boolean => new Set(sides.map(({ messages }) => lines(messages).join("\n"))).size === 1;
  await eventually("everybody sees the same order", same);
  const stored = lines(await history(bob, alice));
  for (const side of sides) expect(lines(side.messages)).toEqual(stored);
  for (const [name, keys] of written) {
    expect(sides[0]?.messages.map(({ key }) => key).filter((key) => keys.includes(key)), `the order in which ${name} wrote`).toEqual(keys);
  }
  console.log(`${count} messages, ${FAULTS} faults`);
});
