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

test("a message is shown when those before it are, so that the newest is the last", async () => {
  const [first, second] = [notify("alice", message("first")), notify("alice", message("second"))];
  await vi.waitFor(() => expect(bodies()).toEqual(["first"]));
  await new Promise((later) => setTimeout(later, 20));
  expect(bodies()).toEqual(["first"]);
  showing[0]!.done();
  await first;
  await vi.waitFor(() => expect(bodies()).toEqual(["first", "second"]));
  showing[1]!.done();
  await second;
});

test("what the browser refuses keeps nothing else from being shown", async () => {
  const [first, second] = [notify("alice", message("first")), notify("alice", message("second"))];
  await vi.waitFor(() => expect(bodies()).toEqual(["first"]));
  showing[0]!.fail(new TypeError("refused"));
  await expect(first).rejects.toThrow("refused");
  await vi.waitFor(() => expect(bodies()).toEqual(["first", "second"]));
  showing[1]!.done();
  await second;
});
