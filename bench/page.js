// The web client's figures, measured in Chromium: see bench/page.py, which runs this and says what is what. Prints one JSON object.

import { CLIENT_A, connectionIs, eventually, launchBrowser, newUsers, post, withClients } from "../tests/browser/harness.js";
import { collectedHeapBytes, numbersShown, readToTheFirst } from "../tests/browser/long_history.js";

const { OPENED, SCROLLED, RECEIVED, RATE, SECONDS, REPEAT } = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, Number(value)]));
const KEY_EVERY_MS = 130; // about 90 words a minute
const WARM_UP = 2_000; // more than the page holds of a conversation whose newest messages are in view
const UNREAD = 500; // of the messages of a conversation that is opened

const numbered = (count, from = 0) => Array.from({ length: count }, (_, index) => `message ${from + index}`);
const rounded = (value) => Math.round(value * 10) / 10;
const sorted = (values) => values.toSorted((a, b) => a - b);
const at = (part, values) => rounded(sorted(values)[Math.min(values.length - 1, Math.floor(part * values.length))]);
const spread = (values) => ({ p50: at(0.5, values), p95: at(0.95, values), max: at(1, values) });

// What the main thread computes, in CPU time, which other programs on the machine hardly change.
async function mainThreadCpu(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const read = async () => (await session.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value * 1000;
  const before = await read();
  return async () => {
    const ms = (await read()) - before;
    await session.detach();
    return ms;
  };
}

// --- First load: a browser that has nothing of the page yet.

async function firstLoad(open) {
  const runs = [];
  for (let run = 0; run < REPEAT; run++) {
    const page = await open("about:blank", {}, { serviceWorkers: "block" });
    await page.addInitScript(() => {
      const look = () => {
        if (!document.getElementById("register")) return requestAnimationFrame(look);
        requestAnimationFrame(() => setTimeout(() => (globalThis.interactiveMs = performance.now())));
      };
      requestAnimationFrame(look);
    });
    await page.goto(CLIENT_A);
    await page.waitForFunction(() => globalThis.interactiveMs);
    runs.push(await page.evaluate(() => ({
      paintMs: performance.getEntriesByName("first-contentful-paint")[0].startTime,
      interactiveMs: globalThis.interactiveMs,
      javascriptBytes: performance.getEntriesByType("resource").filter(({ name }) => /\.js$/.test(name)).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
    })));
  }
  return {
    javascript_gzip_bytes: runs[0].javascriptBytes,
    first_paint_ms: spread(runs.map(({ paintMs }) => paintMs)),
    interactive_ms: spread(runs.map(({ interactiveMs }) => interactiveMs)),
  };
}

// --- A conversation of thousands of messages is opened by a click.

// From the click until a frame has been painted that has an element with this selector and text in view.
async function openConversation(page, partner, selector, text) {
  const cpuMs = await mainThreadCpu(page);
  const shownMs = await page.evaluate(({ partner, selector, text }) => new Promise((resolve, reject) => {
    const began = performance.now();
    const isShown = () => {
      const scroller = document.getElementById("scroller");
      if (!scroller) return false;
      const { top, bottom } = scroller.getBoundingClientRect();
      return [...document.querySelectorAll(selector)].some((element) => {
        const box = element.getBoundingClientRect();
        return element.textContent === text && box.bottom > top && box.top < bottom && getComputedStyle(element).visibility === "visible";
      });
    };
    const look = () => {
      if (performance.now() - began > 20_000) return reject(new Error(`${text} is not shown`));
      if (isShown()) setTimeout(() => resolve(performance.now() - began)); // after the painting of this frame
      else requestAnimationFrame(look);
    };
    document.querySelector(`#conversations [data-with="${partner}"]`).click();
    requestAnimationFrame(look);
  }), { partner, selector, text });
  return { shownMs, cpuMs: await cpuMs() };
}

async function openings(open) {
  const first = { unread: [], read: [], cpu: [] };
  const again = { shown: [], cpu: [] };
  let wholeMs;
  for (let run = 0; run < REPEAT; run++) {
    const [alice, bob] = newUsers("alice", "bob");
    await post(CLIENT_A, alice, bob, numbered(OPENED - UNREAD));
    const newest = `message ${OPENED - 1}`;
    const signIn = async () => {
      const page = await open(CLIENT_A, { me: bob });
      await page.waitForSelector(`#conversations [data-with="${alice}"]`);
      await page.waitForTimeout(500); // the page has nothing else to do
      return page;
    };
    const readElsewhere = async () => {
      const page = await open(CLIENT_A, { me: bob, to: alice });
      await page.click("#latest");
      await page.waitForFunction(() => !document.querySelector("#conversations .unread"));
      await page.waitForTimeout(500); // the mark is on its way
      await page.context().close();
    };
    // Some of it is unread: it opens where these begin.
    await readElsewhere();
    await post(CLIENT_A, alice, bob, numbered(UNREAD, OPENED - UNREAD));
    const unreadPage = await signIn();
    first.unread.push((await openConversation(unreadPage, alice, "#new", "New")).shownMs);
    await unreadPage.context().close();
    // All of it is read: it opens at its end.
    await readElsewhere();
    const page = await signIn();
    const opened = await openConversation(page, alice, "#messages .text", newest);
    first.read.push(opened.shownMs);
    first.cpu.push(opened.cpuMs);
    const began = Date.now();
    await readToTheFirst(page);
    wholeMs = Date.now() - began;
    // Now the browser keeps all of it.
    await page.goto(`${CLIENT_A}?me=${bob}`);
    await page.waitForSelector(`#conversations [data-with="${alice}"]`);
    await page.waitForTimeout(500);
    const reopened = await openConversation(page, alice, "#messages .text", newest);
    again.shown.push(reopened.shownMs);
    again.cpu.push(reopened.cpuMs);
    await page.context().close();
  }
  return {
    messages: OPENED,
    first_shown_ms: spread(first.read), first_cpu_ms: spread(first.cpu), first_shown_at_500_unread_ms: spread(first.unread),
    again_shown_ms: spread(again.shown), again_cpu_ms: spread(again.cpu), read_from_end_to_start_ms: wholeMs,
  };
}

// --- Typing while messages arrive.

// Times each key: until its handlers have ended, and until a frame with its letter has been painted.
async function typing(page, selector, seconds) {
  await page.focus(selector);
  await page.evaluate(() => {
    globalThis.keys = [];
    let key;
    addEventListener("keydown", ({ timeStamp }) => (key = { began: timeStamp }), true);
    addEventListener("input", () => {
      const { began } = key;
      // Behind all handlers of this event, and behind the frame that follows it.
      queueMicrotask(() => {
        const handledMs = performance.now() - began;
        requestAnimationFrame(() => setTimeout(() => globalThis.keys.push({ handledMs, paintedMs: performance.now() - began })));
      });
    });
  });
  const cpuMs = await mainThreadCpu(page);
  const began = Date.now();
  for (let count = 0; Date.now() - began < seconds * 1000; count++) {
    await page.keyboard.press(count % 6 === 5 ? "Space" : "abcdefgh"[count % 8]);
    await page.waitForTimeout(KEY_EVERY_MS);
  }
  const busy = (await cpuMs()) / (Date.now() - began);
  const keys = await page.evaluate(() => globalThis.keys);
  return {
    keys: keys.length, handled_ms: spread(keys.map(({ handledMs }) => handledMs)), painted_ms: spread(keys.map(({ paintedMs }) => paintedMs)),
    main_thread_busy: Math.round(busy * 1000) / 1000,
  };
}

async function typingLatency(open) {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: bob, to: alice });
  let isSending = true;
  let sent = 0;
  const sending = (async () => {
    for (const began = Date.now(); isSending; sent++) {
      await new Promise((resolve) => setTimeout(resolve, began + (sent * 1000) / RATE - Date.now()));
      void fetch(new URL("/send", CLIENT_A), { method: "POST", body: JSON.stringify({ type: "normal", from: alice, to: bob, payload: `message ${sent}` }) });
    }
  })();
  await page.waitForTimeout(2_000);
  const arriving = await typing(page, "#message", SECONDS);
  isSending = false;
  await sending;
  await page.waitForTimeout(1_000);
  const quiet = await typing(await open(CLIENT_A, { me: bob, to: alice }), "#message", SECONDS);
  const bare = await open("about:blank");
  await bare.setContent("<textarea></textarea>");
  return { arriving_per_s: RATE, while_they_arrive: arriving, while_none_arrives: quiet, bare_textarea: await typing(bare, "textarea", SECONDS) };
}

