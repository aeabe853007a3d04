// User ids and group addresses, as the wire contract has them.

export const USER_PATTERN = "[A-Za-z0-9._\\-@+]{1,64}";
export const ADDRESS_PATTERN = `${USER_PATTERN}|#[A-Za-z0-9._\\-@+]{1,63}`;

const USER = new RegExp(`^${USER_PATTERN}$`);
const ADDRESS = new RegExp(`^(${ADDRESS_PATTERN})$`);

export function isUser(text: string): boolean {
  return USER.test(text);
}

/** A user's or a group's. */
export function isAddress(text: string): boolean {
  return ADDRESS.test(text);
}

/** One or two characters that stand for a name: "jo", "jane.doe" -> "JD", "#team" -> "T". */
export function initials(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const [first = name, second] = words;
  const letters = second ? first.slice(0, 1) + second.slice(0, 1) : first.slice(0, 2);
  return letters.toUpperCase();
}

/** A number from 0 up to `count`, always the same for the same name (FNV-1a). */
export function hueOf(name: string, count: number): number {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return ((hash ^ (hash >>> 15)) >>> 0) % count;
}
