// The dialog that is open, if any.

import { signal } from "@preact/signals";

/** An opening, not just a name: that the browser closed a dialog is told only later, when the next one, even of the same name, may be open. */
export interface Opening {
  readonly name: "settings" | "help";
}

export const dialog = signal<Opening | undefined>(undefined);

export function openDialog(name: Opening["name"]): void {
  dialog.value = { name };
}

export function closeDialog(opening = dialog.peek()): void {
  if (dialog.peek() === opening) dialog.value = undefined;
}
