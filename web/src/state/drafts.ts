// What was written but not sent, by user and conversation. Each draft is kept apart, and a tab writes only those that were changed in it:
// another tab may have written, sent or forgotten the others meanwhile.

import { signal } from "@preact/signals";
import { local } from "./kept.js";

const WRITE_MS = 400;
const DRAFTS_MAX = 100; // of a user; the oldest go
const DRAFT_LENGTH_MAX = 70_000;

interface KeptDraft {
  readonly text: string;
  readonly ms: number;
}

const prefixOf = (user: string): string => `simplechat.draft ${user} `;
const togetherKey = (user: string): string => `simplechat.drafts ${user}`; // where earlier pages kept all of them

export class Drafts {
  /** Changes when a conversation gets, or loses, its draft; not with every key. */
  readonly version = signal(0);
  readonly #user: string;
  readonly #prefix: string;
  readonly #changed = new Map<string, string>(); // in this tab, not kept yet; by conversation
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(user: string) {
    this.#user = user;
    this.#prefix = prefixOf(user);
    this.#takeOver();
  }

  get(partner: string): string {
    return this.#changed.get(partner) ?? this.#kept(this.#prefix + partner)?.text ?? "";
  }

  /** Kept a moment later, so that a key costs no more than this. */
  set(partner: string, written: string): void {
    const text = written.trim() !== "" && written.length <= DRAFT_LENGTH_MAX ? written : "";
    const before = this.get(partner);
    if (text === before) return;
    this.#changed.set(partner, text);
    this.#timer ??= setTimeout(() => this.keep(), WRITE_MS);
    if (!text !== !before) this.version.value++;
  }

  keep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#changed.size === 0) return;
    for (const [partner, text] of this.#changed) {
      local.set(this.#prefix + partner, text ? JSON.stringify({ text, ms: Date.now() } satisfies KeptDraft) : undefined);
    }
    this.#changed.clear();
    const keys = local.keys(this.#prefix);
    if (keys.length <= DRAFTS_MAX) return;
    const msOf = (key: string): number => this.#kept(key)?.ms ?? 0;
    for (const key of keys.sort((a, b) => msOf(a) - msOf(b)).slice(0, -DRAFTS_MAX)) local.set(key, undefined);
  }

  forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#changed.clear();
    for (const key of local.keys(this.#prefix)) local.set(key, undefined);
    local.set(togetherKey(this.#user), undefined);
  }

  /** Another tab has written what is kept under the key, or (null) removed everything. */
  keptElsewhere(key: string | null): void {
    if (key === null || key.startsWith(this.#prefix)) this.version.value++;
  }

  #kept(key: string): KeptDraft | undefined {
    const kept = local.json<Partial<KeptDraft>>(key);
    return typeof kept?.text === "string" ? { text: kept.text, ms: Number(kept.ms) || 0 } : undefined;
  }

  #takeOver(): void {
    const together = local.json<unknown>(togetherKey(this.#user));
    if (!Array.isArray(together)) return;
    local.set(togetherKey(this.#user), undefined);
    for (const [partner, text] of together.filter(Array.isArray)) {
      if (typeof partner === "string" && typeof text === "string" && !this.get(partner)) this.set(partner, text);
    }
    this.keep();
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
  draftsOf(user).forget();
  current = undefined;
}

addEventListener("pagehide", () => current?.drafts.keep());
addEventListener("storage", ({ key }) => current?.drafts.keptElsewhere(key));
