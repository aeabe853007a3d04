import { expect, test } from "vitest";
import { idSource } from "../../src/ids.js";

test("ids are UUIDv7 of the time, and ascend also when the clock stands still or steps back", () => {
  let nowMs = Date.UTC(2030, 0, 1);
  const newId = idSource(() => nowMs);
  const first = newId();
  expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(parseInt(first.replace("-", "").slice(0, 12), 16)).toBe(nowMs);
  const ids = [first];
  for (let index = 0; index < 10_000; index++) {
    if (index === 5_000) nowMs -= 60_000;
    ids.push(newId());
  }
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
});
