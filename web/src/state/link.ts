// The page's address: who chats with whom (`me`, `to`), over which gateways (`ws`), and once, in the fragment, a token.

import { isAddress, isUser } from "../text/address.js";

export interface Link {
  me: string;
  to: string;
  /** The gateways' WebSocket URLs, with spaces between. Together they name the server: a token for some is not for one more. */
  server: string;
  /** Other than the one that served the page. */
  isForeign: boolean;
  token: string | undefined;
}

export function readLink({ protocol, host, search, hash }: Pick<Location, "protocol" | "host" | "search" | "hash">): Link {
  const parameters = new URLSearchParams(search);
  const own = `${protocol.replace("http", "ws")}//${host}/ws`;
  const server = [...parameters.getAll("ws"), ...parameters.getAll("server")].filter(Boolean).join(" ") || own;
  const me = parameters.get("me") ?? "";
  const to = parameters.get("to") ?? "";
  return {
    me: isUser(me) ? me : "",
    to: isAddress(to) ? to : "",
    server,
    isForeign: server !== own,
    token: new URLSearchParams(hash.slice(1)).get("token") || undefined,
  };
}

/** Whose gateways these are, as a person is told: their hosts, or of what is no address all of it. */
export function hostsOf(server: string): string[] {
  const hostOf = (url: string): string => {
    try {
      return new URL(url).host || url;
    } catch {
      return url;
    }
  };
  return [...new Set(server.split(" ").map(hostOf))];
}

/** The address of a conversation; of the list of them if there is none. */
export function linkTo(me: string, to: string | undefined, { pathname, search }: Pick<Location, "pathname" | "search">): string {
  const parameters = new URLSearchParams(search);
  for (const [name, value] of [["me", me], ["to", to]] as const) {
    if (value) parameters.set(name, value);
    else parameters.delete(name);
  }
  // `@` and `+` may stand as they are; a "+" would be read as a space.
  const query = parameters.toString().replaceAll("%40", "@");
  return query ? `${pathname}?${query}` : pathname;
}
