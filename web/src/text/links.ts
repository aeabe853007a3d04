// Finds web and mail addresses in plain text.

export type Piece = { readonly text: string; readonly href?: string };

const SCHEMES = ["http:", "https:", "mailto:"];
// No look-behind and nothing that backtracks: a hostile text costs no more than a friendly one.
const CANDIDATE = /\b(?:https?:\/\/|www\.)[^\s<>"'`]+|\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+/g;
const TRAILING = ".,:;!?'\"*_~";
const LENGTH_MAX = 2_048; // what is longer stays text

/** The address that a link may lead to, or undefined: only http, https and mailto, and only absolute ones. */
export function safeHref(href: string): string | undefined {
  try {
    const url = new URL(href);
    return SCHEMES.includes(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Cuts a text into pieces, some of them links. Joined, the pieces are the text again. */
export function linkify(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const shown = withoutTail(match[0]);
    if (shown.length < 5 || shown.length > LENGTH_MAX) continue;
    const href = safeHref(addressOf(shown));
    if (!href) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) });
    pieces.push({ text: shown, href });
    end = match.index + shown.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

function addressOf(shown: string): string {
  if (/^https?:/i.test(shown)) return shown;
  return shown.startsWith("www.") ? `https://${shown}` : `mailto:${shown}`;
}

/** Without the punctuation that belongs to the sentence around, and closing brackets that were not opened within. */
function withoutTail(candidate: string): string {
  const unopened: Record<string, number> = { ")": 0, "]": 0 };
  for (const char of candidate) {
    if (char === "(" || char === "[") unopened[char === "(" ? ")" : "]"]!--;
    else if (char in unopened) unopened[char]!++;
  }
  let end = candidate.length;
  for (; end > 0; end--) {
    const char = candidate.charAt(end - 1);
    if (char in unopened ? unopened[char]!-- <= 0 : !TRAILING.includes(char)) break;
  }
  return candidate.slice(0, end);
}
