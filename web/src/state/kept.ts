// localStorage and sessionStorage, which a browser may deny: then things are kept for as long as the page lives.

class Kept {
  readonly #memory = new Map<string, string>();
  readonly #storage: () => Storage;

  constructor(storage: () => Storage) {
    this.#storage = storage;
  }

  get(key: string): string | undefined {
    try {
      return this.#storage().getItem(key) ?? undefined;
    } catch {
      return this.#memory.get(key);
    }
  }

  set(key: string, value: string | undefined): void {
    try {
      if (value === undefined) this.#storage().removeItem(key);
      else this.#storage().setItem(key, value);
    } catch {
      if (value === undefined) this.#memory.delete(key);
      else this.#memory.set(key, value);
    }
  }

  /** What `set` was given as JSON; undefined if there is nothing, or nothing that can be read. */
  json<T>(key: string): T | undefined {
    try {
      return JSON.parse(this.get(key) ?? "null") ?? undefined;
    } catch {
      return undefined;
    }
  }
}

/** For all tabs, across visits. */
export const local = new Kept(() => localStorage);
/** For this tab. */
export const tab = new Kept(() => sessionStorage);
