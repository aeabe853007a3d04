import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { names, t } from "../i18n/index.js";
import { link, recentUsers, refusal, signIn } from "../state/identity.js";
import { hostsOf } from "../state/link.js";
import { hasTouch } from "../state/shortcuts.js";
import { ADDRESS_PATTERN, USER_PATTERN } from "../text/address.js";
import { Avatar } from "./Avatar.js";
import { ConnectionStatus } from "./ConnectionStatus.js";
import { LanguageAndTheme } from "./LanguageAndTheme.js";

const NO_HELP = { autocapitalize: "none", autocorrect: "off", spellcheck: false } as const;

/** Who am I, and whom do I write to. */
export function SignIn(): JSX.Element {
  const me = useRef<HTMLInputElement>(null);
  const to = useRef<HTMLInputElement>(null);
  const token = useRef<HTMLInputElement>(null);
  const refused = refusal.value;
  const recent = recentUsers();

  // Where there is something to do.
  useEffect(() => {
    if (!hasTouch()) (token.current ?? me.current)?.focus();
  }, [refused]);

  function register(event: Event): void {
    event.preventDefault();
    const user = me.current?.value ?? "";
    signIn(user, to.current?.value || undefined, token.current?.value || undefined);
  }

  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <img class="logo" src="/client/icon.svg" alt="" width="56" height="56" />
        <h1>SimpleChat</h1>
        <p class="tagline">{t("tagline")}</p>
        <ConnectionStatus />
        <form id="identity" autocomplete="off" onSubmit={register}>
          {link.isForeign && <p id="foreign" class="foreign">{t("foreignSignIn", { server: names(hostsOf(link.server)) })}</p>}
          {refused && <p class="refusal" data-code={refused.code} role="alert">{refusalText(refused)}</p>}
          <label>
            <span>{t("myId")}</span>
            <input id="me" ref={me} required maxLength={64} pattern={USER_PATTERN} title={t("idHint")} placeholder="alice"
              defaultValue={link.me} {...NO_HELP} />
          </label>
          <label>
            <span>{t("recipientId")} <small>({t("optional")})</small></span>
            <input id="to" ref={to} maxLength={64} pattern={ADDRESS_PATTERN} title={t("addressHint")} placeholder="bob"
              defaultValue={link.to} {...NO_HELP} />
          </label>
          {refused && (
            <label>
              <span>{t("token")}</span>
              <input id="token" ref={token} type="password" autocomplete="off" maxLength={8192} aria-describedby="token-hint" {...NO_HELP} />
              <small id="token-hint">{t("tokenHint")}</small>
            </label>
          )}
          <button id="register" class="primary">{t("register")}</button>
        </form>
        {recent.length > 0 && (
          <section class="recent" aria-labelledby="recent-title">
            <h2 id="recent-title">{t("recent")}</h2>
            <ul>
              {recent.map((name) => (
                <li key={name}>
                  <button type="button" aria-label={t("continueAs", { name })} onClick={() => signIn(name, to.current?.value || undefined)}>
                    <Avatar name={name} small />
                    <bdi>{name}</bdi>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
      <LanguageAndTheme />
    </main>
  );
}

function refusalText({ code, reason }: { code: string; reason: string }): string {
  if (code === "token_needed") return t("tokenNeeded");
  return code === "unauthorized" ? t("tokenRefused") : t("refused", { reason });
}
