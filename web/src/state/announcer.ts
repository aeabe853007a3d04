// What a screen reader is told: of messages that come into the open conversation each one, or of a burst how many; and other news.

import { signal } from "@preact/signals";
import type { Message } from "simplechat-client";
import { plural, t } from "../i18n/index.js";
import { preview } from "../text/shape.js";

const GATHER_MS = 800;
const READ_OUT_MAX = 2;

const TOAST_MS = 2_500;

/** Another object each time: the same words may come again, and are to be read out again. */
export const announcement = signal({ text: "" });
export const shownToast = signal("");

let gathered: Message[] = [];
let toastTimer: ReturnType<typeof setTimeout> | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

export function announce(text: string): void {
  announcement.value = { text };
}

export function announceMessage(message: Message): void {
  gathered.push(message);
  timer ??= setTimeout(tell, GATHER_MS);
}

/** A word that is shown for a moment, and read out. */
export function toast(text: string): void {
  clearTimeout(toastTimer);
  shownToast.value = text;
  announce(text);
  toastTimer = setTimeout(() => {
    shownToast.value = "";
    announce("");
  }, TOAST_MS);
}

function tell(): void {
  const messages = gathered;
  gathered = [];
  timer = undefined;
  if (messages.length <= READ_OUT_MAX) {
    announce(messages.map(({ from, payload }) => t("incoming", { name: from, text: preview(payload, 400) })).join("\n"));
  } else {
    announce(plural("incomingMany", messages.length, { name: messages[messages.length - 1]?.from ?? "" }));
  }
}
