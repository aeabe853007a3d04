import type { Message } from "simplechat-client";
import { expect, test } from "vitest";
import { dayOf, firstAfter, place } from "../src/text/days.js";

const at = (time: string): number => Date.parse(`2026-03-${time}Z`) * 1000;
const message = (from: string, time: string, state: Message["state"] = "sent"): Message =>
  ({ id: time, key: `${from} ${time}`, from, to: "me", payload: "", at: at(time), state }) as Message;

test("runs are of one sender within one minute", () => {
  const a = message("bob", "01T10:00:05");
  const b = message("bob", "01T10:00:50");
  const c = message("bob", "01T10:01:01");
  expect(place(undefined, a, b, undefined)).toEqual({ startsDay: true, startsNew: false, startsRun: true, endsRun: false });
  expect(place(a, b, c, undefined)).toEqual({ startsDay: false, startsNew: false, startsRun: false, endsRun: true });
  expect(place(b, c, undefined, undefined)).toMatchObject({ startsRun: true, endsRun: true });
  expect(place(a, message("me", "01T10:00:51"), undefined, undefined)).toMatchObject({ startsRun: true });
});

test("a day, what is new, and a failure end a run", () => {
  const a = message("bob", "01T23:59:59");
  const b = message("bob", "02T00:00:00");
  expect(place(a, b, undefined, undefined)).toMatchObject({ startsDay: true, startsRun: true });
  expect(place(undefined, a, b, undefined)).toMatchObject({ endsRun: true });
  const c = message("bob", "02T00:00:10");
  expect(place(b, c, undefined, c.key)).toMatchObject({ startsNew: true, startsRun: true, startsDay: false });
  expect(place(a, b, c, c.key)).toMatchObject({ endsRun: true });
  expect(place(b, message("bob", "02T00:00:11", "failed"), undefined, undefined)).toMatchObject({ startsRun: true });
});

test("days are told apart by the local clock", () => {
  expect(dayOf(at("02T00:00:00")) - dayOf(at("01T23:59:59"))).toBe(1);
  expect(dayOf(at("01T00:00:00"))).toBe(dayOf(at("01T23:59:59")));
});

test("the first message after a time; unsettled ones count as later", () => {
  const messages = [message("a", "01T10:00:00"), message("a", "01T11:00:00"), message("a", "01T12:00:00"), message("me", "01T09:00:00", "pending")];
  expect(firstAfter(messages, 0)).toBe(0);
  expect(firstAfter(messages, at("01T11:00:00"))).toBe(2);
  expect(firstAfter(messages, at("01T13:00:00"))).toBe(3);
  expect(firstAfter([], 5)).toBe(0);
});
