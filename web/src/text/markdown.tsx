// A subset of Markdown as elements, never as HTML: marked's lexer says what a text is made of, and everything that is not listed here
// (HTML, images, tables, references) is shown as it was written.

import { Lexer, type MarkedToken, type Token } from "marked";
import type { ComponentChildren } from "preact";
import { linkify, safeHref } from "./links.js";
import { NESTING_MAX } from "./shape.js";

export function markdown(text: string): ComponentChildren {
  return blocks(new Lexer({ gfm: true }).lex(text), 0);
}

function blocks(tokens: readonly Token[], depth: number): ComponentChildren {
  return tokens.map((token, index) => block(token as MarkedToken, index, depth));
}

function block(token: MarkedToken, key: number, depth: number): ComponentChildren {
  if (depth > NESTING_MAX) return token.raw;
  switch (token.type) {
    case "space": return null;
    case "paragraph": return <p key={key}>{inlines(token.tokens, depth)}</p>;
    case "text": return <span key={key}>{token.tokens ? inlines(token.tokens, depth) : links(token.raw)}</span>;
    case "heading": return <p key={key}><strong>{inlines(token.tokens, depth)}</strong></p>;
    case "blockquote": return <blockquote key={key} dir="auto">{blocks(token.tokens, depth + 1)}</blockquote>;
    case "code":
      return token.codeBlockStyle === "indented"
        ? <p key={key}>{token.raw.replace(/\n+$/, "")}</p>
        : <pre key={key} dir="ltr" tabIndex={0}><code>{token.text}</code></pre>;
    case "list": {
      const items = token.items.map((item, index) => (
        <li key={index} dir="auto">{item.task ? (item.checked ? "☑ " : "☐ ") : null}{blocks(item.tokens.filter(({ type }) => type !== "checkbox"), depth + 1)}</li>
      ));
      return token.ordered ? <ol key={key} start={Number(token.start) || 1}>{items}</ol> : <ul key={key}>{items}</ul>;
    }
    default: return <p key={key}>{token.raw.replace(/\n+$/, "")}</p>;
  }
}

function inlines(tokens: readonly Token[], depth: number): ComponentChildren {
  return tokens.map((token, index) => inline(token as MarkedToken, index, depth + 1));
}

function inline(token: MarkedToken, key: number, depth: number): ComponentChildren {
  if (depth > NESTING_MAX) return token.raw;
  switch (token.type) {
    case "strong": return <strong key={key}>{inlines(token.tokens, depth)}</strong>;
    case "em": return <em key={key}>{inlines(token.tokens, depth)}</em>;
    case "del": return <s key={key}>{inlines(token.tokens, depth)}</s>;
    case "codespan": return <code key={key} dir="ltr">{token.text}</code>;
    case "br": return "\n";
    case "escape": return token.text;
    case "link": {
      const href = safeHref(token.href);
      const isAuto = token.raw === token.text;
      if (!href) return token.raw;
      return <Anchor key={key} href={href}>{isAuto ? token.text : inlines(token.tokens, depth)}</Anchor>;
    }
    case "text": return links(token.raw);
    default: return token.raw;
  }
}

function links(text: string): ComponentChildren {
  return linkify(text).map(({ text: shown, href }, index) => (href ? <Anchor key={index} href={href}>{shown}</Anchor> : shown));
}

export function Anchor({ href, children }: { href: string; children: ComponentChildren }): ComponentChildren {
  return <a href={href} target="_blank" rel="noopener noreferrer nofollow">{children}</a>;
}
