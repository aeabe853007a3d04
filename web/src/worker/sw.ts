// The service worker: keeps the page, so that it opens at once and without a network.
//
// Each build has a cache of its own, filled completely before the build is used. A page that is already open belongs to the build before:
// its lazily loaded files stay in that build's cache, which goes only with the second build after it. So no page ever mixes two builds.

export {};

/** The build puts these two in. */
declare const __URLS__: readonly string[];
declare const __VERSION__: string;

const URLS = __URLS__;
const PREFIX = "simplechat-";
const CACHE = PREFIX + __VERSION__;
const PAGE = "/client/";
const ANSWER_MAX_MS = 500; // a frozen page does not; and a browser lets a click open a window only for a moment
/** A file is the same whatever headers it was asked with. */
const HOWEVER = { ignoreVary: true };
const scope = self as unknown as ServiceWorkerGlobalScope;

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  // Files with a hash in their names never change; the others must not come from the browser's cache.
  await cache.addAll(URLS.map((url) => new Request(url, { cache: url.includes("/assets/") ? "default" : "reload" })));
  await scope.skipWaiting();
}

async function activate(): Promise<void> {
  const others = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)));
  await scope.clients.claim();
}

async function answer(request: Request): Promise<Response> {
  const isPage = request.mode === "navigate";
  const own = await caches.open(CACHE);
  const asked = isPage ? PAGE : request;
  const found = await own.match(asked, HOWEVER) ?? (isPage ? undefined : await caches.match(request, HOWEVER));
  return found ?? fetch(request);
}

/** A click on a notification leads to its conversation, in a page of its user that is open already if there is one. */
async function show(url: string): Promise<void> {
  const { searchParams } = new URL(url);
  const me = searchParams.get("me");
  const pages = await scope.clients.matchAll({ type: "window" });
  const page = await Promise.any(pages.map((client) => askWhether(client, me))).catch(() => undefined);
  if (!page) return void await scope.clients.openWindow(url);
  page.postMessage({ type: "open", me, with: searchParams.get("to") });
  await page.focus();
}

/** The page, if it says that this user is signed in there. Its address as the worker knows it is the one that it began with. */
function askWhether(page: WindowClient, me: string | null): Promise<WindowClient> {
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => (data === true ? resolve(page) : reject());
    setTimeout(reject, ANSWER_MAX_MS);
    page.postMessage({ type: "ask", me }, [port2]);
  });
}

scope.addEventListener("install", (event) => event.waitUntil(install()));
scope.addEventListener("activate", (event) => event.waitUntil(activate()));
scope.addEventListener("fetch", (event) => {
  const { method, url, mode } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== location.origin) return;
  const isPage = mode === "navigate" && (pathname === "/client" || pathname === PAGE);
  if (isPage || URLS.includes(pathname) || pathname.startsWith("/client/assets/")) event.respondWith(answer(event.request));
});
scope.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(String(event.notification.data)));
});
