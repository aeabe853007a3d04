// A long history, read from its newest message to its first. HISTORY_MESSAGES says how long; ./dev bench page reads 100 000.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CLIENT_A, CLIENT_B, connectionIs, eventually, launchBrowser, newUsers, post, withClients } from "./harness.js";
import { collectedHeapBytes, numbersInView, numbersShown, readToTheFirst } from "./long_history.js";

const COUNT = Number(process.env.HISTORY_MESSAGES ?? 10_000);
const HEAP_BYTES_MAX = 12e6 + 500 * COUNT;

let browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser?.close());

test("a long history is read from its newest message to its first, and is complete", { timeout: 300_000 }, () => withClients(browser, async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  await post(CLIENT_A, alice, bob, Array.from({ length: COUNT }, (_, index) => `message ${index}`));
  const page = await open(CLIENT_B, { me: bob });
  await connectionIs(page, "online");
  await page.click(`#conversations [data-with="${alice}"]`);
  await page.click("#latest");
  await eventually(async () => (await numbersShown(page)).at(-1), COUNT - 1, "the newest message is not in view");

  await readToTheFirst(page);
  assert.equal((await numbersShown(page))[0], 0);
  const heapBytes = await collectedHeapBytes(page);
  assert.ok(heapBytes < HEAP_BYTES_MAX, `the page's heap holds ${heapBytes} bytes`);

  // Anywhere in it, also where two pages met, what is shown is without a gap.
  for (const part of [0.07, 0.31, 0.5, 0.5 + 200 / COUNT, 0.83, 0.999]) {
    await page.evaluate((to) => {
      const scroller = document.getElementById("scroller");
      scroller.scrollTop = to * scroller.scrollHeight;
    }, part);
    await eventually(async () => {
      const shown = await numbersShown(page);
      return shown.length > 5 && Math.abs(shown[0] / COUNT - part) < 0.05;
    }, true, `${part} of the way down something else is shown`);
  }
  await page.focus("#scroller");
  await page.keyboard.press("End");
  await eventually(async () => (await numbersInView(page)).at(-1), COUNT - 1, "End does not lead to the newest message");
  await page.keyboard.press("Home");
  await eventually(async () => (await numbersInView(page))[0], 0, "Home does not lead to the first message");
}));
