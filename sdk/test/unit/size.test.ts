import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

const CORE_BYTES_MAX = 6144;

test("the core is at most 6 KB of gzip, and has no dependency", async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL("../../src/index.ts", import.meta.url))],
    bundle: true, minify: true, format: "esm", target: "es2022", write: false, metafile: true,
  });
  const bytes = gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length;
  console.log(`core: ${bytes} bytes of gzip`);
  expect(bytes).toBeLessThan(CORE_BYTES_MAX);
  expect(Object.keys(metafile.inputs).filter((path) => path.includes("node_modules"))).toEqual([]);
});
