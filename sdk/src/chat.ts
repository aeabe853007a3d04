import type { Conversation, ConversationHost, LoadOptions } from "./conversation.js";
import { Emitter } from "./emitter.js";
import { ChatError } from "./errors.js";
import type { Message } from "./message.js";
import type { ChatOptions } from "./options.js";

/**
 * - `idle`: not started
 * - `connecting`, `online`
 * - `waiting`: the connection is lost or refused; it is tried again by itself
 * - `closed`: stopped, or ended by the server for good; `start` may be called again
 */
export type ConnectionState = "idle" | "connecting" | "online" | "waiting" | "closed";

export interface StateEvent {
  readonly state: ConnectionState;
  /** Why it is waiting or closed. */
  readonly error?: ChatError;
}

export interface MessageEvent {
  readonly message: Message;
  readonly conversation: Conversation;
  /** It came at once; otherwise it was caught up with by `sync`. */
  readonly live: boolean;
}

export interface ChatEvents {
  /** A message new to this client, each once: of others, or of this user's other devices. Not those of `loadEarlier`. */
  message: MessageEvent;
  state: StateEvent;
  /** The list of conversations, or one in it, changed. Once for all that came together. */
  conversations: undefined;
  /** Everything up to now is here. After each connect, and whenever the server asked to sync again. */
  synced: undefined;
  /** What the app cannot learn from a rejected promise: a failed message, a refused frame, `storage_failed`. */
  error: ChatError;
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
}

/** One user's chat. */
export class Chat extends Emitter<ChatEvents> implements ConversationHost {
  readonly user: string;

  constructor(options: ChatOptions) {
    super();
    this.user = options.user;
  }

  get state(): ConnectionState {
    return "idle";
  }

  /** The known conversations that have a message, newest first. Another array after each change. */
  get conversations(): readonly Conversation[] {
    return [];
  }

  /** The server may know of more than `conversations`. */
  get hasMoreConversations(): boolean {
    return true;
  }

  /** Opens the storage and connects, until `stop`. */
  start(): void {}

  /** Disconnects; resolves once everything is stored. What waits in the outbox stays there. */
  async stop(): Promise<void> {}

  /** The conversation with a user, or of a group (`#...`): always the same object. */
  conversation(_partner: string): Conversation {
    throw new ChatError("internal");
  }

  /** Brings the next page of conversations. Resolves with whether there is still more. */
  async loadMoreConversations(_options: LoadOptions = {}): Promise<boolean> {
    return false;
  }

  /**
   * Takes a text to be sent: it is shown as pending at once, and repeated until the server has it.
   *
   * @throws ChatError `bad_frame` (no such address, or an empty text), `too_large` (over 65 536 bytes of UTF-8), `outbox_full`
   */
  send(_to: string, _payload: string): Message {
    throw new ChatError("internal");
  }

  /**
   * Resolves once the server has stored the message for good (at once, if it does not wait in the outbox).
   *
   * @throws ChatError the server's code if it was refused; `discarded`, `aborted`
   */
  async settled(_id: string, _options: WaitOptions = {}): Promise<void> {}

  /** Sends a failed message again, after those written meanwhile. */
  retry(_id: string): void {}

  /** Drops a failed message, or a pending one; of the latter the server may have taken it already. */
  discard(_id: string): void {}

  /** @internal */
  async loadEarlier(_conversation: Conversation, _options: LoadOptions): Promise<boolean> {
    return false;
  }

  /** @internal */
  markRead(_conversation: Conversation): void {}

  /** @internal */
  sendTyping(_conversation: Conversation): void {}
}
