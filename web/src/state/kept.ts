// localStorage and sessionStorage, which a browser may deny: then things are kept for as long as the page lives.

class Kept {
  readonly #memory = new Map<string, string | undefined>(); // what the browser did not take
  readonly #storage: () => Storage;

  constructor(storage: () => Storage) {
    this.#storage = storage;
  }

  get(key: string): string | undefined {
    if (this.#memory.has(key)) return this.#memory.get(key);
    try {
      return this.#storage().getItem(key) ?? undefined;
    } catch {
      return undefined;
    }
  }

  /** Those that begin so. */
  keys(prefix: string): string[] {
    const found = new Set(this.#memory.keys());
    try {
      const storage = this.#storage();
      for (let index = 0; index < storage.length; index++) found.add(storage.key(index) ?? "");
    } catch { // then there are no others
    }
    return [...found].filter((key) => key.startsWith(prefix) && this.get(key) !== undefined);
  }

  set(key: string, value: string | undefined): void {
    try {
      if (value === undefined) this.#storage().removeItem(key);
      else this.#storage().setItem(key, value);
      this.#memory.delete(key);
    } catch {
      this.#memory.set(key, value);
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
