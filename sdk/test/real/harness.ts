import { randomBytes } from "node:crypto";
import { WebSocket } from "undici";
import { afterEach } from "vitest";
import { Chat, type ChatOptions, type WebSocketConstructor } from "../../src/index.js";

/** Where the gateways are, which run.py has started. */
export const URLS = (process.env["CHAT_URLS"] ?? "").split(",");
const DEADLINE_MS = 90_000;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Gives what opens a chat; every chat that was opened is stopped after its test. */
export function useChats(): (user: string, options?: Partial<ChatOptions>) => Chat {
  let chats: Chat[] = [];
  afterEach(async () => {
    await Promise.all(chats.map((chat) => chat.stop()));
    chats = [];
  });
  return (user, options = {}) => {
    const webSocket = WebSocket as unknown as WebSocketConstructor;
    // A shorter heartbeat than people have, so that doubtful orders are settled, and tokens renewed, within the test's time.
    const chat = new Chat({ url: URLS, server: "real", user, webSocket, heartbeatMs: 1_000, ...options });
    chats.push(chat);
    chat.start();
    return chat;
  };
}

/** User ids that no other test or run uses: stores keep what tests write. */
export function newUsers(...names: string[]): string[] {
  const run = randomBytes(5).toString("hex");
  return names.map((name) => `${name}-${run}`);
}

export async function eventually(what: string, condition: () => boolean): Promise<void> {
  const endMs = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`${what}: not within ${DEADLINE_MS} ms`);
    await sleep(50);
  }
}
