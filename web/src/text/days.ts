// Days, minutes and runs of messages, by the clock of this device.

import type { Message } from "simplechat-client";

const MINUTE_MICROS = 60_000_000;

/** Days since some day, local time. */
export function dayOf(at: number): number {
  const date = new Date(at / 1000);
  return Math.floor((date.getTime() - date.getTimezoneOffset() * 60_000) / 86_400_000);
}

export interface Place {
  /** A day begins with this message. */
  readonly startsDay: boolean;
  /** First, last of a run: of one sender within one minute, with nothing in between. */
  readonly startsRun: boolean;
  readonly endsRun: boolean;
  /** The first that is new to the reader. */
  readonly startsNew: boolean;
}

type Placed = Pick<Message, "key" | "from" | "at" | "state">;

/**
 * Where a message stands between its neighbours.
 *
 * @param firstNew the key of the message before which the reader left off
 */
export function place(previous: Placed | undefined, message: Placed, next: Placed | undefined, firstNew: string | undefined): Place {
  const startsNew = message.key === firstNew;
  const startsDay = !previous || dayOf(previous.at) !== dayOf(message.at);
  return {
    startsDay,
    startsNew,
    startsRun: startsDay || startsNew || !isRun(previous, message),
    endsRun: !next || next.key === firstNew || !isRun(message, next) || dayOf(next.at) !== dayOf(message.at),
  };
}

function isRun(a: Placed, b: Placed): boolean {
  if (a.from !== b.from || a.state === "failed" || b.state === "failed") return false;
  return Math.floor(a.at / MINUTE_MICROS) === Math.floor(b.at / MINUTE_MICROS);
}

/** The server has it, whose clock its time is. */
export function isSettled({ state }: Pick<Message, "state">): boolean {
  return state !== "pending" && state !== "failed";
}

/** The index of the first message that is later than `at`. Unsettled ones, at the end, count as later. */
export function firstAfter(messages: readonly Pick<Message, "at" | "state">[], at: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const message = messages[middle];
    if (message && message.at <= at && isSettled(message)) low = middle + 1;
    else high = middle;
  }
  return low;
}
