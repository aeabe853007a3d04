import type { ErrorFrame } from "./frames.js";

/** Error codes of the wire contract. */
export type ServerErrorCode =
  | "bad_json"
  | "bad_frame"
  | "unknown_type"
  | "not_registered"
  | "already_registered"
  | "unauthorized"
  | "forbidden"
  | "too_large"
  | "rate_limited"
  | "unavailable"
  | "not_found"
  | "internal";

/**
 * Error codes of this library.
 *
 * - `aborted`: the caller's signal; its reason is the error's `cause`
 * - `closed`: the chat was stopped, or the server ended the session for good
 * - `discarded`: the message was taken back by `discard`
 * - `disconnected`: the connection was lost
 * - `outbox_full`: `outboxMax` messages wait already
 * - `storage_failed`: the storage refused; the chat goes on without it
 * - `timeout`: the server did not answer in time
 */
export type ClientErrorCode =
  | "aborted"
  | "closed"
  | "discarded"
  | "disconnected"
  | "outbox_full"
  | "storage_failed"
  | "timeout";

/** A later server may send codes that are not listed here. */
export type ErrorCode = ServerErrorCode | ClientErrorCode | (string & {});

/** Every error that this library throws, rejects with, or reports. */
export class ChatError extends Error {
  override readonly name = "ChatError";
  readonly code: ErrorCode;
  /** Not to be tried again before so many milliseconds have passed; 0 if the server did not say. */
  readonly retryMs: number;

  constructor(code: ErrorCode, message: string = code, retryMs = 0, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.retryMs = retryMs;
  }
}

/** Refused for the moment: the same is worth another try. */
export function isTransient(code: ErrorCode): boolean {
  return ["unavailable", "rate_limited", "internal", "timeout", "disconnected"].includes(code);
}

/** The error that a frame tells. */
export function errorOf({ code, message, retryMs }: ErrorFrame): ChatError {
  return new ChatError(code, message, retryMs);
}
