// Takes the pictures of docs/images, into the folder SCREENSHOT_DIR:
//   SCREENSHOT_DIR=$PWD/docs/images SIMPLECHAT_BIN=build/release/bin python3 tests/browser/run.py embedded -- pictures.js
// They show the machine's fonts: Inter as system-ui, JetBrains Mono, Noto Sans Arabic and Noto Color Emoji so far.

import path from "node:path";
import { CLIENT_A, connectionIs, eventually, launchBrowser, messages, send, sendFrames, statesAre, withClients } from "./harness.js";

const [DESKTOP, PHONE] = [{ width: 1280, height: 800 }, { width: 390, height: 844 }];
const [MAYA, TOM] = ["maya.lindqvist", "tom.becker"];
const OTHERS = [
  ["ops-bot", MAYA, ["Nightly backup finished: 41 GB in 6 min 12 s"]],
  ["noor", MAYA, ["مساء الخير! هل الاجتماع غداً في العاشرة؟"]],
  ["release-desk", MAYA, ["The branch for 0.2 is cut", "Changelog draft is up: https://example.org/changelog"]],
  ["priya", MAYA, ["Lunch at one?", "The place by the river", "I can book it"]],
  [MAYA, "jonas.f", ["I pushed the fix for the reconnect loop"]],
  ["elena", MAYA, ["Danke für die schnelle Hilfe!"]],
  [MAYA, "elena", ["Gern geschehen 😊"]],
];
const TALK = [
  [MAYA, "Morning! Did the load test finish?"],
  [TOM, "Yes, an hour ago. Short version:"],
  [TOM, "- 10 000 connections, **0 lost**, 0 doubled\n- p99 from send to receive: `3.1 ms`\n- memory stayed flat over the whole run"],
  [MAYA, "That is better than I hoped 🎉"],
  [MAYA, "Can you put the numbers into the report before the meeting?"],
  [TOM, "Sure. I ran it like this:\n```\n./dev bench relay --connections 10000 \\\n  --minutes 60\n```"],
  [TOM, "> can you put the numbers into the report\n\nDone, see https://example.org/reports/load-test"],
  [MAYA, "Perfect, thank you"],
  [MAYA, "👏"],
];

const browser = await launchBrowser();
await withClients(browser, async ({ open }) => {
  const take = async (page, name, colorScheme = "light") => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.screenshot({ path: path.join(process.env.SCREENSHOT_DIR, `${name}.png`) });
  };
  const tom = await open(CLIENT_A, { me: TOM, to: MAYA }, { viewport: DESKTOP });
  for (const [from, to, payloads] of OTHERS) await sendFrames(tom, from, to, payloads);
  const maya = await open(CLIENT_A, { me: MAYA, to: TOM }, { viewport: DESKTOP });
  for (const [index, [from, text]] of TALK.entries()) {
    await send(from === MAYA ? maya : tom, text);
    for (const page of [maya, tom]) await eventually(async () => (await messages(page)).length, index + 1, "not all is shown");
  }
  await eventually(async () => (await messages(maya)).at(-1).state, "read", "tom has not read it");
  await take(await open(CLIENT_A, { me: MAYA }, { viewport: PHONE }), "client-list-phone");
  const offline = await open(CLIENT_A, { me: MAYA, to: "jonas.f" }, { viewport: PHONE });
  await statesAre(offline, ["sent"]);
  await offline.context().setOffline(true);
  await connectionIs(offline, "waiting");
  for (const text of ["Written on the train, sent when there is a network again.", "And this too"]) await send(offline, text);
  await statesAre(offline, ["sent", "pending", "pending"]);
  await take(offline, "client-offline-phone");
  const phone = await open(CLIENT_A, { me: MAYA, to: TOM }, { viewport: PHONE });
  for (const [page, name, colorScheme] of [[maya, "client", "light"], [maya, "client-dark", "dark"], [phone, "client-phone-dark", "dark"]]) {
    await tom.locator("#message").pressSequentially("O");
    await page.waitForSelector("#typing:not(:empty)");
    await take(page, name, colorScheme);
  }
}).finally(() => browser.close());
