// The language of the page, and dates as it writes them. Components that read these signals follow a change by themselves.

import { computed, signal } from "@preact/signals";
import { local } from "../state/kept.js";
import { en, type Catalogue } from "./en.js";
import { Translator, type PluralKey, type TextKey, type Values } from "./translate.js";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = "simplechat.language";
const CATALOGUES: Record<Language, () => Promise<Catalogue>> = {
  en: async () => en,
  de: async () => (await import("./de.js")).de,
};

const translator = signal(new Translator("en", en));

export const language = computed(() => translator.value.language as Language);

export function t(key: TextKey, values?: Values): string {
  return translator.value.text(key, values);
}

export function plural(key: PluralKey, count: number, values?: Values): string {
  return translator.value.plural(key, count, values);
}

export function names(list: readonly string[]): string {
  return translator.value.names(list);
}

/** The chosen language, or else the first of the browser's that there is a catalogue for. */
export function preferredLanguage(): Language {
  const known = [local.get(KEY) ?? "", ...navigator.languages].map((tag) => tag.slice(0, 2).toLowerCase());
  return known.find((tag): tag is Language => tag in LANGUAGES) ?? "en";
}

export async function speak(wanted: Language, isChoice = false): Promise<void> {
  if (isChoice) local.set(KEY, wanted);
  try {
    translator.value = new Translator(wanted, await CATALOGUES[wanted]());
  } catch { // the catalogue cannot be had just now: the page goes on in the language it has
    return;
  }
  document.documentElement.lang = wanted;
}

/** Formats as the browser's region writes them, if that is a region of the page's language. */
const formats = computed(() => {
  const tag = navigator.languages.find((other) => other.startsWith(language.value)) ?? language.value;
  const format = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => new Intl.DateTimeFormat(tag, options);
  return {
    time: format({ hour: "2-digit", minute: "2-digit" }),
    weekday: format({ weekday: "short" }),
    date: format({ day: "numeric", month: "short" }),
    dateOfYear: format({ day: "numeric", month: "short", year: "numeric" }),
    day: format({ weekday: "long", day: "numeric", month: "long" }),
    dayOfYear: format({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
    full: format({ dateStyle: "full", timeStyle: "medium" }),
    relative: new Intl.RelativeTimeFormat(tag, { numeric: "auto" }),
    number: new Intl.NumberFormat(tag),
  };
});

export function formatTime(at: number): string {
  return formats.value.time.format(at / 1000);
}

export function formatFull(at: number): string {
  return formats.value.full.format(at / 1000);
}

/** For a list: the time of today, a weekday of this week, or the date. */
export function formatBrief(at: number, daysAgo: number): string {
  const { time, weekday, date, dateOfYear } = formats.value;
  const isThisYear = new Date(at / 1000).getFullYear() === new Date().getFullYear();
  const format = daysAgo <= 0 ? time : daysAgo < 7 ? weekday : isThisYear ? date : dateOfYear;
  return format.format(at / 1000);
}

/** For a separator: "today", "yesterday", or the day with its weekday. */
export function formatDay(at: number, daysAgo: number): string {
  const { relative, day, dayOfYear } = formats.value;
  if (daysAgo === 0 || daysAgo === 1) return capitalised(relative.format(-daysAgo, "day"));
  const isThisYear = new Date(at / 1000).getFullYear() === new Date().getFullYear();
  return (isThisYear ? day : dayOfYear).format(at / 1000);
}

export function formatCount(count: number, max = 999): string {
  return count > max ? `${formats.value.number.format(max)}+` : formats.value.number.format(count);
}

function capitalised(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
