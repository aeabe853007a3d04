// A long history, read from its newest message to its first. HISTORY_MESSAGES says how long; ./dev bench page reads 100 000.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CLIENT_A, CLIENT_B, connectionIs, eventually, launchBrowser, newUsers, post, readStored, withClients } from "./harness.js";
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

test("a reader at the end stays there, however many messages come and however many old ones the page lets go of", { timeout: 120_000 }, () => withClients(browser, async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_B, { me: bob, to: alice });
  await connectionIs(page, "online");
  let sent = 0;
  const sendPart = async (count) => {
    const body = Array.from({ length: count }, () => ({ type: "normal", from: alice, to: bob, payload: `message ${sent++}` }));
    const { status } = await fetch(new URL("/send", CLIENT_A), { method: "POST", body: JSON.stringify(body) });
    assert.equal(status, 200);
  };
  // Until the page knows how far its reader is, it rightly leads back to the first unread message.
  await sendPart(1);
  await readStored(CLIENT_A, bob, alice);
  const [BURSTS, PARTS, PART] = [3, 60, 30]; // in parts, so that some come in the very frames in which others go
  for (let burst = 0; burst < BURSTS; burst++) {
    for (let part = 0; part < PARTS; part++) await sendPart(PART);
    await eventually(async () => (await numbersInView(page)).at(-1), sent - 1, "the newest message is not in view");
    assert.equal(await page.$("#latest"), null, "the page takes the reader for one who reads elsewhere");
  }
}));

test("a window that is higher than the first page is filled", { timeout: 60_000 }, () => withClients(browser, async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  await post(CLIENT_A, alice, bob, Array.from({ length: 300 }, (_, index) => `message ${index}`));
  const reading = await open(CLIENT_A, { me: bob, to: alice });
  await reading.click("#latest"); // all is read
  await reading.waitForFunction(() => !document.querySelector("#conversations .unread"));
  const page = await open(CLIENT_B, { me: bob, to: alice }, { viewport: { width: 1000, height: 4000 } });
  await eventually(async () => {
    const shown = await numbersInView(page);
    return shown.at(-1) === 299 && shown.length > 80;
  }, true, "the window is not filled up to the newest message");
}));
