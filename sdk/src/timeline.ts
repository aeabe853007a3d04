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

  /** The newest settled message. */
  get newest(): Message | undefined {
    return this.items[this.#settled - 1];
  }

  /** Puts a settled message in its place, instead of the one with its key. */
  put(message: Message): void {
    this.remove(message.key);
    this.items.splice(this.#place((other) => isBefore(other, message)), 0, message);
    this.#settled++;
    this.#byKey.set(message.key, message);
  }

  /** Puts an unsettled message last; one with its key keeps its place only if `inPlace`. */
  hold(message: Message, inPlace = false): void {
    const known = this.#byKey.get(message.key);
    if (known && inPlace) {
      this.items[this.#indexOf(known)] = message;
    } else {
      this.remove(message.key);
      this.items.push(message);
    }
    this.#byKey.set(message.key, message);
  }

  remove(key: string): void {
    const known = this.#byKey.get(key);
    if (!known) return;
    const index = this.#indexOf(known);
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
    for (let index = this.#settled - 1; index >= 0; index--) {
      const message = this.items[index] as Message;
      if (message.at <= after) return;
      yield message;
    }
  }

  /** Puts another object in the place of a settled message that differs neither in key nor in `at`. */
  replace(message: Message): void {
    this.items[this.#indexOf(message)] = message;
    this.#byKey.set(message.key, message);
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

  #indexOf(message: Message): number {
    const place = this.#place((other) => isBefore(other, message));
    if (place < this.#settled && this.items[place]?.key === message.key) return place;
    return this.items.findIndex(({ key }, index) => index >= this.#settled && key === message.key);
  }
}
