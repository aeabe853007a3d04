// Reading a long conversation whose messages are "message 0", "message 1", ...

import assert from "node:assert/strict";

// The numbers of the messages in the document. They must follow one another: nothing is missing, double, or out of order.
export async function numbersShown(page) {
  const numbers = await page.$$eval("#messages [data-id]", (elements) => elements.map((element) => Number(element.querySelector(".text").textContent.slice(8))));
  for (const [index, number] of numbers.entries()) assert.equal(number, numbers[0] + index, `shown: ${numbers}`);
  return numbers;
}

// The numbers of the messages in view. A message that has the focus may be in the document beside them.
export function numbersInView(page) {
  return page.$$eval("#messages [data-id]", (elements) => {
    const view = document.getElementById("scroller").getBoundingClientRect();
    const isInView = ({ top, bottom }) => bottom > view.top && top < view.bottom;
    return elements.filter((element) => isInView(element.getBoundingClientRect())).map((element) => Number(element.querySelector(".text").textContent.slice(8)));
  });
}

// Scrolls to the top again and again, as fast as pages come, until there is nothing earlier. Returns how many messages came into the document.
export async function readToTheFirst(page) {
  const scroller = await page.$("#scroller");
  await page.evaluate((element) => {
    const up = () => {
      if (!document.getElementById("earlier")) return;
      element.scrollTop = 0;
      requestAnimationFrame(up);
    };
    up();
  }, scroller);
  for (let lowest = Infinity, idleSince = Date.now(); await page.$("#earlier");) {
    const [first] = await numbersShown(page);
    if (first < lowest) {
      lowest = first;
      idleSince = Date.now();
    }
    assert.ok(Date.now() - idleSince < 20_000, `nothing comes above message ${first}`);
    await page.waitForTimeout(100);
  }
  await page.evaluate((element) => (element.scrollTop = 0), scroller);
  await page.waitForFunction(() => document.querySelector("#messages .text")?.textContent === "message 0");
}

// What the page's JavaScript holds on to, after a garbage collection.
export async function collectedHeapBytes(page) {
  const session = await page.context().newCDPSession(page);
  try {
    for (let round = 0; round < 3; round++) await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  } finally {
    await session.detach();
  }
}
