// Every state of the page, in both themes and on a phone and a desktop: no WCAG A or AA fault that axe-core finds, nothing that scrolls
// sideways, and a picture to look at, if SCREENSHOT_DIR is set.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, test } from "node:test";
import {
  CLIENT_A, CLIENT_B, connectionIs, eventually, launchBrowser, messages, newUsers, post, send, sendFrames, statesAre, withClients,
} from "./harness.js";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const FOLDER = process.env.SCREENSHOT_DIR;
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };
const LOOKS = ["phone-light", "phone-dark", "desktop-light", "desktop-dark"];
const TWO_LOOKS = ["phone-dark", "desktop-light"]; // each size and each theme once

let browser;
let axe;
before(async () => {
  browser = await launchBrowser();
  axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  if (FOLDER) await mkdir(FOLDER, { recursive: true });
});
after(() => browser?.close());

const scenario = (name, body) => test(name, { timeout: 180_000 }, () => withClients(browser, body));

// `inView` names what must be within the window whatever its size.
async function check(page, name, { looks = TWO_LOOKS, inView = "#send, #register" } = {}) {
  for (const look of looks) {
    const [size, colorScheme] = look.split("-");
    await page.setViewportSize(SIZES[size]);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const label = `${name}-${look}`;
    if (FOLDER) await page.screenshot({ path: path.join(FOLDER, `${label}.png`) });
    const { violations } = await page.evaluate(`${axe}; axe.run({ runOnly: ${JSON.stringify(RULES)} })`);
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`), [], label);
    const { clientWidth, scrollWidth, ends } = await page.evaluate((selector) => ({
      clientWidth: document.documentElement.clientWidth,
      scrollWidth: document.documentElement.scrollWidth,
      ends: [...document.querySelectorAll(selector)].map((element) => element.getBoundingClientRect().bottom),
    }), inView);
    assert.equal(scrollWidth, clientWidth, `${label} scrolls sideways`);
    assert.ok(ends.length > 0 && ends.every((end) => end <= SIZES[size].height), `${label}: ${inView} is out of view`);
  }
}

scenario("signing in, and being asked for a token", async ({ open }) => {
  const [alice] = newUsers("alice");
  const page = await open(CLIENT_A);
  await check(page, "sign-in", { looks: LOOKS });
  const guarded = await open(process.env.GUARDED_URL, { me: alice }, { startsRefused: true });
  await guarded.waitForSelector("#token");
  await check(guarded, "token");
});

scenario("a conversation, with everything that can be in one", async ({ open, proxyTo }) => {
  const [alice, bob, carol, dave] = newUsers("alice", "bob", "carol", "dave");
  const proxy = await proxyTo(CLIENT_A);
  const page = await open(CLIENT_A, { ws: proxy.url });
  await post(CLIENT_A, bob, alice, Array.from({ length: 60 }, (_, index) => `Reminder ${index}`));
  const bobPage = await open(CLIENT_B, { me: bob, to: alice });
  const carolPage = await open(CLIENT_B, { me: carol, to: alice });
  await send(carolPage, "Lunch at noon?");
  await send(carolPage, "The new place around the corner, it has a table for six");
  await sendFrames(bobPage, dave, alice, ["A-very-long-word-".repeat(12)]);
  await page.fill("#me", alice);
  await page.fill("#to", bob);
  await page.click("#register");
  await connectionIs(page, "online");
  await page.waitForSelector("#new");
  await check(page, "unread");
  await page.click("#latest");
  const lastIs = (who, from, state, text) => eventually(async () => {
    const last = (await messages(who)).at(-1);
    return [last?.from, last?.state, last?.text];
  }, [from, state, text], "the last message differs");
  for (const [from, text] of [
    [alice, "Morning! Did the load test finish?"],
    [bob, "Yes, an hour ago:\n  10 000 connections\n  0 lost, 0 doubled"],
    [bob, "صباح الخير"],
    [alice, "Great. I'll write the summary this afternoon, so that everyone can read it before the meeting tomorrow."],
  ]) {
    await send(from === alice ? page : bobPage, text);
    await lastIs(page, from, from === alice ? "read" : "sent", text);
  }
  proxy.swallow("toGateway");
  await send(page, "One more thing");
  await lastIs(page, alice, "pending", "One more thing");
  proxy.relay();
  const { id } = (await messages(page)).at(-1);
  proxy.say({ type: "error", code: "forbidden", message: "This message was refused", id });
  await lastIs(page, alice, "failed", "One more thing");
  await page.setViewportSize(SIZES.desktop);
  await page.fill("#search", "load test");
  await page.click("[data-found]");
  await page.waitForSelector(".found");
  await check(page, "found");
  await page.setViewportSize(SIZES.desktop);
  await page.fill("#search", "");
  if (await page.isVisible("#latest")) await page.click("#latest");
  await page.focus("#message");
  await bobPage.type("#message", "Sure");
  await eventually(() => page.textContent("#typing"), `${bob} is typing…`, "no typing indication");
  await check(page, "conversation", { looks: LOOKS });
  proxy.refusing = true;
  proxy.cut();
  await connectionIs(page, "waiting");
  await page.waitForSelector("#status"); // visible only after a moment: most losses are shorter
  await check(page, "waiting");
});

scenario("formatted texts", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  await post(CLIENT_A, bob, alice, [
    "🎉", "**Release notes**\n- faster `sync`\n- _fewer_ surprises\n\n> It just works.\n\n```\ncurl -s localhost:3002/healthz\n```",
    "See https://example.org/a/rather/long/path/that/has/to/break/somewhere?and=a&query=too and [the docs](https://example.org/docs)",
  ]);
  await send(page, "1. Read\n2. *Try*\n3. ~~Wait~~ Ship, `now`: https://example.org");
  await statesAre(page, ["sent", "sent", "sent", "sent"]);
  await page.waitForSelector("#messages .markdown");
  await check(page, "formatted", { looks: LOOKS });
  await page.click("#block");
  await page.waitForSelector("#blocked");
  await check(page, "blocked", { inView: "#unblock" });
});

scenario("dialogs, the emoji picker, and what is empty", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const page = await open(CLIENT_A, { me: alice });
  await check(page, "nobody", { inView: "#search" });
  await page.fill("#search", "carol");
  await check(page, "search", { inView: "#search" });
  await page.fill("#search", "");
  await page.goto(`${CLIENT_A}?me=${alice}&to=${bob}`);
  await connectionIs(page, "online");
  await page.waitForSelector("#messages");
  await check(page, "first");
  await send(page, "Hello");
  await sendFrames(page, carol, alice, ["Do you have a minute?"]);
  await statesAre(page, ["sent"]);
  const settings = async () => {
    await page.setViewportSize(SIZES.desktop); // on a phone the way there begins at the list
    await page.click(".sidebar-header button >> nth=1");
    await page.waitForSelector("dialog[open]");
  };
  await settings();
  await check(page, "settings", { looks: LOOKS, inView: "dialog header" });
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+/");
  await page.waitForSelector("dialog[open]");
  await check(page, "help", { inView: "dialog header" });
  await page.keyboard.press("Escape");
  await page.click(".emoji-holder button");
  await page.waitForSelector(".emoji-panel");
  await check(page, "emoji");
  await page.keyboard.press("Escape");
  await page.setViewportSize(SIZES.phone);
  await page.click(".back");
  await check(page, "list", { looks: LOOKS, inView: "#search" });
});

scenario("German, whose words are longer", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, {}, { locale: "de-DE" });
  await eventually(() => page.evaluate(() => document.documentElement.lang), "de", "the page is not German");
  await check(page, "german-sign-in");
  await page.fill("#me", alice);
  await page.fill("#to", bob);
  await page.click("#register");
  await connectionIs(page, "online");
  await send(page, "Guten Morgen! Ist der Lasttest durch?");
  await statesAre(page, ["sent"]);
  await check(page, "german");
  await page.setViewportSize(SIZES.desktop);
  await page.click(".sidebar-header button >> nth=1");
  await page.waitForSelector("dialog[open]");
  await check(page, "german-settings", { inView: "dialog header" });
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+/");
  await page.waitForSelector("dialog[open]");
  await check(page, "german-help", { inView: "dialog header" });
});
