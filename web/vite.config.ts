import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, transformWithOxc, type Plugin } from "vite";

const BASE = "/client/";
const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** What the server sends with the page; `vite preview` sends it too, so that a violation shows before it ships. */
const HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; manifest-src 'self'; " +
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "Referrer-Policy": "no-referrer",
  "Service-Worker-Allowed": "/client",
  "X-Content-Type-Options": "nosniff",
};

/** Writes sw.js: the service worker, told the names of all built files and a version that changes with their contents. */
function serviceWorker(): Plugin {
  return {
    name: "simplechat-service-worker",
    apply: "build",
    enforce: "post",
    generateBundle: {
      order: "post",
      async handler(_, bundle) {
        const hash = createHash("sha256");
        const urls: string[] = [];
        const add = (name: string, content: string | Uint8Array): void => {
          urls.push(name === "index.html" ? BASE : BASE + name);
          hash.update(name).update(content);
        };
        for (const [name, file] of Object.entries(bundle).sort(([a], [b]) => (a < b ? -1 : 1))) {
          if (!name.endsWith(".map")) add(name, file.type === "chunk" ? file.code : file.source);
        }
        for (const name of readdirSync(path("public")).sort()) add(name, readFileSync(path(`public/${name}`)));
        const source = readFileSync(path("src/worker/sw.ts"), "utf8");
        hash.update(source);
        const { code } = await transformWithOxc(source.replace(/^export \{\};\n/m, ""), "sw.ts");
        this.emitFile({
          type: "asset",
          fileName: "sw.js",
          source: code.replace("__URLS__", JSON.stringify(urls)).replace("__VERSION__", JSON.stringify(hash.digest("hex").slice(0, 16))),
        });
      },
    },
  };
}

/** What comes when it is first wanted. */
const LAZY = /\/marked\/|\/(?:markdown|EmojiPicker|DialogContents)\.tsx$|\/i18n\/de\.ts$/;

/** Where `npm run dev` and `npm run preview` find a running server. */
const server = process.env["SIMPLECHAT_URL"] ?? "http://127.0.0.1:3002";
const proxy = { "^/ws$": { target: server, ws: true }, "^/v1/": { target: server } };

export default defineConfig({
  base: BASE,
  resolve: {
    // The SDK is taken from its sources: one build, and only what the page uses of it.
    alias: [
      { find: "simplechat-client/indexeddb", replacement: path("../sdk/src/indexeddb.ts") },
      { find: "simplechat-client", replacement: path("../sdk/src/index.ts") },
      // virtua speaks React.
      { find: "react/jsx-runtime", replacement: "preact/jsx-runtime" },
      { find: /^react(-dom)?$/, replacement: "preact/compat" },
    ],
  },
  plugins: [serviceWorker()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // One file to start with, also of what the lazy ones share with it.
        codeSplitting: { groups: [{ name: "main", test: (id) => !LAZY.test(id) }] },
      },
    },
  },
  server: { proxy },
  preview: { proxy, headers: HEADERS },
});
