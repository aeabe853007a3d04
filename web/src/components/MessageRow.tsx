import type { JSX } from "preact";
import { memo } from "preact/compat";
import type { Message } from "simplechat-client";
import { formatDay, formatFull, formatTime, t } from "../i18n/index.js";
import { toast } from "../state/announcer.js";
import { notSent } from "../state/errors.js";
import type { Session } from "../state/session.js";
import { focusPane } from "../state/shortcuts.js";
import { isFewEmoji } from "../text/shape.js";
import { dayOf, place } from "../text/days.js";
import { IconButton } from "./icons.js";
import { MessageState } from "./MessageState.js";
import { MessageText } from "./MessageText.js";

interface Props {
  readonly session: Session;
  readonly message: Message;
  readonly previous: Message | undefined;
  readonly next: Message | undefined;
  readonly firstNew: string | undefined;
  /** It was searched for. */
  readonly isFound: boolean;
  /** Today, as a number. */
  readonly day: number;
}

/** Renders again only if itself, a neighbour, or the day is another. */
export const MessageRow = memo(({ session, message, previous, next, firstNew, isFound, day }: Props): JSX.Element => {
  const { id, from, to, payload, at, key, state } = message;
  const isMine = from === session.user;
  const { startsDay, startsNew, startsRun, endsRun } = place(previous, message, next, firstNew);
  // Within a run, a message shows only what differs from the one below.
  const showsMeta = endsRun || next?.state !== state;
  const classes = ["row", isMine ? "mine" : "theirs", startsRun && "starts", endsRun && "ends", isFound && "found"];
  return (
    <div class={classes.filter(Boolean).join(" ")}>
      {startsDay && <p class="day"><span>{formatDay(at, day - dayOf(at))}</span></p>}
      {startsNew && <p class="new-line" id="new"><span>{t("newMessages")}</span></p>}
      <article class="message" tabIndex={-1} data-key={key} data-id={id} data-from={from} data-state={state === "delivered" ? "sent" : state}>
        {startsRun && !isMine && to.startsWith("#")
          ? <bdi class="sender">{from}</bdi>
          : <span class="visually-hidden">{isMine ? t("you") : from}: </span>}
        <div class={isFewEmoji(payload) ? "bubble bare" : "bubble"}>
          <MessageText text={payload} />
          {showsMeta && (
            <span class="meta">
              <time dateTime={new Date(at / 1000).toISOString()} title={formatFull(at)}>{formatTime(at)}</time>
              {isMine && <MessageState message={message} />}
            </span>
          )}
        </div>
        <div class="actions">
          <IconButton icon="copy" label={t("copy")} tabIndex={-1} onClick={() => void copy(payload)} />
        </div>
        {state === "failed" && <Failure session={session} message={message} />}
      </article>
    </div>
  );
});

function Failure({ session, message }: { session: Session; message: Message }): JSX.Element {
  function decide(action: "retry" | "discard"): void {
    focusPane();
    session[action](message.id);
  }

  return (
    <div class="failure">
      <span>{notSent(message)}</span>
      <span class="failure-actions">
        <button type="button" class="text-button" onClick={() => decide("retry")}>{t("retry")}</button>
        <button type="button" class="text-button" onClick={() => decide("discard")}>{t("discard")}</button>
      </span>
    </div>
  );
}

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("copied"));
  } catch {
    toast(t("copyFailed"));
  }
}
