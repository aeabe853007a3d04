// Random schedules: two users, one of them on two devices, talk while frames get lost, doubled and late, connections break, messages are
// refused, commits are out of order, and pages are reloaded. At the end everybody has every message once, in the store's order.

import { expect, test } from "vitest";
import { Chat, type Message } from "../../src/index.js";
import { MemoryStorage, MemoryStore } from "../../src/memory.js";
import { seeded } from "./fake_server.js";
import { useFakeWorld } from "./harness.js";

const world = useFakeWorld();
const SEEDS = Number(process.env["SEEDS"] ?? 40);
const FIRST_SEED = Number(process.env["FIRST_SEED"] ?? 1);
const STEPS = 120;

interface Device {
  readonly user: string;
  readonly partner: string;
  readonly store: MemoryStore | undefined;
  readonly keep: number;
  chat: Chat;
  /** Keys that `message` events told of, in all lives of the device. */
  readonly told: Set<string>;
  readonly toldTwice: string[];
}

function makeFaults(random: () => number): void {
  const server = world.server();
  server.commitMs = () => (random() < 0.3 ? random() * 400 : 0);
  server.liveDelays = () => {
    if (random() < 0.1) return [];
    return Array.from({ length: random() < 0.15 ? 2 : 1 }, () => 1 + random() * 200);
  };
  server.fault = (_, { type }) => {
    if (type === "ping" || random() > 0.12) return undefined;
    if (random() < 0.3) return "cut";
    if (random() < 0.4) return "cutAfter";
    if (type === "register") return undefined;
    return { code: random() < 0.7 ? "unavailable" : "rate_limited", retryMs: random() * 500 };
  };
}

function makeDevice(user: string, partner: string, store?: MemoryStore, keep = 1000): Device {
  const device: Device = { user, partner, store, keep, told: new Set(), toldTwice: [], chat: undefined as never };
  open(device);
  return device;
}

function open(device: Device): void {
  const { user, partner, store, keep, told, toldTwice } = device;
  const toldNow = new Set<string>();
  device.chat = world.open(user, { heartbeatMs: 5_000, ...(store ? { storage: new MemoryStorage({ store, keep }) } : {}) });
  device.chat.on("message", ({ message: { key }, live }) => {
    if ((live ? toldNow : told).has(key)) toldTwice.push(key); // live delivery may repeat itself to a new page
    told.add(key);
    toldNow.add(key);
  });
  void device.chat.conversation(partner).loadEarlier().catch(() => {});
}

async function loadAll({ chat, partner }: Device): Promise<readonly Message[]> {
  const conversation = chat.conversation(partner);
  for (let page = 0; conversation.hasEarlier && page < 30; page++) {
    void conversation.loadEarlier({ limit: 20 });
    await world.pass(200);
  }
  return conversation.messages;
}

test.each(Array.from({ length: SEEDS }, (_, index) => FIRST_SEED + index))("seed %i", async (seed) => {
  const random = seeded(seed);
  makeFaults(random);
  const devices = [makeDevice("alice", "bob"), makeDevice("alice", "bob", new MemoryStore()), makeDevice("bob", "alice", new MemoryStore(), 60)];
  const written = new Map<string, string[]>(devices.map((_, index) => [String(index), []]));
  for (let step = 0; step < STEPS; step++) {
    const index = Math.floor(random() * devices.length);
    const device = devices[index] as Device;
    const dice = random();
    if (dice < 0.7) written.get(String(index))?.push(device.chat.send(device.partner, `${index}/${step}`).key);
    else if (dice < 0.75) device.chat.conversation(device.partner).markRead();
    else if (dice < 0.8) void device.chat.conversation(device.partner).loadEarlier({ limit: 20 }).catch(() => {});
    else if (dice < 0.84) for (const session of [...world.server().sessions]) session.lose(1006);
    else if (dice < 0.88 && device.store) {
      await device.chat.stop(); // a reload
      open(device);
    }
    await world.pass(random() * 150);
  }
  world.server().fault = () => undefined;
  world.server().commitMs = () => 0;
  await world.pass(90_000);
  const stored = world.server().conversation("alice", "bob");
  const expected = stored.map(({ from, id, at }) => `${from} ${id} ${at}`);
  for (const [index, keys] of written) {
    expect(stored.map(({ from, id }) => `${from} ${id}`).filter((key) => keys.includes(key)), `order of writing of device ${index}`).toEqual(keys);
  }
  for (const device of devices) {
    const messages = await loadAll(device);
    expect(messages.map(({ key, at }) => `${key} ${at}`)).toEqual(expected);
    expect(messages.filter(({ state }) => state === "pending" || state === "failed")).toEqual([]);
    if (device.keep > STEPS) expect(device.toldTwice).toEqual([]);
    const { readAt } = device.chat.conversation(device.partner).marks;
    expect(device.chat.conversation(device.partner).unread).toBe(stored.filter(({ from, at }) => from !== device.user && at > readAt).length);
  }
});
