import type { ChatStorage } from "simplechat-client";

export function openStorage(): ChatStorage | undefined {
  return undefined;
}
