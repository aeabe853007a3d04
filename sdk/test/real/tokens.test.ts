// The library against a real gateway that asks for tokens, which expire while it is connected. See run.py.

import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import type { Chat } from "../../src/index.js";
import { eventually, newUsers, useChats } from "./harness.js";

const SECRET = process.env["JWT_SECRET"] ?? "";
const SHORT_S = 4; // long enough to register with
const RENEWED_BEFORE_S = 60; // the library's

const open = useChats();

function tokenOf(user: string, ttlS: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256" })}.${part({ sub: user, exp: Math.floor(Date.now() / 1000) + ttlS })}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

function follow(chat: Chat): string[] {
  const seen: string[] = [];
  chat.on("state", ({ state, error }) => seen.push(error ? `${state} ${error.code}` : state));
  chat.on("error", ({ code }) => seen.push(`error ${code}`));
  return seen;
}

test("a token is renewed on the connection: nothing of it is seen, and messages go on", async () => {
  const [alice] = newUsers("alice") as [string];
  const tokens: string[] = [];
  const chat = open(alice, { token: async () => tokens[tokens.push(tokenOf(alice, RENEWED_BEFORE_S + 3)) - 1] as string });
  const seen = follow(chat);
  await eventually("the third token is asked for", () => tokens.length >= 3);
  await chat.settled(chat.send(alice, "hello").id);
  expect(seen).toEqual(["connecting", "online"]);
  expect(new Set(tokens).size).toBe(tokens.length);
});

test("a session whose token has expired comes back with a fresh one; without one it ends with the error", async () => {
  const [alice, bob] = newUsers("alice", "bob") as [string, string];
  const heartbeatMs = 100_000; // no ping in the test's time, and so no renewal
  let asked = 0;
  const hers = open(alice, { heartbeatMs, token: async () => tokenOf(alice, asked++ === 0 ? SHORT_S : 600) });
  const old = tokenOf(bob, SHORT_S);
  const his = open(bob, { heartbeatMs, token: async () => old });
  const [seenHers, seenHis] = [follow(hers), follow(his)];
  await eventually("the gateway ends both sessions, and hers is back", () => seenHers.length >= 5 && his.state === "closed");
  expect([seenHers, asked]).toEqual([["connecting", "online", "waiting disconnected", "connecting", "online"], 2]);
  expect(seenHis).toEqual(["connecting", "online", "waiting disconnected", "connecting", "closed unauthorized"]);
});
