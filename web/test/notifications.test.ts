import { afterEach, beforeEach, expect, test, vi } from "vitest";

type Notify = typeof import("../src/state/notifications.js").notify;
type Showing = { body: string; done: () => void; fail: (error: Error) => void };

/** What the browser is about to show: it says when it has. */
let showing: Showing[] = [];
let notify: Notify;

beforeEach(async () => {
  showing = [];
  const showNotification = (_: string, { body }: { body: string }): Promise<void> =>
    new Promise((done, fail) => void showing.push({ body, done, fail }));
  const permission = "granted";
  vi.stubGlobal("Notification", { permission, requestPermission: async () => permission });
  vi.stubGlobal("navigator", { serviceWorker: { getRegistration: async () => ({ showNotification }) } });
  vi.stubGlobal("location", new URL("http://localhost/client"));
  vi.stubGlobal("addEventListener", () => {});
  vi.resetModules();
  const notifications = await import("../src/state/notifications.js");
  ({ notify } = notifications);
  await notifications.want(true);
});
afterEach(() => vi.unstubAllGlobals());

const message = (payload: string): Parameters<Notify>[1] => ({ from: "bob", to: "alice", payload, at: 0 }) as Parameters<Notify>[1];
const bodies = (): string[] => showing.map(({ body }) => body);

test("one at a time, and of what waits the newest of each conversation, so that no older one comes last", async () => {
  const all = ["first", "second", "third"].map((payload) => notify("alice", message(payload)));
  await vi.waitFor(() => expect(bodies()).toEqual(["first"]));
  await new Promise((later) => setTimeout(later)); // behind everything that could follow by itself
  expect(bodies()).toEqual(["first"]);
  showing[0]!.done();
  await vi.waitFor(() => expect(bodies()).toEqual(["first", "third"]));
  showing[1]!.done();
  await Promise.all(all);
  expect(bodies()).toEqual(["first", "third"]);
});

test("what the browser refuses keeps nothing else from being shown", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const [first] = [notify("alice", message("first")), notify("alice", message("second"))];
  await vi.waitFor(() => expect(bodies()).toEqual(["first"]));
  showing[0]!.fail(new TypeError("refused"));
  await vi.waitFor(() => expect(bodies()).toEqual(["first", "second"]));
  showing[1]!.done();
  await first;
  expect(warn).toHaveBeenCalledTimes(1);
});
