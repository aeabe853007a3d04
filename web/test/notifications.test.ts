import { afterEach, beforeEach, expect, test, vi } from "vitest";

type Notifications = typeof import("../src/state/notifications.js");
type Notify = Notifications["notify"];
type Showing = { body: string; done: () => void; fail: (error: Error) => void };

/** What the browser is about to show: it says when it has. */
let showing: Showing[] = [];
let closed: string[] = []; // the tags of those that were asked for, and closed
let notify: Notify;
let withdraw: Notifications["withdraw"];

beforeEach(async () => {
  showing = [];
  closed = [];
  const showNotification = (_: string, { body }: { body: string }): Promise<void> =>
    new Promise((done, fail) => void showing.push({ body, done, fail }));
  const getNotifications = async ({ tag }: { tag: string }): Promise<unknown> => [{ close: () => void closed.push(tag) }];
  const permission = "granted";
  vi.stubGlobal("Notification", { permission, requestPermission: async () => permission });
  vi.stubGlobal("navigator", { serviceWorker: { getRegistration: async () => ({ showNotification, getNotifications }) } });
  vi.stubGlobal("location", new URL("http://localhost/client"));
  vi.stubGlobal("addEventListener", () => {});
  vi.resetModules();
  const notifications = await import("../src/state/notifications.js");
  ({ notify, withdraw } = notifications);
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

test("what has been read is not shown any more, and goes if it was, but not while another is on its way", async () => {
  const first = notify("alice", message("first"));
  const carols = notify("alice", { ...message("from carol"), from: "carol" });
  const read = [withdraw("alice", "carol"), withdraw("alice", "bob")];
  await vi.waitFor(() => expect(bodies()).toEqual(["first"]));
  await new Promise((later) => setTimeout(later));
  expect(closed).toEqual([]);
  showing[0]!.done();
  await Promise.all([first, carols, ...read]);
  expect(bodies()).toEqual(["first"]);
  expect(closed).toEqual(["alice carol", "alice bob"]);
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
