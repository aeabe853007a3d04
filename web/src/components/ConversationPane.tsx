import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { names, plural, t } from "../i18n/index.js";
import type { ConversationView } from "../state/conversation-view.js";
import { open } from "../state/identity.js";
import type { Session } from "../state/session.js";
import { hasTouch } from "../state/shortcuts.js";
import { Avatar } from "./Avatar.js";
import { Composer } from "./Composer.js";
import { Icon, IconButton } from "./icons.js";
import { MessageList } from "./MessageList.js";

interface Props {
  readonly session: Session;
  readonly view: ConversationView;
}

export function ConversationPane({ session, view }: Props): JSX.Element {
  const { blocks } = session;
  const { partner } = view;
  const isOnline = session.connection.value.state === "online";
  const blocked = blocks?.users.value;
  const isBlocked = blocked?.has(partner) ?? false;
  const mayBlock = blocked !== undefined && partner !== session.user && !partner.startsWith("#");
  const problem = useSignal("");
  const unblock = useRef<HTMLButtonElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const hasBlocked = useRef(false); // just now, by this pane's button, which is gone

  useEffect(() => {
    if (hasTouch() || isBlocked) heading.current?.focus({ preventScroll: true }); // elsewhere the composer takes it
  }, []);
  useEffect(() => {
    if (isOnline) void blocks?.load(isBlocked);
  }, [blocks, isOnline]);
  useEffect(() => {
    if (hasBlocked.current) unblock.current?.focus();
    hasBlocked.current = false;
  }, [isBlocked]);

  async function block(): Promise<void> {
    try {
      hasBlocked.current = !isBlocked;
      await blocks?.set(partner, !isBlocked);
      problem.value = "";
    } catch (error) {
      hasBlocked.current = false;
      problem.value = t("blockFailed", { reason: error instanceof Error ? error.message : String(error) });
    }
  }

  return (
    <section class="conversation-pane" aria-labelledby="partner">
      <header class="pane-header">
        <IconButton icon="back" class="back" label={t("back")} onClick={() => open(undefined)} />
        <Avatar name={view.partner} />
        <h2 id="partner" ref={heading} tabIndex={-1}><bdi>{view.partner}</bdi></h2>
        {mayBlock && !isBlocked && (
          <button id="block" type="button" class="quiet" title={t("blockHint", { name: partner })} onClick={() => void block()}>
            <Icon name="block" size={18} /><span>{t("block")}</span>
          </button>
        )}
        <button id="clear" type="button" class="quiet" title={t("clearHint")} onClick={() => view.clear()}>
          <Icon name="clear" size={18} /><span>{t("clear")}</span>
        </button>
      </header>
      <MessageList session={session} view={view} />
      <Typing view={view} />
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
      {isBlocked ? (
        <div id="blocked" class="blocked" role="status">
          <p>{t("blocked", { name: partner })}</p>
          <button id="unblock" ref={unblock} type="button" class="primary" onClick={() => void block()}>{t("unblock")}</button>
        </div>
      ) : <Composer session={session} view={view} />}
    </section>
  );
}

function Typing({ view }: { view: ConversationView }): JSX.Element {
  const typing = view.typing.value;
  return (
    <div class="typing-line" data-active={typing.length > 0}>
      <span class="typing-dots" aria-hidden="true"><i /><i /><i /></span>
      <p id="typing" role="status">{typing.length > 0 ? plural("typing", typing.length, { names: names(typing) }) : ""}</p>
    </div>
  );
}
