import type { Micros, StoredMessage } from "./frames.js";

/** A message that waits for its ack. */
export interface OutboxRecord extends StoredMessage {
  /** Present if the server refused it for good. */
  readonly error?: string;
}

/** What outlives a reload of one conversation, beside its messages. */
export interface ConversationRecord {
  readonly with: string;
  readonly last?: StoredMessage;
  readonly unread: number;
  readonly readAt: Micros;
  readonly receivedAt: Micros;
  readonly peerReadAt: Micros;
  readonly peerReceivedAt: Micros;
}

export interface StoredState {
  readonly cursor?: string;
  /** By `at`. */
  readonly outbox: readonly OutboxRecord[];
  readonly conversations: readonly ConversationRecord[];
}

/** Says that `messages` of the same changes hold all that the server has of a conversation from `floor` on, up to `before`. */
export interface Span {
  readonly with: string;
  /** Exclusive; absent: up to the newest message. */
  readonly before?: Micros;
  readonly floor: Micros;
  /** The server has messages below `floor`. */
  readonly more: boolean;
}

/** One transaction: all of it is stored, or nothing. */
export interface Changes {
  /** Forget messages, spans, conversations and the cursor before anything else; the outbox stays. */
  readonly reset?: boolean;
  readonly cursor?: string;
  /** Messages as the server's store has them: they replace what is known under the same (conversation, `from`, `id`). */
  readonly stored: readonly (StoredMessage & { readonly with: string })[];
  /** Messages as live delivery or an ack told them: kept only where nothing is known. */
  readonly live: readonly (StoredMessage & { readonly with: string })[];
  readonly spans: readonly Span[];
  readonly conversations: readonly ConversationRecord[];
  /** Messages that wait for their ack, by id; null: no more. */
  readonly outbox: ReadonlyMap<string, OutboxRecord | null>;
}

export interface StoredPage {
  /** Oldest first. */
  readonly messages: readonly StoredMessage[];
  /** Where the complete part of the conversation starts; absent if no part is known to be complete. */
  readonly floor?: Micros;
  /** There is more below this page, here or at the server. */
  readonly more: boolean;
}

/**
 * Where a chat keeps what must outlive a reload. Supplied: `IndexedDbStorage` and `MemoryStorage`.
 *
 * Of each conversation one contiguous range of messages counts as complete, from its floor to now: that is what `read` gives, so that a
 * page from here never hides messages that the server has in between. `write` keeps it so:
 *
 * - a span without `before` makes or extends the range; one with `before` extends it only if it adjoins, `before` >= the range's floor,
 *   and is ignored otherwise (another tab has cut the range meanwhile);
 * - beyond the storage's own limit of messages per conversation the oldest go, and the floor rises.
 *
 * Any call may reject: the chat then goes on without storage. Several tabs of one user share it.
 */
export interface ChatStorage {
  /** Opens what belongs to one user of one server. Called once, first. */
  open(server: string, user: string): Promise<StoredState>;
  /** The newest `limit` messages of the complete range with `at` < `before` (of all, if absent), with all others of the oldest one's `at`. */
  read(partner: string, before: Micros | undefined, limit: number): Promise<StoredPage>;
  /** Resolves with the keys (`with + " " + from + " " + id`) of those in `stored` that were there already. */
  write(changes: Changes): Promise<ReadonlySet<string>>;
  close(): void;
}
