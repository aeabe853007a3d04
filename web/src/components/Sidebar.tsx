import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { FoundMessage } from "simplechat-client/indexeddb";
import { t } from "../i18n/index.js";
import { openDialog } from "../state/dialog.js";
import { open } from "../state/identity.js";
import type { Session } from "../state/session.js";
import { isAddress } from "../text/address.js";
import { Avatar } from "./Avatar.js";
import { ConversationList } from "./ConversationList.js";
import { Icon, IconButton } from "./icons.js";

export function Sidebar({ session }: { session: Session }): JSX.Element {
  const search = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  const text = search.value.trim();

  /** The search stays while its results are looked at. */
  function choose(partner: string, message?: FoundMessage): void {
    if (!message) search.value = "";
    open(partner);
    if (message) void session.open.peek()?.find(message);
  }

  /** Enter opens what the list shows first, or begins a chat. */
  function submit(event: Event): void {
    event.preventDefault();
    const exact = session.rows.peek().find((row) => row.with === text);
    const first = document.querySelector<HTMLElement>("#conversations [data-with]")?.dataset["with"];
    const partner = exact?.with ?? (isAddress(text) && !first ? text : first);
    if (text && partner) choose(partner);
  }

  function keyDown(event: KeyboardEvent): void {
    if (event.key === "ArrowDown") document.querySelector<HTMLElement>("#conversations button")?.focus();
    else if (event.key === "Escape" && search.value) search.value = "";
    else return;
    event.preventDefault();
  }

  return (
    <div class="sidebar">
      <header class="sidebar-header">
        <span class="me" data-connection={session.connection.value.state}>
          <Avatar name={session.user} />
          <bdi class="me-name">{session.user}</bdi>
        </span>
        <IconButton icon="help" label={t("help")} onClick={() => openDialog("help")} />
        <IconButton icon="settings" label={t("settings")} onClick={() => openDialog("settings")} />
      </header>
      <form class="search" role="search" onSubmit={submit}>
        <Icon name="search" size={18} />
        <input id="search" ref={field} type="text" value={search.value} maxLength={64} placeholder={t("search")} aria-label={t("search")}
          autocomplete="off" autocapitalize="none" spellcheck={false} enterkeyhint="go" dir="auto"
          onInput={({ currentTarget }) => (search.value = currentTarget.value)} onKeyDown={keyDown} />
        {search.value && (
          <IconButton icon="close" label={t("clearSearch")} onClick={() => {
            search.value = "";
            field.current?.focus();
          }} />
        )}
      </form>
      <ConversationList session={session} text={text} choose={choose} />
    </div>
  );
}
