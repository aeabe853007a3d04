// What a screen reader is told of messages that come into the open conversation: each one, or of a burst how many.

import { signal } from "@preact/signals";
import type { Message } from "simplechat-client";
import { plural, t } from "../i18n/index.js";
import { preview } from "../text/shape.js";

const GATHER_MS = 800;
const READ_OUT_MAX = 2;

const TOAST_MS = 2_500;

export const announcement = signal("");
export const shownToast = signal("");

let gathered: Message[] = [];
let toastTimer: ReturnType<typeof setTimeout> | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

export function announceMessage(message: Message): void {
  gathered.push(message);
  timer ??= setTimeout(tell, GATHER_MS);
}

/** A word that is shown for a moment, and read out. */
export function toast(text: string): void {
  clearTimeout(toastTimer);
  announcement.value = shownToast.value = text;
  toastTimer = setTimeout(() => (shownToast.value = announcement.value = ""), TOAST_MS);
}

function tell(): void {
  const messages = gathered;
  gathered = [];
  timer = undefined;
  if (messages.length <= READ_OUT_MAX) {
    announcement.value = messages.map(({ from, payload }) => t("incoming", { name: from, text: preview(payload, 400) })).join("\n");
  } else {
    announcement.value = plural("incomingMany", messages.length, { name: messages[messages.length - 1]?.from ?? "" });
  }
}
