// The search for messages: those that this browser keeps, which it does without a network and without asking the server.

import { signal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { FoundMessage } from "simplechat-client/indexeddb";
import type { Session } from "./session.js";

const WAIT_MS = 200; // for another key
const LENGTH_MIN = 2;
const FOUND_MAX = 30;

/** What has the text, newest first; follows the text a moment later. */
export function useFoundMessages(session: Session, text: string): ReadonlySignal<readonly FoundMessage[]> {
  const [found] = useState(() => signal<readonly FoundMessage[]>([]));
  useEffect(() => {
    if (text.length < LENGTH_MIN) {
      found.value = [];
      return undefined;
    }
    const outdated = new AbortController();
    const { signal: isOutdated } = outdated;
    const timer = setTimeout(() => {
      session.searchMessages(text, FOUND_MAX, isOutdated).then((messages) => {
        if (!isOutdated.aborted) found.value = messages;
      }, () => {}); // the storage has failed, which the page says already
    }, WAIT_MS);
    return () => {
      clearTimeout(timer);
      outdated.abort();
    };
  }, [session, text]);
  return found;
}
