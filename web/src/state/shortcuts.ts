// Keys that work anywhere in the chat. A lone character is one only where nothing is written (WCAG 2.1.4).

import { useEffect } from "preact/hooks";
import { openDialog } from "./dialog.js";
import { open } from "./identity.js";
import type { Session } from "./session.js";

/** A finger's device, whose keyboard would cover the page. */
export function hasTouch(): boolean {
  return matchMedia("(pointer: coarse)").matches;
}

export function focusComposer(): void {
  document.getElementById("message")?.focus();
}

/** For when what has the focus is about to go. */
export function focusPane(): void {
  const field = hasTouch() ? null : document.getElementById("message");
  (field ?? document.getElementById("scroller"))?.focus({ preventScroll: true });
}

/** In the list. */
export function focusConversation(partner: string): void {
  const list = document.getElementById("conversations");
  (list?.querySelector<HTMLElement>(`[data-with="${CSS.escape(partner)}"]`) ?? list?.querySelector("button"))?.focus();
}

/** The key belongs to an input method. Safari has ended the composition before it tells of the key that ends it, but for this code. */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

export function useShortcuts(session: Session): void {
  useEffect(() => {
    const listening = new AbortController();
    addEventListener("keydown", (event) => handle(event, session), { signal: listening.signal });
    return () => listening.abort();
  }, [session]);
}

function handle(event: KeyboardEvent, session: Session): void {
  // Not by the signal: a dialog that has just closed says so only later, and keys would be lost meanwhile.
  if (event.defaultPrevented || isComposing(event) || document.querySelector("dialog[open]")) return;
  const { key, altKey, shiftKey, target } = event;
  const command = event.ctrlKey || event.metaKey;
  const inHistory = target instanceof Element && target.closest("#scroller, #conversations") !== null;
  if (command && key.toLowerCase() === "k") document.getElementById("search")?.focus();
  else if ((command && key === "/") || (key === "?" && inHistory)) openDialog("help");
  else if (altKey && !command && !shiftKey && (key === "ArrowDown" || key === "ArrowUp")) step(session, key === "ArrowDown" ? 1 : -1);
  else if (key === "Escape" && session.open.peek()) focusComposer();
  else return;
  event.preventDefault();
}

/** To the next, or the previous, conversation of the list. */
function step(session: Session, by: number): void {
  const rows = session.rows.peek();
  const index = rows.findIndex(({ with: partner }) => partner === session.open.peek()?.partner);
  const row = rows[index < 0 ? 0 : (index + by + rows.length) % rows.length];
  if (row) open(row.with);
}