// --- Memory.

async function received(open) {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: bob, to: alice });
  const take = async (count, from) => {
    await post(CLIENT_A, alice, bob, numbered(count, from));
    await eventually(async () => (await numbersShown(page)).at(-1), from + count - 1, "the newest message is not shown", 120_000);
  };
  // As long as the page does not know how far the reader has got, it may go back to what came meanwhile.
  await take(1, 0);
  await page.waitForFunction(() => !document.querySelector("#conversations .unread"));
  await take(WARM_UP, 1);
  const heapBytes = [];
  for (let from = 1 + WARM_UP; ; from += RECEIVED / 4) {
    await page.waitForTimeout(1_000);
    heapBytes.push(await collectedHeapBytes(page));
    if (from >= WARM_UP + RECEIVED) return { messages: RECEIVED, heap_bytes_before: heapBytes[0], heap_bytes_after_each_quarter: heapBytes.slice(1) };
    await take(RECEIVED / 4, from);
  }
}

async function scrolled(open) {
  const [alice, bob] = newUsers("alice", "bob");
  await post(CLIENT_A, alice, bob, numbered(SCROLLED));
  const page = await open(CLIENT_A, { me: bob });
  await page.waitForSelector(`#conversations [data-with="${alice}"]`);
  const before = await collectedHeapBytes(page);
  await page.click(`#conversations [data-with="${alice}"]`);
  await page.click("#latest");
  await eventually(async () => (await numbersShown(page)).at(-1), SCROLLED - 1, "the newest message is not shown");
  const cpuMs = await mainThreadCpu(page);
  const began = Date.now();
  await readToTheFirst(page);
  return { messages: SCROLLED, seconds: (Date.now() - began) / 1000, cpu_seconds: rounded((await cpuMs()) / 1000), heap_bytes_before: before, heap_bytes_after: await collectedHeapBytes(page) };
}

const PARTS = { first_load: firstLoad, opened: openings, typing: typingLatency, received, scrolled };
const chosen = process.env.PARTS ? process.env.PARTS.split(",") : Object.keys(PARTS);
const browser = await launchBrowser();
const result = { chromium: browser.version() };
try {
  for (const name of chosen) await withClients(browser, async ({ open }) => (result[name] = await PARTS[name](open)));
} finally {
  await browser.close();
}
console.log(JSON.stringify(result));
