import { expect, test } from "vitest";
import { linkify, safeHref } from "../src/text/links.js";

const links = (text: string): (string | undefined)[] => linkify(text).filter(({ href }) => href).map(({ href }) => href);

test.each([
  ["see https://example.org/a?b=c#d.", ["https://example.org/a?b=c#d"]],
  ["(https://example.org/a_(b))", ["https://example.org/a_(b)"]],
  ["http://example.org, and www.example.org!", ["http://example.org/", "https://www.example.org/"]],
  ["write to jo.doe+x@example.org.", ["mailto:jo.doe+x@example.org"]],
  ["https://exämple.org/ü", ["https://xn--exmple-cua.org/%C3%BC"]],
  ["javascript:alert(1) data:text/html,x file:///etc/passwd", []],
  ["no link: example, 12.30, a@b, http://", []],
  [`<a href="https://example.org/x">`, ["https://example.org/x"]],
])("links in %j", (text, expected) => {
  expect(links(text)).toEqual(expected);
});

test("the pieces are the text", () => {
  for (const text of ["", "a", "https://a.org", "x https://a.org/).\ny www.b.org… z@c.org", "((https://a.org))"]) {
    expect(linkify(text).map((piece) => piece.text).join("")).toBe(text);
  }
});

test("a long hostile text costs little", () => {
  const text = `${"a".repeat(60_000)}@${"a.".repeat(2_000)}`;
  const started = performance.now();
  linkify(text);
  linkify("http://".repeat(9_000));
  linkify(`www.${")".repeat(2_000)}`);
  expect(performance.now() - started).toBeLessThan(1_000);
});

// Where the work grew with the square of the length, these did not end.
test.each([
  ["http://a", ")".repeat(65_000)],
  ["http://a", "!)".repeat(32_500)],
  ["http://a(", ")".repeat(2) + "]".repeat(65_000)],
])("a link to %s ends before what belongs to the sentence, however much of it there is", (address, tail) => {
  const [link, rest] = linkify(address + tail);
  expect(link?.text).toBe(address === "http://a(" ? "http://a()" : address);
  expect(link?.text.length! + rest?.text.length!).toBe(address.length + tail.length);
});

test("what is longer than any address stays text", () => {
  for (const text of [`http://a${"!".repeat(65_000)}b`, `https://${"ü".repeat(3_000)}.org`, `www.${"a".repeat(3_000)}`]) {
    expect(linkify(text)).toEqual([{ text }]);
  }
});

test.each(["javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:x", "data:text/html,x", "vbscript:x", "//example.org", "/client", "blob:x", "#x"])(
  "%j is no address to lead to", (href) => expect(safeHref(href)).toBeUndefined(),
);
