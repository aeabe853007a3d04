import { effect, signal } from "@preact/signals";
import { local } from "./kept.js";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "simplechat.theme";
const kept = local.get(KEY);

export const theme = signal<Theme>(THEMES.find((name) => name === kept) ?? "system");

effect(() => {
  const chosen = theme.value;
  local.set(KEY, chosen === "system" ? undefined : chosen);
  if (chosen === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = chosen;
});

/** Rises when another day begins, so that "today" is never yesterday. */
export const today = signal(dayNumber());

function dayNumber(): number {
  const now = new Date();
  return Math.floor((now.getTime() - now.getTimezoneOffset() * 60_000) / 86_400_000);
}

setInterval(() => (today.value = dayNumber()), 30_000);
document.addEventListener("visibilitychange", () => (today.value = dayNumber()));
