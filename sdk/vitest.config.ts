import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
      // Talks to running servers: test/real/run.py starts them.
      { test: { name: "real", include: ["test/real/**/*.test.ts"], testTimeout: 180_000, hookTimeout: 60_000 } },
    ],
  },
});
