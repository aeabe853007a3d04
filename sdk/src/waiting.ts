// Waiting: for a time, for a state, and no longer than the caller's signal allows.

import { ChatError } from "./errors.js";

const BACKOFF_FIRST_MS = 500;
export const BACKOFF_MAX_MS = 30_000;

/** From 0 to the exponential bound ("full jitter"), so that clients that failed together do not come back together. */
export function backoffMs(attempt: number, random: () => number): number {
  return random() * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt);
}

/** The promise, or a rejection with `aborted` as soon as the signal aborts. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new ChatError("aborted", undefined, 0, signal.reason));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** A state that callers wait for. Starts shut. */
export class Gate {
  #isOpen = false;
  #error: ChatError | undefined;
  #waiting: (() => void)[] = [];

  /** Resolves while open, rejects while failed, waits while shut. */
  wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#error) reject(this.#error);
        else if (this.#isOpen) resolve();
        else this.#waiting.push(look);
      };
      look();
    });
  }

  /** Opens it; or shuts it, for good if there is an error: then nobody waits any more. */
  set(isOpen: boolean, error?: ChatError): void {
    this.#isOpen = isOpen;
    this.#error = error;
    for (const look of this.#waiting.splice(0)) look();
  }
}
