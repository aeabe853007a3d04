import type { JSX } from "preact";
import type { Message } from "simplechat-client";
import { t } from "../i18n/index.js";
import type { TextKey } from "../i18n/translate.js";
import { Icon, type IconName } from "./icons.js";

const STATES: Record<Message["state"], [IconName, TextKey]> = {
  pending: ["pending", "statePending"],
  sent: ["sent", "stateSent"],
  delivered: ["delivered", "stateDelivered"],
  read: ["delivered", "stateRead"],
  failed: ["failed", "stateFailed"],
};

/** How far an own message has got: a mark to see, a word to hear. */
export function MessageState({ message: { state } }: { message: Pick<Message, "state"> }): JSX.Element {
  const [icon, label] = STATES[state];
  return (
    <span class={`state state-${state}`} title={t(label)}>
      <Icon name={icon} size={16} />
      <span class="visually-hidden">{t(label)}</span>
    </span>
  );
}
