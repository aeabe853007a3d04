import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/index.js";
import { announcement, shownToast } from "../state/announcer.js";
import { session } from "../state/identity.js";
import { focusConversation, useShortcuts } from "../state/shortcuts.js";
import type { Session } from "../state/session.js";
import { ConnectionStatus } from "./ConnectionStatus.js";
import { ConversationPane } from "./ConversationPane.js";
import { Dialogs } from "./Dialogs.js";
import { Icon } from "./icons.js";
import { Sidebar } from "./Sidebar.js";
import { SignIn } from "./SignIn.js";

export function App(): JSX.Element {
  const current = session.value;
  return (
    <>
      {current ? <Chatting key={current.user} session={current} /> : <SignIn />}
      <Announcements />
    </>
  );
}

function Chatting({ session: current }: { session: Session }): JSX.Element {
  const open = current.open.value;
  const partner = open?.partner;
  const before = useRef<string | undefined>(undefined);
  useShortcuts(current);

  // On a phone, leaving a conversation hides what had the focus.
  useEffect(() => {
    if (partner === undefined && before.current !== undefined && document.activeElement === document.body) focusConversation(before.current);
    before.current = partner;
  }, [partner]);

  return (
    <main class="app" data-pane={open ? "conversation" : "list"}>
      <h1 class="visually-hidden">SimpleChat</h1>
      <ConnectionStatus />
      <Sidebar session={current} />
      <div class="pane">
        {open ? <ConversationPane key={open.partner} session={current} view={open} /> : <NothingOpen />}
      </div>
      <Dialogs session={current} />
    </main>
  );
}

function NothingOpen(): JSX.Element {
  return (
    <div class="nothing">
      <span class="nothing-mark"><Icon name="chat" size={32} /></span>
      <h2>{t("chooseConversation")}</h2>
      <p>{t("chooseConversationHint")}</p>
    </div>
  );
}

/** Apart from the messages, so that only new ones are read out, never those that scrolling brings into view. */
function Announcements(): JSX.Element {
  const said = announcement.value;
  return (
    <>
      <div id="announcements" class="visually-hidden" aria-live="polite"><p key={said}>{said.text}</p></div>
      {shownToast.value && <div class="toast" aria-hidden="true">{shownToast.value}</div>}
    </>
  );
}
