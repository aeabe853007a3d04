// What a text looks like, told cheaply before it is shown.

const MARKDOWN_BLOCK = /^(?: {0,3}(?:[-*+] |\d{1,9}[.)] |> ?|#{1,6} |```|~~~))/m;
const MARKDOWN_INLINE = /`[^`\n]+`|\*\*[^\s*]|__[^\s_]|(?:^|[\s(])[*_][^\s*_][^\n]*[*_]|~~[^\s~]|\]\(/m;
const MARKDOWN_LENGTH_MAX = 10_000; // the parser's time grows with the square of what a hostile text has of some marks
/** Deeper ones are shown as they were written. */
export const NESTING_MAX = 12;
const MARKDOWN_TOO_DEEP = new RegExp(String.raw`^(?:[ \t]*(?:>|(?:[-*+]|\d{1,9}[.)])[ \t])){${NESTING_MAX + 1}}`, "m"); // the parser calls itself for each
const ONLY_EMOJI = /^(?:\p{Regional_Indicator}{2}|\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?(?:\u200D\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?)*|\s)+$/u;

/** Worth the Markdown parser: some of it may be Markdown, and it is nothing that the parser could spend long on. */
export function mayBeMarkdown(text: string): boolean {
  if (text.length > MARKDOWN_LENGTH_MAX || MARKDOWN_TOO_DEEP.test(text)) return false;
  return MARKDOWN_INLINE.test(text) || MARKDOWN_BLOCK.test(text);
}

/** One to three emoji and nothing else: they are shown big. */
export function isFewEmoji(text: string): boolean {
  if (text.length > 36 || !ONLY_EMOJI.test(text)) return false;
  const count = [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text.replace(/\s/g, ""))].length;
  return count > 0 && count <= 3;
}

/** One line of a text, for a list or an announcement. */
export function preview(text: string, max = 140): string {
  const line = text.slice(0, 4 * max).replace(/\s+/g, " ").trim();
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}
