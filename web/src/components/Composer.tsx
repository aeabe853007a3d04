import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ChatError } from "simplechat-client";
import { t } from "../i18n/index.js";
import type { ConversationView } from "../state/conversation-view.js";
import { draftsOf } from "../state/drafts.js";
import { describeError } from "../state/errors.js";
import type { Session } from "../state/session.js";
import { hasTouch, isComposing } from "../state/shortcuts.js";
import { EmojiButton } from "./EmojiButton.js";
import { Icon } from "./icons.js";
import { focusLastMessage } from "./MessageList.js";

const GROWS_BY_ITSELF = CSS.supports("field-sizing", "content");

interface Props {
  readonly session: Session;
  readonly view: ConversationView;
}

/** The text lives in the field, not in a signal: a key makes nothing render. */
export function Composer({ session, view }: Props): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  const problem = useSignal("");
  const isBlank = useSignal(true);
  const drafts = draftsOf(session.user);

  useEffect(() => {
    const textarea = field.current;
    if (!textarea) return;
    textarea.value = drafts.get(view.partner);
    changed();
    if (!hasTouch()) textarea.focus({ preventScroll: true });
  }, []);

  function changed(): void {
    const textarea = field.current;
    if (!textarea) return;
    isBlank.value = textarea.value.trim() === "";
    if (GROWS_BY_ITSELF) return;
    textarea.style.height = "auto";
    textarea.style.height = `${textarea.scrollHeight + 2}px`;
  }

  function input(): void {
    const text = field.current?.value ?? "";
    drafts.set(view.partner, text);
    if (problem.peek()) problem.value = "";
    if (text.trim() !== "") view.conversation.sendTyping();
    changed();
  }

  function send(event?: Event): void {
    event?.preventDefault();
    const textarea = field.current;
    if (!textarea || textarea.value.trim() === "") return;
    try {
      session.send(view, textarea.value);
      textarea.value = "";
      input();
    } catch (error) {
      problem.value = describeError(error instanceof ChatError ? error.code : "", String(error));
    }
    textarea.focus();
  }

  function keyDown(event: KeyboardEvent): void {
    if (isComposing(event) || event.altKey) return;
    if (event.key === "Enter" && !event.shiftKey && !hasTouch()) send(event);
    else if (event.key === "ArrowUp" && field.current?.value === "") {
      event.preventDefault();
      focusLastMessage();
    }
  }

  function insert(text: string): void {
    const textarea = field.current;
    if (!textarea) return;
    textarea.focus();
    textarea.setRangeText(text, textarea.selectionStart, textarea.selectionEnd, "end");
    input();
  }

  return (
    <form id="composer" onSubmit={send}>
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
      <div class="composer-field">
        <EmojiButton insert={insert} />
        <textarea id="message" ref={field} rows={1} dir="auto" aria-label={t("message")} placeholder={t("write")} aria-describedby="composer-help"
          onInput={input} onKeyDown={keyDown} />
        <span id="composer-help" class="visually-hidden">{hasTouch() ? "" : t("composerHelp")}</span>
        <button id="send" class="send" aria-label={t("send")} title={t("send")} aria-disabled={isBlank.value}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  );
}
