// The service worker, which keeps the page itself.

import { open, session } from "./identity.js";

interface TrustedScriptUrlPolicy {
  createScriptURL(url: string): string;
}
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): TrustedScriptUrlPolicy;
}

const URL = "/client/sw.js";

export function keepPage(): void {
  if (import.meta.env.DEV || !("serviceWorker" in navigator)) return;
  // A notification was clicked: whose page is this, and its conversation is to be opened.
  navigator.serviceWorker.addEventListener("message", ({ data, ports }) => {
    const isMine = session.peek()?.user === data?.me;
    if (data?.type === "ask") ports[0]?.postMessage(isMine);
    if (data?.type === "open" && isMine && typeof data.with === "string") open(data.with);
  });
  // The page is there first: the worker's fetching must not slow down its start. It may have loaded while its language was on its way.
  if (document.readyState === "complete") register();
  else addEventListener("load", register, { once: true });
}

function register(): void {
  navigator.serviceWorker.register(trusted(URL), { scope: "/client", updateViaCache: "none" }).catch((error: unknown) => {
    console.warn("SimpleChat will not open without a network:", error);
  });
}

/** Under `require-trusted-types-for 'script'` only a policy's word makes a script's address: this one lets pass a single address. */
function trusted(url: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  const policy = trustedTypes?.createPolicy("simplechat-sw", {
    createScriptURL(asked) {
      if (asked !== URL) throw new TypeError(`Not the service worker: ${asked}`);
      return asked;
    },
  });
  return policy?.createScriptURL(url) ?? url;
}
