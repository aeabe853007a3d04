// The frames of the wire contract, version 1 (docs/protocol.md), as types. A server may add fields and frames. Fields to be left out may
// be undefined: JSON has no such value.

/** Microseconds since the Unix epoch, as the gateway's clock gave them. Fits a safe integer. */
export type Micros = number;

/** A message as the server stores it: unique by (`from`, `to`, `id`). */
export interface StoredMessage {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly payload: string;
  readonly at: Micros;
}

/** What the server says of one conversation. Marks are 0 where there is none; the peer's are absent in a group. */
export interface Summary {
  readonly with: string;
  readonly last?: StoredMessage | undefined;
  /** Messages from others after `readAt`, counted up to 1000. */
  readonly unread: number;
  readonly readAt?: Micros;
  readonly receivedAt?: Micros;
  readonly peerReadAt?: Micros;
  readonly peerReceivedAt?: Micros;
}

export type MarkKind = "received" | "read";

export interface MessagePage {
  readonly messages: readonly StoredMessage[];
  readonly more: boolean;
}

export interface HistoryQuery {
  readonly type: "history";
  readonly with: string;
  /** Exclusive; not together with `after`. */
  readonly before?: Micros | undefined;
  readonly after?: Micros | undefined;
  /** 1 to 200. */
  readonly limit?: number | undefined;
}

export interface SyncQuery {
  readonly type: "sync";
  readonly cursor?: string | undefined;
  /** Without a cursor: asks for one at the present end. Servers that do not know it send the first page. */
  readonly latest?: true | undefined;
  readonly limit?: number | undefined;
}

export interface ConversationsQuery {
  readonly type: "conversations";
  readonly before?: Micros | undefined;
  readonly limit?: number | undefined;
}

export interface Ping {
  readonly type: "ping";
}

/** A frame that the server answers by its `ref`. */
export type Query = HistoryQuery | SyncQuery | ConversationsQuery | Ping;

export type ClientFrame =
  | { readonly type: "register"; readonly from: string; readonly token?: string | undefined; readonly device?: string | undefined }
  | { readonly type: "unregister" }
  | { readonly type: "normal"; readonly id: string; readonly to: string; readonly payload: string }
  | { readonly type: "typing"; readonly to: string }
  | { readonly type: MarkKind; readonly with: string; readonly at: Micros }
  | (Query & { readonly ref: string });

/** The answer to each kind of query. */
export interface Answers {
  history: { readonly type: "history"; readonly ref: string; readonly with: string } & MessagePage;
  sync: { readonly type: "sync"; readonly ref: string; readonly cursor: string } & MessagePage;
  conversations: {
    readonly type: "conversations";
    readonly ref: string;
    readonly conversations: readonly Summary[];
    readonly more: boolean;
  };
  ping: { readonly type: "pong"; readonly ref: string; readonly at: Micros };
}

export interface ErrorFrame {
  readonly type: "error";
  readonly code: string;
  readonly message: string;
  /** The refused message's. */
  readonly id?: string;
  /** The refused query's. */
  readonly ref?: string;
  readonly retryMs?: number;
}

/** Frames that come unasked, or answer frames without `ref`. */
export type PushFrame =
  | ({ readonly type: "normal" } & StoredMessage)
  | { readonly type: "ack"; readonly id: string; readonly to: string; readonly at: Micros }
  | { readonly type: "typing"; readonly from: string; readonly to: string }
  | { readonly type: MarkKind; readonly from: string; readonly with: string; readonly at: Micros }
  | { readonly type: "resync" }
  | ErrorFrame;

export type ServerFrame =
  | PushFrame
  | { readonly type: "registered"; readonly user: string; readonly session: string; readonly at: Micros }
  | { readonly type: "unregistered" }
  | { readonly type: "draining"; readonly afterMs: number }
  | Answers[keyof Answers];
