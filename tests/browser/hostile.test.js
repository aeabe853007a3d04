// Nothing that others write, or that a link, a draft or a hostile server says, is taken for HTML or runs. A test fails, too, if the page
// breaks its Content-Security-Policy: that is the second line of defence, which must have nothing to do.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CLIENT_A, CLIENT_B, connectionIs, eventually, launchBrowser, messages, newUsers, send, sendFrames, statesAre, texts, textsAre, unreadIs,
  withClients,
} from "./harness.js";

const IMG = `<img src=x onerror="window.pwned=1">`;
const MADE = ":is(#messages, #conversations, .pane-header, .sidebar, .sign-in, #status) :is(img:not(.logo), script, iframe, object, embed, style, base)";

let browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser?.close());

const scenario = (name, body) => test(name, { timeout: 60_000 }, () => withClients(browser, body));

// After a moment in which a picture would have failed to load, and its handler would have run.
async function isUnharmed(page) {
  await page.waitForTimeout(200);
  assert.deepEqual(await page.$$eval(MADE, (found) => found.map(({ outerHTML }) => outerHTML)), []);
  assert.equal(await page.evaluate(() => window.pwned), undefined);
}

scenario("markup in messages is shown as text and runs nothing", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const attacks = [
    IMG,
    `<script>window.pwned = 1</script>`,
    `</p></div><iframe srcdoc="<script>parent.pwned = 1</script>"></iframe>`,
    `<a href="javascript:pwned=1">&lt;b&gt;</a> \${pwned=1} {{pwned=1}}`,
  ];
  const alicePage = await open(CLIENT_A, { me: alice, to: bob });
  const bobPage = await open(CLIENT_B, { me: bob, to: alice });
  const carolPage = await open(CLIENT_A, { me: carol, to: bob });
  for (const attack of attacks) await send(alicePage, attack);
  await send(carolPage, attacks[0]); // lands in bob's list of other conversations
  await bobPage.waitForSelector(`#conversations [data-with="${carol}"]`);
  for (const page of [alicePage, bobPage]) {
    await textsAre(page, attacks);
    await page.reload();
    await textsAre(page, attacks);
  }
  const preview = `#conversations [data-with="${carol}"] .preview`;
  await eventually(() => bobPage.textContent(preview), attacks[0], "the preview differs");
  for (const page of [alicePage, bobPage]) {
    await isUnharmed(page);
    assert.equal(await page.$$eval("#messages a", (found) => found.length), 0);
  }
});

scenario("markup within Markdown stays text, and a link leads to the web or to a mail, or is none", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  await sendFrames(page, bob, alice, [
    `**${IMG}** \`${IMG}\``,
    `> ${IMG}\n\n- ${IMG}\n\n<div onclick="window.pwned=1">*x*</div>`,
    `![x](x" onerror="window.pwned=1) ![y](https://example.org/y.png)`,
    `[a](javascript:window.pwned=1) [b](JaVaScRiPt:window.pwned=1) [c](&#106;avascript:window.pwned=1) [d](data:text/html,${IMG}) [e](vbscript:x) [f](//example.org/f)`,
    `[g](https://example.org/"onmouseover="window.pwned=1) https://example.org/'onclick='window.pwned=1`,
    `<https://example.org/h> <javascript:window.pwned=1> [ref]\n\n[ref]: javascript:window.pwned=1`,
    `[m](mailto:bob@example.org?subject=x)`,
  ]);
  await eventually(async () => (await texts(page)).length, 7, "other messages are shown");
  await page.waitForSelector("#messages .markdown");
  const links = await page.$$eval("#messages a", (found) => found.map((link) => [link.protocol, link.rel.includes("noopener"), link.getAttributeNames().toSorted().join()]));
  assert.ok(links.length >= 3, "no links at all");
  for (const [protocol, isApart, attributes] of links) {
    assert.match(protocol, /^(https?|mailto):$/);
    assert.ok(isApart);
    assert.equal(attributes, "href,rel,target");
  }
  for (const link of await page.$$("#messages a")) await link.hover();
  await page.$$eval("#messages .text *", (elements) => elements.forEach((element) => element.dispatchEvent(new MouseEvent("click", { cancelable: true }))));
  await isUnharmed(page);
});

