import type { JSX, RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n/index.js";
import type { TextKey } from "../i18n/translate.js";
import { local } from "../state/kept.js";

export interface PickerProps {
  readonly opener: RefObject<HTMLElement | null>;
  readonly choose: (emoji: string) => void;
  /** @param refocus back to where it was opened from */
  readonly close: (refocus: boolean) => void;
}

const COLUMNS = 8;
const RECENT_KEY = "simplechat.emoji";
const GROUPS: readonly (readonly [TextKey, string])[] = [
  ["emojiFaces", "😀 😃 😄 😁 😅 😂 🤣 🙂 😉 😊 😇 🥰 😍 😘 😋 😜 🤪 🤗 🤔 🤨 😐 😏 🙄 😬 😴 😌 😔 😢 😭 😤 😠 🤯 😱 😳 🥺 😎 🤓 🥳 😷 🤒"],
  ["emojiPeople", "👍 👎 👌 ✌️ 🤞 🤙 👋 🙌 👏 🙏 💪 🤝 👀 🧠 🫶 ✍️ 🤷 🤦 🙋 💁 🏃 🧑‍💻 🧑‍🍳 👨‍👩‍👧"],
  ["emojiNature", "🐶 🐱 🦊 🐻 🐼 🐸 🐵 🦉 🐝 🦋 🐢 🐙 🌱 🌳 🌸 🌻 🍀 🌍 🌙 ⭐ ☀️ ⛅ 🌧️ ❄️"],
  ["emojiFood", "🍎 🍌 🍓 🍑 🥑 🥕 🍞 🧀 🥐 🥗 🍕 🍔 🍝 🍜 🍣 🍦 🎂 🍪 🍫 ☕ 🍵 🥛 🍺 🥂"],
  ["emojiThings", "⚽ 🏀 🎾 🚴 🎯 🎲 🎸 🎧 🎬 📷 ✈️ 🚗 🚲 🚀 🏠 🏖️ ⛰️ 💻 📱 💡 📌 📎 📅 🔒 🔑 🔧 🎁 🎉 🏆 💰 ⏰ 📈"],
  ["emojiSymbols", "❤️ 🧡 💛 💚 💙 💜 🖤 💔 💯 ✅ ❌ ❗ ❓ ⚠️ 🔥 ✨ ⚡ 💥 💤 ♻️ ➕ ➡️ 🔁 🆗"],
];

/** A small one, without data from elsewhere. One tab stop, within which the arrow keys move. */
export function EmojiPicker({ opener, choose, close }: PickerProps): JSX.Element {
  const panel = useRef<HTMLDivElement>(null);
  const [recent] = useState(() => readRecent());
  const groups = recent.length > 0 ? [["emojiRecent", recent.join(" ")] as const, ...GROUPS] : GROUPS;

  useLayoutEffect(() => { // keys that follow at once are for the panel
    panel.current?.querySelector<HTMLElement>("button")?.focus();
    const listening = new AbortController();
    addEventListener("pointerdown", ({ target }) => {
      if (!panel.current?.contains(target as Node) && !opener.current?.contains(target as Node)) close(false);
    }, { signal: listening.signal });
    return () => listening.abort();
  }, []);

  function pick(emoji: string): void {
    local.set(RECENT_KEY, JSON.stringify([emoji, ...readRecent().filter((other) => other !== emoji)].slice(0, COLUMNS)));
    close(false);
    choose(emoji);
  }

  function keyDown(event: KeyboardEvent): void {
    const rtl = getComputedStyle(event.currentTarget as Element).direction === "rtl";
    const steps: Record<string, number> = { ArrowRight: rtl ? -1 : 1, ArrowLeft: rtl ? 1 : -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS };
    const buttons = [...(panel.current?.querySelectorAll<HTMLElement>("button") ?? [])];
    const index = buttons.indexOf(document.activeElement as HTMLElement);
    if (event.key === "Escape" || event.key === "Tab") close(true);
    else if (event.key === "Home") buttons[0]?.focus();
    else if (event.key === "End") buttons[buttons.length - 1]?.focus();
    else if (steps[event.key]) buttons[Math.max(0, Math.min(buttons.length - 1, index + (steps[event.key] ?? 0)))]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  let isFirst = true;
  return (
    <div class="emoji-panel" ref={panel} role="dialog" aria-label={t("emoji")} onKeyDown={keyDown}>
      {groups.map(([name, list]) => (
        <section key={name} aria-label={t(name)}>
          <h3 aria-hidden="true">{t(name)}</h3>
          <div class="emoji-grid">
            {list.split(" ").map((emoji) => {
              const tabIndex = isFirst ? 0 : -1;
              isFirst = false;
              return <button key={emoji} type="button" tabIndex={tabIndex} onClick={() => pick(emoji)}>{emoji}</button>;
            })}
          </div>
        </section>
      ))}
    </div>
  );
}

function readRecent(): string[] {
  const kept = local.json<unknown>(RECENT_KEY);
  return Array.isArray(kept) ? kept.filter((emoji): emoji is string => typeof emoji === "string" && emoji.length < 20).slice(0, COLUMNS) : [];
}
