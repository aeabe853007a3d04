import { afterEach, beforeEach, vi } from "vitest";
import { Chat, type ChatOptions, type Conversation } from "../../src/index.js";
import { FakeServer, seeded } from "./fake_server.js";

export const START_MS = Date.UTC(2030, 0, 1);

/** Fake timers for each test of a file; every chat that was made is stopped after it. */
export function useFakeWorld(): { server: () => FakeServer; open: (user: string, options?: Partial<ChatOptions>) => Chat; pass: (ms?: number) => Promise<void> } {
  let server = new FakeServer();
  let chats: Chat[] = [];
  beforeEach(() => {
    vi.useFakeTimers({ now: START_MS, toFake: ["setTimeout", "clearTimeout", "Date"] });
    server = new FakeServer();
    chats = [];
  });
  afterEach(async () => {
    await Promise.all(chats.map((chat) => chat.stop()));
    vi.useRealTimers();
  });
  return {
    server: () => server,
    open: (user, options = {}) => {
      const chat = new Chat({ url: "ws://a/", user, webSocket: server.webSocket, random: seeded(7), page: {}, ...options });
      chats.push(chat);
      chat.start();
      return chat;
    },
    pass: async (ms = 300) => {
      await vi.advanceTimersByTimeAsync(ms);
    },
  };
}

export function texts(conversation: Conversation): string[] {
  return conversation.messages.map(({ payload }) => payload);
}

export function states(conversation: Conversation): string[] {
  return conversation.messages.map(({ payload, state }) => `${payload} ${state}`);
}
