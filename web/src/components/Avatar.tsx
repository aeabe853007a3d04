import type { JSX } from "preact";
import { hueOf, initials } from "../text/address.js";

const HUES = 8;

/** The name's initials in its colour; decoration, as the name stands beside it. */
export function Avatar({ name, small = false }: { name: string; small?: boolean }): JSX.Element {
  return (
    <span class={small ? "avatar small" : "avatar"} data-hue={hueOf(name, HUES)} aria-hidden="true">
      {name.startsWith("#") ? "#" : initials(name)}
    </span>
  );
}
