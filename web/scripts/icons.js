// Draws the PNG icons from public/icon.svg with Chromium (CHROMIUM, or /usr/bin/chromium). The results are committed.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const PUBLIC = fileURLToPath(new URL("../public/", import.meta.url));
const svg = readFileSync(`${PUBLIC}icon.svg`, "utf8");
// A maskable icon may be cut to a circle of 80 %: its ground goes to the edge, and the drawing is smaller.
const maskable = svg.replace(/ rx="16"/, "").replace(/(<rect[^>]*>)([^]*)(<\/svg>)/, '$1<g transform="translate(8 8) scale(.75)">$2</g>$3');
const folder = mkdtempSync(path.join(tmpdir(), "simplechat-icons-"));

function draw(name, source, size) {
  const page = path.join(folder, "page.html");
  const sized = source.replace("<svg ", `<svg width="${size}" height="${size}" style="display:block" `);
  writeFileSync(page, `<!doctype html><style>html,body{margin:0;background:transparent}</style>${sized}`);
  execFileSync(process.env.CHROMIUM ?? "/usr/bin/chromium", [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1",
    "--default-background-color=00000000", `--window-size=${size},${size}`, `--user-data-dir=${path.join(folder, "profile")}`,
    `--screenshot=${PUBLIC}${name}`, `file://${page}`,
  ], { stdio: "ignore" });
}

try {
  draw("icon-192.png", svg, 192);
  draw("icon-512.png", svg, 512);
  draw("icon-maskable-512.png", maskable, 512);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
