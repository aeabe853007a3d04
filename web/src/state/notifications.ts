// Tells of messages outside of the page: in its title, on the app's icon, and, if the user wants it, by notifications.

import { effect, signal } from "@preact/signals";
import type { Message } from "simplechat-client";
import { formatCount } from "../i18n/index.js";
import { preview } from "../text/shape.js";
import { local } from "./kept.js";
import { linkTo } from "./link.js";
import { open, session } from "./identity.js";

const KEY = "simplechat.notifications";
const UNREAD_SHOWN_MAX = 999;
const COUNTED_MS = 200; // until the browser counts one that it has shown

type Badge = { setAppBadge?: (count: number) => Promise<void> };

export const isSupported = "Notification" in globalThis;
export const isDenied = signal(isSupported && Notification.permission === "denied");
export const isWanted = signal(isSupported && Notification.permission === "granted" && local.get(KEY) === "on");

export function followUnread(): void {
  effect(() => {
    const unread = session.value?.unread.value ?? 0;
    document.title = unread > 0 ? `(${formatCount(unread, UNREAD_SHOWN_MAX)}) SimpleChat` : "SimpleChat";
    (navigator as Badge).setAppBadge?.(unread).catch(() => {}); // not an installed app, or not allowed
  });
}

/** Turns them on, after asking the browser's permission, or off. To be called from a click. */
export async function want(on: boolean): Promise<void> {
  const permission = on && isSupported ? await Notification.requestPermission() : "default";
  isDenied.value = isSupported && Notification.permission === "denied";
  isWanted.value = on && permission === "granted";
  local.set(KEY, isWanted.value ? "on" : undefined);
}

// One thing at a time. The browser fetches each notification's icon before it shows it: of two at once, the older could come last and
// replace the newer. And Chromium forgets one that is on its way while it is asked for others.
const waiting = new Map<string, () => Promise<void>>(); // by user and conversation: what was asked for last
let isBusy = false;

/** Shows the message. Of a conversation's messages that wait the newest is shown. */
export async function notify(me: string, message: Message): Promise<void> {
  await enqueue(tagOf(me, partnerOf(message)), () => show(me, message));
}

/** What a notification tells of the conversation has been read: it goes. */
export async function withdraw(me: string, partner: string): Promise<void> {
  const tag = tagOf(me, partner);
  await enqueue(tag, async () => {
    const registration = await navigator.serviceWorker?.getRegistration("/client");
    for (const shown of await registration?.getNotifications({ tag }) ?? []) shown.close();
  });
}

async function enqueue(tag: string, job: () => Promise<void>): Promise<void> {
  if (!isWanted.value) return;
  waiting.set(tag, job);
  if (isBusy) return;
  isBusy = true;
  for (const [next, run] of waiting) {
    waiting.delete(next);
    await alone(run).catch((error: unknown) => console.warn("no notification:", error));
  }
  isBusy = false;
}

/** Not while another tab shows or withdraws one. */
async function alone(run: () => Promise<void>): Promise<void> {
  await (navigator.locks ? navigator.locks.request("simplechat.notifications", run) : run());
}

/** One for each conversation: later messages replace it. Several tabs of one user show it once. */
const tagOf = (me: string, partner: string): string => `${me} ${partner}`;
const partnerOf = ({ from, to }: Message): string => (to.startsWith("#") ? to : from);

async function show(me: string, message: Message): Promise<void> {
  const { from, payload, to, at } = message;
  const partner = partnerOf(message);
  const url = new URL(linkTo(me, partner, location), location.href).href;
  const options = { body: preview(payload, 200), tag: tagOf(me, partner), icon: "/client/icon-192.png", timestamp: at / 1000, data: url };
  const title = to.startsWith("#") ? `${from} · ${to}` : from;
  const registration = await navigator.serviceWorker?.getRegistration("/client");
  if (registration) {
    await registration.showNotification(title, options);
    return new Promise((counted) => setTimeout(counted, COUNTED_MS));
  }
  new Notification(title, options).onclick = () => {
    focus();
    open(partner);
  };
}
