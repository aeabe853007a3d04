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

// The browser fetches each notification's icon before it shows it: of two at once, the older could come last and replace the newer.
const waiting = new Map<string, () => Promise<void>>(); // by user and conversation
let isShowing = false;

/** Shows the message, after what is being shown. Of a conversation's messages that wait the newest is shown. */
export async function notify(me: string, message: Message): Promise<void> {
  if (!isWanted.value) return;
  waiting.set(`${me} ${partnerOf(message)}`, () => show(me, message));
  if (isShowing) return;
  isShowing = true;
  for (const [tag, showNewest] of waiting) {
    waiting.delete(tag);
    await showNewest().catch((error: unknown) => console.warn("no notification:", error));
  }
  isShowing = false;
}

const partnerOf = ({ from, to }: Message): string => (to.startsWith("#") ? to : from);

async function show(me: string, message: Message): Promise<void> {
  const { from, payload, to, at } = message;
  const partner = partnerOf(message);
  const url = new URL(linkTo(me, partner, location), location.href).href;
  // One for each conversation: later messages replace it. Several tabs of one user show it once.
  const options = { body: preview(payload, 200), tag: `${me} ${partner}`, icon: "/client/icon-192.png", timestamp: at / 1000, data: url };
  const title = to.startsWith("#") ? `${from} · ${to}` : from;
  const registration = await navigator.serviceWorker?.getRegistration("/client");
  if (registration) return registration.showNotification(title, options);
  new Notification(title, options).onclick = () => {
    focus();
    open(partner);
  };
}
