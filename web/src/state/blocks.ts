// Whom this user has blocked, by the HTTP API of the gateway that serves the page.

import { signal } from "@preact/signals";

export class Blocks {
  /** Undefined while it is not known: not asked yet, or the server does not say. */
  readonly users = signal<ReadonlySet<string> | undefined>(undefined);
  readonly #user: string;
  readonly #token: string | undefined;
  readonly #ended: AbortSignal;
  #loading: Promise<void> | undefined;

  constructor(user: string, token: string | undefined, ended: AbortSignal) {
    this.#user = user;
    this.#token = token;
    this.#ended = ended;
  }

  /** Asks once; again only after a failure, or if it `mayDiffer`, as another device may have changed it. */
  load(mayDiffer = false): Promise<void> {
    if (this.users.peek() && !mayDiffer) return Promise.resolve();
    return this.#loading ??= this.#ask("GET", "/v1/blocks")
      .then(({ blocked }) => void (this.users.value = new Set(blocked)))
      .catch(() => {}) // blocking is not offered
      .finally(() => (this.#loading = undefined));
  }

  /** @throws Error the server's reason */
  async set(other: string, isBlocked: boolean): Promise<void> {
    await this.#ask(isBlocked ? "PUT" : "DELETE", `/v1/blocks/${encodeURIComponent(other)}`);
    const users = new Set(this.users.peek());
    if (isBlocked) users.add(other);
    else users.delete(other);
    this.users.value = users;
  }

  async #ask(method: string, path: string): Promise<{ blocked?: string[] }> {
    const response = this.#token === undefined
      ? await fetch(`${path}?user=${encodeURIComponent(this.#user)}`, { method, signal: this.#ended })
      : await fetch(path, { method, signal: this.#ended, headers: { Authorization: `Bearer ${this.#token}` } });
    const answer = await response.json() as { blocked?: string[]; message?: string };
    if (!response.ok) throw new Error(answer.message ?? String(response.status));
    return answer;
  }
}
