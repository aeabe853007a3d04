import { expect, test } from "vitest";
import { excerpt } from "../src/text/excerpt.js";

const shown = (text: string, wanted: string): string => {
  const { before, match, after } = excerpt(text, wanted);
  return `${before}[${match}]${after}`;
};

test("an excerpt shows the place, as it is written there, with whole words before it", () => {
  expect(shown("The harvest", "HARV")).toBe("The [harv]est");
  expect(shown("What do you think about the harvest of this year?", "harvest")).toBe("…do you think about the [harvest] of this year?");
  expect(shown("first\n  second\tthird", "second")).toBe("first [second] third");
  expect(shown("x".repeat(100) + "needle", "needle")).toBe(`…${"x".repeat(24)}[needle]`);
  expect(shown("😀".repeat(40) + "needle", "needle")).toBe(`…${"😀".repeat(12)}[needle]`);
  expect(shown("a" + "😀".repeat(39) + "needle" , "needle")).toBe(`…${"😀".repeat(12)}[needle]`);
  expect(shown("<b>bold</b>", "<B>")).toBe("[<b>]bold</b>");
});

test("a text whose letters change their number with the case, or that has nothing of it, is shown from its start", () => {
  expect(shown("İstanbul is far", "far")).toBe("İstanbul is far[]");
  expect(shown("nothing", "else")).toBe("nothing[]");
});
