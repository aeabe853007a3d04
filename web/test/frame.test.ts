import { afterEach, beforeEach, expect, test, vi } from "vitest";

const GAP_MS = 100;
const HIDDEN_MS = 120;
let frames = new Map<number, () => void>();
let perFrame: typeof import("../src/state/frame.js").perFrame;

/** The browser paints. */
function paint(): void {
  const due = [...frames.values()];
  frames.clear();
  for (const frame of due) frame();
}

beforeEach(async () => {
  vi.useFakeTimers();
  frames = new Map();
  let last = 0;
  vi.stubGlobal("requestAnimationFrame", (run: () => void) => (frames.set(++last, run), last));
  vi.stubGlobal("cancelAnimationFrame", (id: number) => frames.delete(id));
  vi.resetModules(); // nothing has run yet
  ({ perFrame } = await import("../src/state/frame.js"));
});
afterEach(() => vi.useRealTimers());

test("calls until the next paint are one run, before it", () => {
  const run = vi.fn();
  const soon = perFrame(run);
  soon();
  soon();
  expect(run).not.toHaveBeenCalled();
  paint();
  expect(run).toHaveBeenCalledTimes(1);
});

test("calls that go on share a frame with each other and with everything else", () => {
  const [one, other] = [vi.fn(), vi.fn()];
  const [soonOne, soonOther] = [perFrame(one), perFrame(other)];
  soonOne();
  paint();
  soonOne();
  soonOther();
  vi.advanceTimersByTime(GAP_MS - 1);
  expect(frames.size).toBe(0);
  vi.advanceTimersByTime(1);
  expect(frames.size).toBe(1);
  paint();
  expect([one, other].map(({ mock }) => mock.calls.length)).toEqual([2, 1]);
});

test("what a run asks for comes in a later frame", () => {
  let runs = 0;
  const soon = perFrame(() => {
    if (++runs < 3) soon();
  });
  soon();
  paint();
  paint();
  expect(runs).toBe(1);
  vi.advanceTimersByTime(GAP_MS);
  paint();
  expect(runs).toBe(2);
});

test("a page that does not paint gets its runs all the same, and no frame later", () => {
  const run = vi.fn();
  perFrame(run)();
  vi.advanceTimersByTime(HIDDEN_MS);
  expect(run).toHaveBeenCalledTimes(1);
  expect(frames.size).toBe(0);
});
