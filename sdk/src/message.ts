import type { Micros, StoredMessage } from "./frames.js";

/**
 * - `pending`: not acked yet; repeated until it is
 * - `sent`: in the server's store for good; every message of others is that
 * - `delivered`, `read`: so far has the other side got (not in groups)
 * - `failed`: refused by the server, see `error`; `retry` or `discard` it
 */
export type MessageState = "pending" | "sent" | "delivered" | "read" | "failed";

/** A message as a view shows it. Never mutated: a change makes another object, so compare by identity. */
export interface Message extends StoredMessage {
  /** `from + " " + id`: unique in its conversation, and stable. */
  readonly key: string;
  readonly state: MessageState;
  /**
   * Microseconds since the Unix epoch. While pending or failed, the time of writing by this device's clock; then the gateway's, which
   * may change once more if the message had to be repeated.
   */
  readonly at: Micros;
  /** Of a failed message: the server's error code. */
  readonly error?: string | undefined;
  /** Of a failed message: the server's words. */
  readonly reason?: string | undefined;
}

export function keyOf(message: { readonly from: string; readonly id: string }): string {
  return `${message.from} ${message.id}`;
}

/** The other side of a message's conversation, as `me` sees it: a user, or a group's address. */
export function partnerOf(message: { readonly from: string; readonly to: string }, me: string): string {
  return message.to.startsWith("#") || message.from === me ? message.to : message.from;
}
