// Bundles each entry into one ES module beside its type declarations. Not minified: applications do that with their own code.

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));

rmSync(`${HERE}dist`, { recursive: true, force: true });
await build({
  absWorkingDir: HERE,
  entryPoints: ["src/index.ts", "src/indexeddb.ts", "src/memory.ts"],
  outdir: "dist",
  bundle: true,
  format: "esm",
  target: "es2022",
  sourcemap: true,
});
execFileSync(process.execPath, [`${HERE}node_modules/typescript/bin/tsc`, "-p", `${HERE}tsconfig.build.json`], { stdio: "inherit" });
