import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/index.js";
import { closeDialog, dialog } from "../state/dialog.js";
import { forget, signOut } from "../state/identity.js";
import { isDenied, isSupported, isWanted, want } from "../state/notifications.js";
import type { Session } from "../state/session.js";
import { Avatar } from "./Avatar.js";
import { IconButton } from "./icons.js";
import { LanguageAndTheme } from "./LanguageAndTheme.js";

/** The browser's modal dialog: it keeps the focus, closes at Escape, and gives the focus back. */
function Dialog({ id, title, children }: { id: string; title: string; children: ComponentChildren }): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const opening = useRef(dialog.peek()).current;
  useEffect(() => {
    const { current } = element;
    const before = document.activeElement as HTMLElement | null;
    current?.showModal();
    return () => {
      if (!current?.open) return; // it was closed by Escape, and the focus may be elsewhere by now
      current.close();
      before?.focus();
    };
  }, []);
  const close = (): void => closeDialog(opening);
  return (
    <dialog id={id} ref={element} aria-labelledby={`${id}-title`} onClose={close}
      onClick={({ target }) => target === element.current && close()}>
      <div class="dialog-body">
        <header>
          <h2 id={`${id}-title`}>{title}</h2>
          <IconButton icon="close" label={t("close")} onClick={close} />
        </header>
        {children}
      </div>
    </dialog>
  );
}

export function Settings({ session }: { session: Session }): JSX.Element {
  return (
    <Dialog id="settings" title={t("settings")}>
      <div class="account">
        <Avatar name={session.user} />
        <p><small>{t("signedInAs")}</small><bdi>{session.user}</bdi></p>
        <button id="sign-out" type="button" class="quiet" onClick={() => {
          closeDialog();
          signOut();
        }}>{t("signOut")}</button>
      </div>
      <LanguageAndTheme />
      {isSupported && (
        <label class="switch">
          <span>{t("notifications")}<small>{t(isDenied.value ? "notificationsDenied" : "notificationsHint")}</small></span>
          <input id="notifications" type="checkbox" role="switch" checked={isWanted.value} disabled={isDenied.value}
            onChange={({ currentTarget }) => void want(currentTarget.checked).then(() => (currentTarget.checked = isWanted.value))} />
        </label>
      )}
      <p class="forget">
        <button id="forget" type="button" class="text-button danger" onClick={() => {
          closeDialog();
          void forget();
        }}>{t("forget")}</button>
        <small>{t("forgetHint")}</small>
      </p>
    </Dialog>
  );
}

export function Help(): JSX.Element {
  const command = /Mac|iP(hone|ad)/.test(navigator.platform) ? "⌘" : "Ctrl";
  const option = command === "⌘" ? "⌥" : "Alt";
  return (
    <Dialog id="help" title={t("help")}>
      <h3>{t("shortcuts")}</h3>
      <dl class="keys">
        <Keys keys={[["Enter"]]} what={t("keySend")} />
        <Keys keys={[["Shift", "Enter"]]} what={t("keyNewLine")} />
        <Keys keys={[[command, "K"]]} what={t("keySearch")} />
        <Keys keys={[[option, "↓"], [option, "↑"]]} what={t("keyNext")} />
        <Keys keys={[["↑"]]} what={t("keyReadBack")} />
        <Keys keys={[["C"]]} what={t("keyCopy")} />
        <Keys keys={[["Esc"]]} what={t("keyEscape")} />
        <Keys keys={[[command, "/"]]} what={t("keyHelp")} />
      </dl>
      <h3>{t("formatting")}</h3>
      <p class="formats">
        <code>**<b>{t("formatBold")}</b>**</code> <code>*<i>{t("formatItalic")}</i>*</code>{" "}
        <code>~~<s>{t("formatStrike")}</s>~~</code> <code>`{t("formatCode")}`</code>
      </p>
      <p class="formats">{t("formatMore")}</p>
    </Dialog>
  );
}

function Keys({ keys, what }: { keys: readonly (readonly string[])[]; what: string }): JSX.Element {
  return (
    <div>
      <dt>{keys.map((combination) => <span key={combination.join()}>{combination.map((key) => <kbd key={key}>{key}</kbd>)}</span>)}</dt>
      <dd>{what}</dd>
    </div>
  );
}
