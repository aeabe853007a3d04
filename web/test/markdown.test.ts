import { isValidElement, type ComponentChildren, type VNode } from "preact";
import { expect, test } from "vitest";
import { Anchor, markdown } from "../src/text/markdown.js";
import { isFewEmoji, mayBeMarkdown, preview } from "../src/text/shape.js";

/** The elements as a text: `p(a strong(b))`. */
function outline(node: ComponentChildren): string {
  if (node === null || node === undefined || typeof node === "boolean") return "";
  if (Array.isArray(node)) return node.map(outline).join("");
  if (!isValidElement(node)) return String(node);
  const { type, props } = node as VNode<{ href?: string; children?: ComponentChildren }>;
  const name = type === Anchor ? `a[${props.href}]` : String(type);
  return `${name}(${outline(props.children)})`;
}

const shown = (text: string): string => outline(markdown(text));

test.each([
  ["**b** *i* ~~s~~ `c`", "p(strong(b) em(i) s(s) code(c))"],
  ["one\ntwo", "p(one\ntwo)"],
  ["- a\n- **b**", "ul(li(span(a))li(span(strong(b))))"],
  ["3. a\n4. b", "ol(li(span(a))li(span(b)))"],
  ["> quoted\n\nsaid", "blockquote(p(quoted))p(said)"],
  ["```js\nlet a = '<b>';\n```", "pre(code(let a = '<b>';))"],
  ["# Big", "p(strong(Big))"],
  ["[text](https://example.org)", "p(a[https://example.org/](text))"],
  ["see https://example.org.", "p(see a[https://example.org/](https://example.org).)"],
  ["&lt;b&gt; stays", "p(&lt;b&gt; stays)"],
  ["\\*not\\*", "p(*not*)"],
])("%j", (text, expected) => {
  expect(shown(text)).toBe(expected);
});

test.each([
  "<img src=x onerror=alert(1)> **b**",
  "<script>alert(1)</script>\n\n**b**",
  "[x](javascript:alert(1))",
  "[x](data:text/html,1)",
  "[x]( javascript:alert(1) )",
  "![x](https://example.org/x.png)",
  "<https://example.org/\"onclick=x>",
  "[x]: javascript:alert(1)\n\n[x]",
  "| a | b |\n|---|---|\n| 1 | 2 |",
])("nothing but text, and known elements, comes of %j", (text) => {
  const types = [...shown(text).matchAll(/([a-z]+)(?:\[([^\]]*)\])?\(/g)].map(([, name, href]) => [name, href]);
  expect(shown(text)).not.toMatch(/\b(img|script|table|iframe)\(/);
  for (const [name, href] of types) if (name === "a") expect(href).toMatch(/^https:/);
});

test.each([">", "> ", "- ", "1) ", " > * "])("a text that nests %j without end, or is very long, is not for the parser", (marker) => {
  expect(mayBeMarkdown(`text\n${marker.repeat(65_000 / marker.length)}`)).toBe(false);
  expect(mayBeMarkdown(`**bold**\n${marker.repeat(13)}x`)).toBe(false);
  expect(mayBeMarkdown(`**bold** ${"x".repeat(65_000)}`)).toBe(false);
});

test("deep nesting ends", () => {
  expect(() => shown(`${"> ".repeat(500)}x`)).not.toThrow();
  expect(() => shown("*_".repeat(2_000))).not.toThrow();
});

test.each([
  ["plain text, with a hyphen - and 2 * 3 = 6", false],
  ["snake_case_name and a_b", false],
  ["a **bold** word", true],
  ["*one*", true],
  ["`code`", true],
  ["- item", true],
  ["text\n> quote", true],
  ["```\ncode", true],
  ["1) first", true],
  ["[a](https://b.c)", true],
  ["> - 1. > - 1. > - 1. > - 1. deep enough", true],
  ["-------------------- a line", false],
])("may %j be Markdown: %s", (text, expected) => expect(mayBeMarkdown(text)).toBe(expected));

test.each([["👍", true], ["👨‍👩‍👧", true], ["🇩🇪", true], ["❤️ 🎉", true], ["👍👍👍👍", false], ["ok 👍", false], ["1", false], ["", false], [" ", false]])(
  "%j is a few emoji: %s", (text, expected) => expect(isFewEmoji(text)).toBe(expected),
);

test("a preview is one line", () => {
  expect(preview(" a\n\n b\tc ")).toBe("a b c");
  expect(preview("x".repeat(500), 10)).toBe(`${"x".repeat(9)}…`);
});
