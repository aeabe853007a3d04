import type { JSX } from "preact";
import { names, plural, t } from "../i18n/index.js";
import type { ConversationView } from "../state/conversation-view.js";
import { open } from "../state/identity.js";
import type { Session } from "../state/session.js";
import { Avatar } from "./Avatar.js";
import { Composer } from "./Composer.js";
import { Icon, IconButton } from "./icons.js";
import { MessageList } from "./MessageList.js";

interface Props {
  readonly session: Session;
  readonly view: ConversationView;
}

export function ConversationPane({ session, view }: Props): JSX.Element {
  return (
    <section class="conversation-pane" aria-labelledby="partner">
      <header class="pane-header">
        <IconButton icon="back" class="back" label={t("back")} onClick={() => open(undefined)} />
        <Avatar name={view.partner} />
        <h2 id="partner"><bdi>{view.partner}</bdi></h2>
        <button id="clear" type="button" class="quiet" title={t("clearHint")} onClick={() => view.clear()}>
          <Icon name="clear" size={18} /><span>{t("clear")}</span>
        </button>
      </header>
      <MessageList session={session} view={view} />
      <Typing view={view} />
      <Composer session={session} view={view} />
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
