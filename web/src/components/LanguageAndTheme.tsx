import type { JSX } from "preact";
import { LANGUAGES, language, speak, t, type Language } from "../i18n/index.js";
import { THEMES, theme, type Theme } from "../state/appearance.js";

const THEME_NAMES: Record<Theme, "themeSystem" | "themeLight" | "themeDark"> = {
  system: "themeSystem",
  light: "themeLight",
  dark: "themeDark",
};

export function LanguageAndTheme(): JSX.Element {
  return (
    <div class="choices">
      <label>
        <span>{t("language")}</span>
        <select value={language.value} onChange={({ currentTarget }) => void speak(currentTarget.value as Language, true)}>
          {Object.entries(LANGUAGES).map(([tag, name]) => <option key={tag} value={tag} lang={tag}>{name}</option>)}
        </select>
      </label>
      <label>
        <span>{t("appearance")}</span>
        <select value={theme.value} onChange={({ currentTarget }) => (theme.value = currentTarget.value as Theme)}>
          {THEMES.map((name) => <option key={name} value={name}>{t(THEME_NAMES[name])}</option>)}
        </select>
      </label>
    </div>
  );
}
