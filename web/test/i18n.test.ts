import { expect, test } from "vitest";
import { de } from "../src/i18n/de.js";
import { en, type Catalogue } from "../src/i18n/en.js";
import { Translator } from "../src/i18n/translate.js";

const catalogues: Record<string, Catalogue> = { en, de };
const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name).sort();
const forms = (entry: Catalogue[keyof Catalogue]): string[] => (typeof entry === "string" ? [entry] : Object.values(entry) as string[]);

test("plurals follow the language", () => {
  const english = new Translator("en", en);
  expect(english.plural("unread", 1)).toBe("1 unread message");
  expect(english.plural("unread", 0)).toBe("0 unread messages");
  expect(english.plural("unread", 1200)).toBe("1,200 unread messages");
  const german = new Translator("de", de);
  expect(german.plural("unread", 1)).toBe("1 ungelesene Nachricht");
  expect(german.plural("unread", 1200)).toBe("1.200 ungelesene Nachrichten");
  const polish = new Translator("pl", { ...en, unread: { one: "{count} a", few: "{count} b", many: "{count} c", other: "{count} d" } });
  expect([1, 2, 5, 22].map((count) => polish.plural("unread", count))).toEqual(["1 a", "2 b", "5 c", "22 b"]);
});

test("values are put in as they are", () => {
  expect(new Translator("en", en).text("startChat", { name: "$& {name}" })).toBe("Start a chat with $& {name}");
  expect(new Translator("de", de).names(["a", "b", "c"])).toBe("a, b und c");
});

test.each(Object.keys(catalogues))("%s says everything, with the same values", (language) => {
  const catalogue = catalogues[language] as Catalogue;
  for (const key of Object.keys(en) as (keyof Catalogue)[]) {
    const wanted = new Set(forms(en[key]).flatMap(placeholders));
    for (const form of forms(catalogue[key])) {
      expect(form, key).not.toBe("");
      for (const name of placeholders(form)) expect(wanted, key).toContain(name);
    }
  }
});
