import { signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { linkify } from "../text/links.js";
import { isFewEmoji, mayBeMarkdown } from "../text/shape.js";

type Renderer = (text: string) => ComponentChildren;

/** Comes with the first message that may be Markdown; until then, and if it cannot be had, such messages are plain. */
const renderer = signal<Renderer | undefined>(undefined);
let wasAsked = false;

function askForRenderer(): void {
  if (wasAsked) return;
  wasAsked = true;
  import("../text/markdown.js").then(({ markdown }) => (renderer.value = markdown), () => (wasAsked = false));
}

export function MessageText({ text }: { text: string }): JSX.Element {
  if (isFewEmoji(text)) return <p class="text big">{text}</p>;
  if (mayBeMarkdown(text)) {
    const formatted = format(text);
    if (formatted !== undefined) return <div class="text markdown" dir="auto">{formatted}</div>;
    askForRenderer();
  }
  return <p class="text" dir="auto">{plain(text)}</p>;
}

function format(text: string): ComponentChildren {
  try {
    return renderer.value?.(text);
  } catch { // the parser calls itself, and a hostile text may drive it too deep
    return undefined;
  }
}

function plain(text: string): ComponentChildren {
  return linkify(text).map(({ text: shown, href }) => (
    href ? <a href={href} target="_blank" rel="noopener noreferrer nofollow">{shown}</a> : shown
  ));
}
