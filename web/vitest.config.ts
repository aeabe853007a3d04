import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const sdk = (name: string): string => fileURLToPath(new URL(`../sdk/src/${name}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: "simplechat-client/indexeddb", replacement: sdk("indexeddb.ts") },
      { find: "simplechat-client", replacement: sdk("index.ts") },
    ],
  },
  test: { include: ["test/**/*.test.{ts,tsx}"], env: { TZ: "UTC" } },
});
