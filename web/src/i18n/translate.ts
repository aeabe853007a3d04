import type { Catalogue, Plural } from "./en.js";

export type Values = Readonly<Record<string, string | number>>;
type Keys<Kind> = { [Key in keyof Catalogue]: Catalogue[Key] extends Kind ? Key : never }[keyof Catalogue];
export type TextKey = Keys<string>;
export type PluralKey = Keys<Plural>;

/** What to say, in one language. */
export class Translator {
  readonly language: string;
  readonly #catalogue: Catalogue;
  readonly #plurals: Intl.PluralRules;
  readonly #numbers: Intl.NumberFormat;
  readonly #names: Intl.ListFormat;

  constructor(language: string, catalogue: Catalogue) {
    this.language = language;
    this.#catalogue = catalogue;
    this.#plurals = new Intl.PluralRules(language);
    this.#numbers = new Intl.NumberFormat(language);
    this.#names = new Intl.ListFormat(language);
  }

  text(key: TextKey, values: Values = {}): string {
    return fill(this.#catalogue[key], values);
  }

  plural(key: PluralKey, count: number, values: Values = {}): string {
    const forms = this.#catalogue[key];
    return fill(forms[this.#plurals.select(count)] ?? forms.other, { count: this.#numbers.format(count), ...values });
  }

  names(names: readonly string[]): string {
    return this.#names.format(names);
  }
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
