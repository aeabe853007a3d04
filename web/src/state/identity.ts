// Who is chatting in this tab. The address says it, so that each tab may be another user; a token never stays in the address.

import { signal } from "@preact/signals";
import { IndexedDbStorage } from "simplechat-client/indexeddb";
import { forgetDrafts } from "./drafts.js";
import { local, tab } from "./kept.js";
import { linkTo, readLink, type Link } from "./link.js";
import { Session } from "./session.js";

const RECENT_KEY = "simplechat.recent";
const RECENT_MAX = 4;

export const session = signal<Session | undefined>(undefined);
/** Why the sign-in form is shown again. */
export const refusal = signal<{ code: string; reason: string } | undefined>(undefined);

export const link: Link = readLink(location);

const tokenKey = (user: string): string => `simplechat.token ${link.server} ${user}`;

/** Takes the address apart, and signs in if it names a user. */
export function begin(): void {
  clearFragment();
  const isApp = matchMedia("(display-mode: standalone)").matches;
  const me = link.me || (isApp ? recentUsers()[0] : undefined);
  if (me) signIn(me, link.to || undefined, link.token);
  addEventListener("hashchange", takeToken);
  addEventListener("popstate", () => session.value?.show(readLink(location).to || undefined));
}

/** A link with a token was followed from a page that differs in nothing else: the browser does not load it anew. */
function takeToken(): void {
  const { me, to, token } = readLink(location);
  clearFragment();
  if (me && token) signIn(me, to || undefined, token);
}

function clearFragment(): void {
  if (location.hash) history.replaceState(history.state, "", location.pathname + location.search);
}

export function recentUsers(): string[] {
  const kept = local.json<unknown>(RECENT_KEY);
  return Array.isArray(kept) ? kept.filter((name) => typeof name === "string").slice(0, RECENT_MAX) : [];
}

/** Ends the chat of whoever was signed in, and begins this user's. */
export function signIn(user: string, to?: string, token?: string): void {
  if (token) tab.set(tokenKey(user), token);
  local.set(RECENT_KEY, JSON.stringify([user, ...recentUsers().filter((name) => name !== user)].slice(0, RECENT_MAX)));
  void session.peek()?.stop();
  const next = new Session({ user, server: link.server, token: tab.get(tokenKey(user)), isForeign: link.isForeign });
  next.connection.subscribe(({ state, error }) => {
    if (state !== "closed" || session.peek() !== next) return;
    if (error?.code === "unauthorized" || error?.code === "forbidden") refuse(next, error.code, error.message);
  });
  refusal.value = undefined;
  session.value = next;
  next.start();
  if (to) next.show(to);
  history.replaceState(history.state, "", linkTo(user, to, location));
}

export function signOut(): void {
  const ended = session.peek();
  if (!ended) return;
  tab.set(tokenKey(ended.user), undefined);
  session.value = undefined;
  refusal.value = undefined;
  void ended.stop();
  link.me = ended.user;
  link.to = "";
  history.replaceState(null, "", linkTo("", undefined, location));
}

/** Signs out, and leaves nothing of this user on the device. What had not been sent is lost. */
export async function forget(): Promise<void> {
  const ended = session.peek();
  if (!ended) return;
  local.set(RECENT_KEY, JSON.stringify(recentUsers().filter((name) => name !== ended.user))); // before the form that offers them is shown
  signOut();
  link.me = "";
  await ended.stop();
  forgetDrafts(ended.user);
  await IndexedDbStorage.delete(ended.server, ended.user).catch(() => {}); // then there was nothing
}

/** Opens a conversation, or the list of them; the browser's Back leads from the one to the other. */
export function open(partner: string | undefined): void {
  const current = session.peek();
  if (!current || current.open.peek()?.partner === partner) return;
  const url = linkTo(current.user, partner, location);
  const fromList = current.open.peek() === undefined;
  if (partner === undefined && history.state?.fromList) return history.back();
  if (fromList && partner !== undefined) history.pushState({ fromList: true }, "", url);
  else history.replaceState(partner === undefined ? null : history.state, "", url);
  current.show(partner);
}

function refuse(refused: Session, code: string, reason: string): void {
  const hadToken = tab.get(tokenKey(refused.user)) !== undefined;
  tab.set(tokenKey(refused.user), undefined);
  link.me = refused.user;
  link.to = refused.open.peek()?.partner ?? link.to;
  session.value = undefined;
  refusal.value = { code: code === "unauthorized" && !hadToken ? "token_needed" : code, reason };
  void refused.stop();
}
