const BEFORE_MAX = 24;
const AFTER_MAX = 120;

export interface Excerpt {
  readonly before: string;
  /** As it is written there. Empty if the text has nothing of it. */
  readonly match: string;
  readonly after: string;
}

/** One line of a text, around the first place that has what is wanted, whatever the case. */
export function excerpt(text: string, wanted: string): Excerpt {
  const folded = text.toLowerCase();
  const found = folded.length === text.length ? folded.indexOf(wanted.toLowerCase()) : -1; // rare letters change their length: "İ"
  if (found < 0) return { before: oneLine(text.slice(0, AFTER_MAX)), match: "", after: "" };
  const end = found + wanted.length;
  const begin = wordStart(text, found - BEFORE_MAX, found);
  return {
    before: (begin > 0 ? "…" : "") + oneLine(text.slice(begin, found)),
    match: oneLine(text.slice(found, end)),
    after: oneLine(text.slice(end, end + AFTER_MAX)),
  };
}

/** Where a word begins from `from` on, before `end`; or else where a character does. */
function wordStart(text: string, from: number, end: number): number {
  if (from <= 0) return 0;
  const space = text.slice(from, end).search(/\s\S/);
  if (space >= 0) return from + space + 1;
  return /[\uDC00-\uDFFF]/.test(text.charAt(from)) ? from + 1 : from; // not within a surrogate pair
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}
