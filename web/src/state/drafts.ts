// What was written but not sent, by user and conversation.

import { signal } from "@preact/signals";
import { local } from "./kept.js";

const WRITE_MS = 400;
const DRAFTS_MAX = 100;
const DRAFT_LENGTH_MAX = 70_000;

const keyOf = (user: string): string => `simplechat.drafts ${user}`;

export class Drafts {
  /** Changes when a conversation gets, or loses, its draft; not with every key. */
  readonly version = signal(0);
  readonly #user: string;
  readonly #drafts: Map<string, string>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(user: string) {
    this.#user = user;
    const kept = local.json<unknown>(keyOf(user));
    const isText = (entry: unknown): entry is [string, string] =>
      Array.isArray(entry) && entry.length === 2 && entry.every((part) => typeof part === "string");
    this.#drafts = new Map(Array.isArray(kept) ? kept.filter(isText) : []);
  }

  get(partner: string): string {
    return this.#drafts.get(partner) ?? "";
  }

  /** Kept a moment later, so that a key costs no more than this. */
  set(partner: string, text: string): void {
    const hadText = this.#drafts.delete(partner);
    const hasText = text.trim() !== "" && text.length <= DRAFT_LENGTH_MAX;
    if (hasText) this.#drafts.set(partner, text);
    if (hadText || hasText) this.#timer ??= setTimeout(() => this.keep(), WRITE_MS);
    if (hadText !== hasText) this.version.value++;
  }

  keep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const newest = [...this.#drafts].slice(-DRAFTS_MAX);
    local.set(keyOf(this.#user), newest.length > 0 ? JSON.stringify(newest) : undefined);
  }
}

let current: { user: string; drafts: Drafts } | undefined;

export function draftsOf(user: string): Drafts {
  if (current?.user !== user) {
    current?.drafts.keep();
    current = { user, drafts: new Drafts(user) };
  }
  return current.drafts;
}

export function forgetDrafts(user: string): void {
  if (current?.user === user) current = undefined;
  local.set(keyOf(user), undefined);
}

addEventListener("pagehide", () => current?.drafts.keep());
