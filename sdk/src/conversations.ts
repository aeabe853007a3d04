// All conversations of a chat, and which of them changed since it was last told.

import { Conversation, type ConversationHost } from "./conversation.js";
import type { Keeper } from "./keeper.js";

export class ConversationList {
  readonly #byPartner = new Map<string, Conversation>();
  readonly #touched = new Set<Conversation>();
  readonly #host: ConversationHost;
  readonly #keeper: Keeper;
  readonly #changed: () => void;
  #sorted: readonly Conversation[] | undefined;

  constructor(host: ConversationHost, keeper: Keeper, changed: () => void) {
    this.#host = host;
    this.#keeper = keeper;
    this.#changed = changed;
  }

  get(partner: string): Conversation {
    let conversation = this.#byPartner.get(partner);
    if (!conversation) {
      conversation = new Conversation(this.#host, partner);
      this.#byPartner.set(partner, conversation);
    }
    return conversation;
  }

  get all(): Iterable<Conversation> {
    return this.#byPartner.values();
  }

  /** Those with a message, newest first. */
  get sorted(): readonly Conversation[] {
    this.#sorted ??= Array.from(this.all, (conversation) => ({ conversation, at: conversation.last?.at ?? 0 }))
      .filter(({ at }) => at > 0)
      .sort((a, b) => b.at - a.at)
      .map(({ conversation }) => conversation);
    return this.#sorted;
  }

  touch(conversation: Conversation): void {
    this.#touched.add(conversation);
  }

  /** Tells of everything touched, once each. */
  publish(): void {
    if (this.#touched.size === 0) return;
    const touched = [...this.#touched];
    this.#touched.clear();
    this.#sorted = undefined;
    this.#keeper.change((batch) => touched.forEach((conversation) => batch.touched.add(conversation)));
    for (const conversation of touched) conversation.changed();
    this.#changed();
  }
}
