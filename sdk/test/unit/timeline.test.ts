import { expect, test } from "vitest";
import type { Message, MessageState } from "../../src/index.js";
import { Timeline } from "../../src/timeline.js";
import { seeded } from "./fake_server.js";

function message(id: string, at: number, state: MessageState = "sent", from = "bob"): Message {
  return { id, from, to: "alice", payload: id, at, key: `${from} ${id}`, state };
}

const ids = (timeline: Timeline): string[] => timeline.items.map(({ id }) => id);

test("order is by at, then from, then id; unsettled ones come last, as they were written", () => {
  const timeline = new Timeline();
  timeline.hold(message("p1", 5, "pending"));
  timeline.hold(message("p2", 4, "pending"));
  for (const [id, at, from] of [["c", 3, "bob"], ["a", 9, "bob"], ["b", 9, "adam"], ["d", 3, "bob"], ["e", 1, "bob"]] as const) {
    timeline.put(message(id, at, "sent", from));
  }
  expect(ids(timeline)).toEqual(["e", "c", "d", "b", "a", "p1", "p2"]);
});

test("a message that gets another at moves; a pending one settles; a swapped one stays", () => {
  const timeline = new Timeline();
  timeline.put(message("a", 1));
  timeline.put(message("b", 2));
  timeline.hold(message("p", 9, "pending"));
  timeline.put(message("a", 3));
  expect(ids(timeline)).toEqual(["b", "a", "p"]);
  timeline.hold(message("p", 9, "failed"));
  timeline.hold(message("q", 9, "pending"));
  expect(timeline.items.map(({ state }) => state)).toEqual(["sent", "sent", "failed", "pending"]);
  timeline.put(message("q", 2));
  expect(ids(timeline)).toEqual(["b", "q", "a", "p"]);
  timeline.remove("bob q");
  timeline.remove("bob unknown");
  timeline.cut(3);
  expect(ids(timeline)).toEqual(["a", "p"]);
  expect([...timeline.since(2)].map(({ id }) => id)).toEqual(["a"]);
});

test("random puts and removes agree with a sort", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = seeded(seed);
    const timeline = new Timeline();
    const model = new Map<string, Message>();
    for (let step = 0; step < 400; step++) {
      const next = message(`m${Math.floor(random() * 80)}`, Math.floor(random() * 60), "sent", random() < 0.5 ? "bob" : "al");
      if (random() < 0.2) {
        timeline.remove(next.key);
        model.delete(next.key);
      } else {
        timeline.put(next);
        model.set(next.key, next);
      }
    }
    const expected = [...model.values()].sort((a, b) => a.at - b.at || (a.from < b.from ? -1 : a.from > b.from ? 1 : a.id < b.id ? -1 : 1));
    expect(timeline.items).toEqual(expected);
  }
});

test("100 000 messages: live ones at the end, then pages at the start", { timeout: 60_000 }, () => {
  const timeline = new Timeline();
  const start = process.cpuUsage();
  for (let index = 0; index < 100_000; index++) timeline.put(message(`m${index}`, 1e9 + index * 10 - (index % 7) * 25));
  for (let page = 1; page <= 100; page++) for (let index = 0; index < 50; index++) timeline.put(message(`h${page}-${index}`, 1e9 - page * 100 + index - 300));
  const { user } = process.cpuUsage(start);
  expect(timeline.items.length).toBe(105_000);
  // A sort for each message would take hours, a copy of the array minutes.
  expect(user / 1e6, "seconds of CPU").toBeLessThan(10);
});
