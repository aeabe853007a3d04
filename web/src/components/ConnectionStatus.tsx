import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { StateEvent } from "simplechat-client";
import { names, t } from "../i18n/index.js";
import { link, session } from "../state/identity.js";
import { hostsOf } from "../state/link.js";

/** Says, calmly, what is wrong with the connection; when nothing is, only screen readers hear of it. */
export function ConnectionStatus(): JSX.Element {
  const hasNetwork = useNetwork();
  const current = session.value;
  const event: StateEvent = current?.connection.value ?? { state: "idle" };
  const { state } = event;
  return (
    <div id="status" role="status" data-connection={state} data-network={hasNetwork ? "online" : "offline"}>
      <span class="dot" aria-hidden="true" />
      <span class="state">{describe(event, current?.user ?? "", hasNetwork)}</span>
      {state === "closed" && current && (
        <button type="button" class="quiet" onClick={() => current.start()}>{t("connectAgain")}</button>
      )}
      {current && link.isForeign && <span id="foreign" class="notice">{t("foreignChat", { server: names(hostsOf(link.server)) })}</span>}
      {current?.storageFailed.value && <span class="notice">{t("storageFailed")}</span>}
    </div>
  );
}

function describe({ state, error }: StateEvent, name: string, hasNetwork: boolean): string {
  if (state === "closed") return t("closed", { reason: error?.message || t("endedByServer") });
  if (!hasNetwork && state !== "idle") return t("offline");
  return t(state, { name });
}

function useNetwork(): boolean {
  const [isOnline, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const listening = new AbortController();
    const { signal } = listening;
    addEventListener("online", () => setOnline(true), { signal });
    addEventListener("offline", () => setOnline(false), { signal });
    return () => listening.abort();
  }, []);
  return isOnline;
}