scenario("a text that is made to be hard to format neither breaks the page nor holds it up", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  await sendFrames(page, bob, alice, ["**bold**", ">".repeat(20_000), `http://a${")".repeat(65_000)}`, `http://a${"!".repeat(65_000)}b`, "*a*".repeat(20_000), "after them"]);
  await eventually(async () => (await texts(page)).at(-1), "after them", "what came after them is not shown");
  await send(page, "answered");
  await eventually(async () => (await texts(page)).at(-1), "answered", "the page takes nothing more");
});

scenario("markup in a link's parameters, in the search, and in a draft is nothing but text", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const link = await open(CLIENT_A, { me: IMG, to: IMG, token: encodeURIComponent(IMG) }, { startsRefused: true });
  await link.waitForSelector("#identity");
  assert.equal(await link.inputValue("#me"), ""); // no id that could be
  await isUnharmed(link);
  const server = await open(CLIENT_A, { me: alice, ws: `javascript:window.pwned=1//${IMG}` }, { startsRefused: true });
  await connectionIs(server, "closed");
  await isUnharmed(server);

  const page = await open(CLIENT_A, { me: alice, to: bob });
  await page.fill("#search", IMG);
  await eventually(() => page.textContent("#conversations .list-hint"), `Nothing found for “${IMG}”`, "the search says something else");
  await page.press("#search", "Enter");
  assert.equal(await page.textContent("#partner"), bob);
  await page.fill("#search", "");
  await page.fill("#message", IMG);
  await page.fill("#search", `x${bob}`);
  await page.press("#search", "Enter"); // elsewhere: the draft shows in the list
  await send(page, "to another");
  await page.reload();
  await page.click('button[aria-label="Settings"]');
  await page.keyboard.press("Escape");
  await isUnharmed(page);
  await page.goto(`${CLIENT_A}?me=${alice}&to=${bob}`);
  await eventually(() => page.inputValue("#message"), IMG, "the draft is lost");
  await isUnharmed(page);
});

scenario("ids that mean something to JavaScript, to selectors or to an address are ids", async ({ open }) => {
  const [run] = newUsers("");
  const ids = ["__proto__", "constructor", "toString", "a.b-c_d@e+f", "-1", ".."].map((name) => `${name}${name === "a.b-c_d@e+f" ? run : ""}`);
  const [alice] = newUsers("alice");
  const page = await open(CLIENT_A, { me: alice });
  for (const id of ids) await sendFrames(page, id, alice, ["hello"]);
  for (const id of ids) {
    await unreadIs(page, id, 1);
    await page.click(`#conversations [data-with="${id}"]`);
    await textsAre(page, ["hello"]);
    await page.reload();
    await eventually(() => page.textContent("#partner"), id, "the address leads elsewhere");
    await textsAre(page, ["hello"]);
  }
  await isUnharmed(page);
});

scenario("a hostile server's ids, errors and reasons are text, too", async ({ open, proxyTo }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const proxy = await proxyTo(CLIENT_A);
  const page = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url });
  const img = "<img src=x onerror=pwned=1>";
  proxy.say({ type: "normal", id: "1", from: img, to: alice, payload: img, at: Date.now() * 1000 });
  await eventually(() => page.$$eval("#conversations .partner", (found) => found.map(({ textContent }) => textContent)), [img], "another list");
  await page.click("#conversations .conversation");
  await textsAre(page, [img]);
  proxy.say({ type: "typing", from: img, to: alice });
  await eventually(() => page.textContent("#typing"), `${img} is typing…`, "no typing indication");
  await isUnharmed(page);
  proxy.swallow("toGateway");
  await send(page, "refused");
  await eventually(async () => (await messages(page)).at(-1)?.state, "pending", "the message is not pending");
  proxy.say({ type: "error", code: img, message: img, id: (await messages(page)).at(-1).id });
  await statesAre(page, ["sent", "failed"]);
  proxy.sayClose(4503, img);
  await connectionIs(page, "closed");
  assert.match(await page.textContent("#status"), /<img src=x/);
  await isUnharmed(page);
});
