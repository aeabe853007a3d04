// The messages of one conversation in the order that every client shows: by (`at`, `from`, `id`), and after them the unsettled ones
// (pending or failed) in the order of writing. Binary insertion: a message costs a search and a move, never a sort.

import type { Micros } from "./frames.js";
import type { Message } from "./message.js";

function isBefore(a: Message, b: Message): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.from !== b.from ? a.from < b.from : a.id < b.id;
}

export class Timeline {
  /** Live: it changes with the timeline. */
  readonly items: Message[] = [];
  #settled = 0; // the first so many are settled
  readonly #byKey = new Map<string, Message>();

  get(key: string): Message | undefined {
    return this.#byKey.get(key);
  }

  /** Puts a settled message in its place, instead of the one with its key. */
  put(message: Message): void {
    this.remove(message.key);
    this.items.splice(this.#place((other) => isBefore(other, message)), 0, message);
    this.#settled++;
    this.#byKey.set(message.key, message);
  }

  /** Puts a message where the one with its key (and `at`) is; an unsettled one, if there is none, last. */
  hold(message: Message): void {
    const index = this.#indexOf(message.key);
    if (index < 0) this.items.push(message);
    else this.items[index] = message;
    this.#byKey.set(message.key, message);
  }

  remove(key: string): void {
    const index = this.#indexOf(key);
    if (index < 0) return;
    this.items.splice(index, 1);
    if (index < this.#settled) this.#settled--;
    this.#byKey.delete(key);
  }

  /** Drops the settled messages with `at` < `floor`. */
  cut(floor: Micros): void {
    const count = this.#place((message) => message.at < floor);
    for (const { key } of this.items.splice(0, count)) this.#byKey.delete(key);
    this.#settled -= count;
  }

  /** The settled messages with `at` > `after`, the newest first. */
  *since(after: Micros): Generator<Message> {
    for (let index = this.#settled; index-- > 0;) {
      const message = this.items[index] as Message;
      if (message.at <= after) return;
      yield message;
    }
  }

  /** How many of the settled messages come before the first for which `isLower` is false. */
  #place(isLower: (message: Message) => boolean): number {
    let low = 0;
    let high = this.#settled;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isLower(this.items[middle] as Message)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** -1 if it is not here. */
  #indexOf(key: string): number {
    const message = this.#byKey.get(key);
    if (!message) return -1;
    const place = this.#place((other) => isBefore(other, message));
    return this.items[place] === message ? place : this.items.indexOf(message, this.#settled);
  }
}
