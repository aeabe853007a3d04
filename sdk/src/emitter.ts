/** Typed events. A listener that throws disturbs neither the emitter nor other listeners: its error is reported as uncaught. */
export class Emitter<Events extends object> {
  readonly #listeners: { [Type in keyof Events]?: Set<(event: Events[Type]) => void> } = {};

  /** Calls `listener` at each event of this type; returns what ends that. */
  on<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void): () => void {
    const listeners = (this.#listeners[type] ??= new Set());
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** @internal */
  emit<Type extends keyof Events>(type: Type, event: Events[Type]): void {
    for (const listener of [...(this.#listeners[type] ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
