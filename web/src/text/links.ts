// Finds web and mail addresses in plain text.

export type Piece = { readonly text: string; readonly href?: string };

const SCHEMES = ["http:", "https:", "mailto:"];
// No look-behind and nothing that backtracks: a hostile text costs no more than a friendly one.
const CANDIDATE = /\b(?:https?:\/\/|www\.)[^\s<>"'`]+|\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+/g;
const TRAILING = /[.,:;!?'"*_~]+$/;

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
    const href = safeHref(addressOf(shown));
    if (!href || shown.length < 5) continue;
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
  let shown = candidate;
  for (; ;) {
    const before = shown;
    shown = shown.replace(TRAILING, "");
    for (const [open, close] of [["(", ")"], ["[", "]"]] as const) {
      if (shown.endsWith(close) && shown.split(close).length > shown.split(open).length) shown = shown.slice(0, -1);
    }
    if (shown === before) return shown;
  }
}
