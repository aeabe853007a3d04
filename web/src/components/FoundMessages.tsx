import type { JSX } from "preact";
import type { FoundMessage } from "simplechat-client/indexeddb";
import { formatBrief, t } from "../i18n/index.js";
import { today } from "../state/appearance.js";
import { dayOf } from "../text/days.js";
import { excerpt } from "../text/excerpt.js";
import { Avatar } from "./Avatar.js";

interface Props {
  readonly messages: readonly FoundMessage[];
  readonly me: string;
  /** What was searched for. */
  readonly text: string;
  readonly choose: (partner: string, message: FoundMessage) => void;
}

/** The messages that a search has found: who wrote what, and when. Each leads to its place in its conversation. */
export function FoundMessages({ messages, me, text, choose }: Props): JSX.Element | null {
  if (messages.length === 0) return null;
  return (
    <section aria-labelledby="found-title">
      <h2 id="found-title" class="list-title">{t("foundMessages")}</h2>
      <ul>
        {messages.map((message) => {
          const { with: partner, from, id, payload, at } = message;
          const { before, match, after } = excerpt(payload, text);
          return (
            <li key={`${partner} ${from} ${id}`}>
              <button type="button" class="conversation" data-found={id} tabIndex={-1} onClick={() => choose(partner, message)}>
                <Avatar name={partner} />
                <span class="conversation-top">
                  <bdi class="partner">{partner}</bdi>
                  <time>{formatBrief(at, today.value - dayOf(at))}</time>
                </span>
                <span class="conversation-bottom">
                  <span class="preview" dir="auto">{from === me && `${t("you")}: `}{before}<mark>{match}</mark>{after}</span>
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
