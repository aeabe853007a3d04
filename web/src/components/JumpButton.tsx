import type { JSX } from "preact";
import { formatCount, plural, t } from "../i18n/index.js";
import type { ConversationView } from "../state/conversation-view.js";
import { Icon } from "./icons.js";

/** Leads to the newest message, and says how many were not seen. */
export function JumpButton({ view }: { view: ConversationView }): JSX.Element | null {
  if (!view.isAway.value) return null;
  const unread = view.unread.value;
  return (
    <button id="latest" type="button" class="jump" title={t("jumpToLatest")} onClick={() => view.toEnd.value++}>
      <Icon name="down" />
      <span class="visually-hidden">{t("jumpToLatest")}</span>
      {unread > 0 && (
        <span class="unread"><span aria-hidden="true">{formatCount(unread)}</span><span class="visually-hidden">, {plural("unread", unread)}</span></span>
      )}
    </button>
  );
}
