export interface ListenOptions {
  /** Ends the listening. */
  readonly signal?: AbortSignal | undefined;
}

/** Typed events. A listener that throws disturbs neither the emitter nor other listeners: its error is reported as uncaught. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls `listener` at each event of this type; returns what ends that. */
  on<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void, options: ListenOptions = {}): () => void {
    const { signal } = options;
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    const entry = (event: Events[Type]): void => listener(event);
    const off = (): void => void listeners.delete(entry);
    if (!signal?.aborted) listeners.add(entry);
    signal?.addEventListener("abort", off, { once: true });
    return off;
  }

  /** @internal */
  emit<Type extends keyof Events>(type: Type, event: Events[Type]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        (listener as (event: Events[Type]) => void)(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
