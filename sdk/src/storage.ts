import type { Micros, StoredMessage } from "./frames.js";
import type { ChatError } from "./errors.js";

/** A message that waits for its ack. */
export interface OutboxRecord extends StoredMessage {
  /** Of one that the server refused for good: the code. */
  readonly error?: string | undefined;
  readonly reason?: string | undefined;
}

/** What outlives a reload of one conversation, beside its messages. */
export interface ConversationRecord {
  readonly with: string;
  readonly last?: StoredMessage | undefined;
  readonly unread: number;
  readonly readAt: Micros;
  readonly receivedAt: Micros;
  readonly peerReadAt: Micros;
  readonly peerReceivedAt: Micros;
  /** What the server was told of this user's marks. */
  readonly told?: { readonly readAt: Micros; readonly receivedAt: Micros };
}

export interface StoredState {
  readonly cursor?: string | undefined;
  /** By `at`. */
  readonly outbox: readonly OutboxRecord[];
  readonly conversations: readonly ConversationRecord[];
}

/** All that the server has of a conversation from `floor` on, up to `before`. */
export interface Span {
  readonly with: string;
  /** Exclusive; absent: up to the newest message. */
  readonly before?: Micros | undefined;
  /** -Infinity: the server has none below. */
  readonly floor: Micros;
  readonly messages: readonly StoredMessage[];
}

export interface StoredPage {
  /** Oldest first. */
  readonly messages: readonly StoredMessage[];
  /** There are some, and the server has none between them, nor between them and the page above. */
  readonly complete: boolean;
  /** There is more below this page, here or at the server. */
  readonly more: boolean;
}

/** Changes that are to be stored together, or not at all. */
export interface Batch {
  /** Forget messages, spans, conversations and the cursor before anything else; the outbox stays. */
  reset?: boolean;
  cursor?: string | undefined;
  /** Messages as the server's store has them, those of spans apart: they replace what is known under the same (conversation, `from`, `id`). */
  stored: StoredMessage[];
  /** Messages as live delivery or an ack told them: kept only where nothing is known. */
  live: StoredMessage[];
  spans: Span[];
  readonly conversations: Map<string, ConversationRecord>;
  /** Messages that wait for their ack, by id; null: no more. */
  readonly outbox: Map<string, OutboxRecord | null>;
}

/**
 * Where a chat keeps what must outlive a reload: see `WriteBehindStorage`, which does the queueing for a storage of one's own.
 *
 * None of its methods throws or rejects: a storage that fails goes on as if it were empty, and calls `failed` once.
 */
export interface ChatStorage {
  /** Set by the chat. */
  failed: (error: ChatError) => void;
  /** Set by the chat: it sends this message, if it does not do so already. For what another tab wrote and may not live to send. */
  adopt: (record: OutboxRecord) => unknown;
  /** Set by the chat: it lets go of this message, if it waits. Another tab has sent it, or taken it back. */
  drop: (id: string) => unknown;
  /** Opens what belongs to one user of one server. */
  open(server: string, user: string): Promise<StoredState>;
  /** The newest `limit` messages with `at` < `before` (of all, if absent), with all others of the oldest one's `at`. */
  read(partner: string, before: Micros | undefined, limit: number): Promise<StoredPage>;
  /** What the server has is another store's: forgets messages, spans, conversations and the cursor, those changed so far included. */
  reset(): void;
  /** Adds to the next transaction, which follows soon. */
  change(edit: (batch: Batch) => unknown): void;
  /** Looks which of the waiting messages are no longer there, and drops them. Resolves after a second at the latest. */
  look(): Promise<void>;
  /** Resolves once all changes so far are stored, with the keys (`from + " " + id`) of those in `stored` that were there already. */
  flush(): Promise<ReadonlySet<string>>;
  /** After a last flush. `open` may follow. */
  close(): Promise<void>;
}
