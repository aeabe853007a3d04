// What the first load of the page costs: fails if its JavaScript is over the limit, compressed.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const FIRST_LOAD_MAX = 60 * 1024;
const DIST = fileURLToPath(new URL("../dist/", import.meta.url));

const page = readFileSync(`${DIST}index.html`, "utf8");
let firstLoad = 0;
for (const name of readdirSync(`${DIST}assets`).sort()) {
  const size = gzipSync(readFileSync(`${DIST}assets/${name}`)).length;
  const isFirst = page.includes(`/assets/${name}`);
  if (isFirst && name.endsWith(".js")) firstLoad += size;
  console.log(`${String(size).padStart(7)}  ${name}${isFirst ? "" : "  (later)"}`);
}
console.log(`${String(firstLoad).padStart(7)}  JavaScript of the first load, of at most ${FIRST_LOAD_MAX}`);
if (firstLoad > FIRST_LOAD_MAX) process.exitCode = 1;
