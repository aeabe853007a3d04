import type { JSX } from "preact";
import { memo } from "preact/compat";
import { useRef } from "preact/hooks";
import type { FoundMessage } from "simplechat-client/indexeddb";
import { formatBrief, formatCount, plural, t } from "../i18n/index.js";
import { today } from "../state/appearance.js";
import { draftsOf } from "../state/drafts.js";
import { useFoundMessages } from "../state/message-search.js";
import type { Row, Session } from "../state/session.js";
import { focusComposer } from "../state/shortcuts.js";
import { isAddress } from "../text/address.js";
import { dayOf } from "../text/days.js";
import { preview } from "../text/shape.js";
import { Avatar } from "./Avatar.js";
import { FoundMessages } from "./FoundMessages.js";
import { Icon } from "./icons.js";
import { MessageState } from "./MessageState.js";

const NEAR_END_PX = 400;

interface Props {
  readonly session: Session;
  /** What was searched for. */
  readonly text: string;
  /** @param message where to open it */
  readonly choose: (partner: string, message?: FoundMessage) => void;
}

/** One tab stop, within which the arrow keys move. */
export function ConversationList({ session, text, choose }: Props): JSX.Element {
  const list = useRef<HTMLElement>(null);
  const found = useFoundMessages(session, text).value;
  const drafts = draftsOf(session.user);
  drafts.version.value; // a draft that comes or goes shows
  const current = session.open.value?.partner;
  const rows = matching(session.rows.value, text);
  const canStart = isAddress(text) && text !== session.user && !rows.some((row) => row.with === text);
  const tabStop = rows.some((row) => row.with === current) ? current : rows[0]?.with;

  function keyDown(event: KeyboardEvent): void {
    const buttons = [...(list.current?.querySelectorAll<HTMLElement>("button") ?? [])];
    const index = buttons.indexOf(document.activeElement as HTMLElement);
    const targets: Record<string, number> = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: buttons.length - 1 };
    const target = event.altKey ? undefined : targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    if (target < 0) document.getElementById("search")?.focus();
    else buttons[target]?.focus();
  }

  function scrolled({ currentTarget }: Event): void {
    const { scrollTop, scrollHeight, clientHeight } = currentTarget as HTMLElement;
    if (scrollHeight - scrollTop - clientHeight < NEAR_END_PX) void session.loadMoreConversations();
  }

  return (
    <nav id="conversations" ref={list} aria-label={t("conversations")} aria-busy={!session.isCaughtUp.value} onScroll={scrolled} onKeyDown={keyDown}>
      <ul>
        {rows.map((row) => (
          <ConversationItem key={row.with} row={row} me={session.user} isCurrent={row.with === current} isTabStop={row.with === tabStop && !canStart}
            draft={row.with === current ? "" : drafts.get(row.with)} day={today.value} choose={choose} />
        ))}
        {canStart && (
          <li>
            <button type="button" class="conversation start" data-start={text} onClick={() => choose(text)}>
              <span class="avatar new" aria-hidden="true"><Icon name="add" /></span>
              <span class="start-label">{t("startChat", { name: text })}</span>
            </button>
          </li>
        )}
      </ul>
      <FoundMessages messages={found} me={session.user} text={text} choose={choose} />
      {session.isCaughtUp.value && rows.length === 0 && found.length === 0 && !canStart && (
        text
          ? <p class="list-hint">{t("nothingFound", { text })}</p>
          : <p class="list-hint"><b>{t("noConversations")}</b>{t("noConversationsHint")}</p>
      )}
    </nav>
  );
}

interface ItemProps {
  readonly row: Row;
  readonly me: string;
  readonly isCurrent: boolean;
  readonly isTabStop: boolean;
  readonly draft: string;
  readonly day: number;
  readonly choose: (partner: string) => void;
}

const ConversationItem = memo(({ row, me, isCurrent, isTabStop, draft, day, choose }: ItemProps): JSX.Element => {
  const { with: partner, last, unread, typing } = row;

  function clicked(): void {
    if (isCurrent) focusComposer();
    choose(partner);
  }

  return (
    <li>
      <button type="button" class="conversation" data-with={partner} aria-current={isCurrent ? "true" : undefined}
        tabIndex={isTabStop ? 0 : -1} onClick={clicked}>
        <Avatar name={partner} />
        <span class="conversation-top">
          <bdi class="partner">{partner}</bdi>
          {last && <time>{formatBrief(last.at, day - dayOf(last.at))}</time>}
        </span>
        <span class="conversation-bottom">
          <Preview row={row} me={me} draft={draft} />
          {last?.from === me && unread === 0 && !draft && !typing && <MessageState message={last} />}
          {unread > 0 && (
            <span class="unread">
              <span aria-hidden="true">{formatCount(unread)}</span>
              <span class="visually-hidden">{plural("unread", unread)}</span>
            </span>
          )}
        </span>
      </button>
    </li>
  );
});

function Preview({ row: { last, typing }, me, draft }: { row: Row; me: string; draft: string }): JSX.Element {
  if (typing) return <span class="preview is-typing">{t("typingShort")}</span>;
  if (draft) return <span class="preview" dir="auto"><b class="draft">{t("draftOf")}</b> {preview(draft)}</span>;
  const text = preview(last?.payload ?? "");
  return <span class="preview" dir="auto">{last?.from === me ? t("youSaid", { text }) : text}</span>;
}

/** Those whose name, or last message, has the text. */
function matching(rows: readonly Row[], text: string): readonly Row[] {
  if (!text) return rows;
  const wanted = text.toLowerCase();
  return rows.filter(({ with: partner, last }) => partner.toLowerCase().includes(wanted) || last?.payload.toLowerCase().includes(wanted));
}
