import type { Message } from "simplechat-client";
import { t } from "../i18n/index.js";
import type { TextKey } from "../i18n/translate.js";

const TEXTS: Readonly<Record<string, TextKey>> = {
  too_large: "errorTooLarge",
  outbox_full: "errorOutboxFull",
  forbidden: "errorForbidden",
  not_found: "errorNotFound",
  bad_frame: "errorBadFrame",
};

/** Of a failed message. */
export function notSent({ error = "", reason = error }: Pick<Message, "error" | "reason">): string {
  return t("notSent", { reason: describeError(error, reason) });
}

/** Why something was not accepted, for a person. */
export function describeError(code: string, reason: string): string {
  return t(TEXTS[code] ?? "errorOther", { reason });
}
