// What the page offers beside sending and receiving: notifications, emoji, languages, keys, text in both directions.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CLIENT_A, CLIENT_B, connectionIs, eventually, launchBrowser, launchProfile, newUsers, post, readStored, send, sendFrames, stored, textsAre, unreadIs, withClients,
} from "./harness.js";

let browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser?.close());

const scenario = (name, body) => test(name, { timeout: 60_000 }, () => withClients(browser, body));
const partnerIs = (page, expected) => eventually(() => page.textContent("#partner"), expected, "another conversation is open");
const focusIs = (page, expected) => eventually(() => page.evaluate(() => document.activeElement.id), expected, "the focus is elsewhere");

// --- Search

scenario("a search finds messages that this browser keeps, and opens the conversation at them", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const page = await open(CLIENT_A, { me: alice });
  const texts = Array.from({ length: 400 }, (_, index) => `message ${index}`);
  texts[30] = "What do you say about the <b>Harvest</b> moon?";
  await post(CLIENT_B, bob, alice, texts);
  await sendFrames(page, carol, alice, ["harvest is over"]);
  await unreadIs(page, carol, 1);
  await unreadIs(page, bob, 400);
  await page.fill("#search", "haRVest");
  const found = () => page.$$eval("#conversations [data-found]", (items) => items.map((item) => [item.querySelector(".partner").textContent,
    item.querySelector(".preview").textContent, item.querySelector("mark").textContent]));
  await eventually(found, [[carol, "harvest is over", "harvest"], [bob, "…you say about the <b>Harvest</b> moon?", "Harvest"]], "the search finds something else");
  await page.press("#search", "ArrowDown");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await partnerIs(page, bob);
  const inView = () => page.evaluate(() => {
    const bubble = document.querySelector(".found .bubble");
    const { top, bottom } = document.getElementById("scroller").getBoundingClientRect();
    const box = bubble?.getBoundingClientRect();
    return box && box.top > top && box.bottom < bottom ? document.activeElement.querySelector(".text")?.textContent : undefined;
  });
  await eventually(inView, texts[30], "the message is not in view, or has not the focus");
  assert.equal(await page.title(), "(401) SimpleChat"); // what is below has not been seen
  await page.click("#latest");
  await eventually(() => page.title(), "(1) SimpleChat", "the messages do not count as read");
  await page.click("#conversations [data-found] >> nth=1"); // once more, in the conversation that is open
  await eventually(inView, texts[30], "the message is not in view again");
  await page.fill("#search", "nowhere at all");
  await eventually(found, [], "something is found");
});

// --- Notifications

// What a browser reports when its window is covered or minimised; this one has none.
function setHidden(page, isHidden) {
  return page.evaluate((hidden) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (hidden ? "hidden" : "visible") });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, isHidden);
}

// Those that the browser shows. Not to be asked while one is on its way: Chromium then forgets that one.
function notifications(page) {
  return page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    return (await registration.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag }));
  });
}

// Switched on by the user, who then looks at something else.
async function hideWithNotifications(page) {
  await page.evaluate(() => navigator.serviceWorker.ready);
  await watchNotifications(page);
  await page.click('button[aria-label="Settings"]');
  await page.check("#notifications");
  await page.keyboard.press("Escape");
  await setHidden(page, true);
}

// From now on `shownIs` can tell when a notification has been shown.
function watchNotifications(page) {
  return page.evaluate(() => {
    const { prototype } = ServiceWorkerRegistration;
    const { showNotification } = prototype;
    prototype.showNotification = async function (title, options) {
      await showNotification.call(this, title, options);
      globalThis.shown = options.body;
    };
  });
}

// The notification shown last has this text.
async function shownIs(page, body) {
  await eventually(() => page.evaluate(() => globalThis.shown), body, "another notification is shown last");
  await page.waitForTimeout(200); // by then the browser counts it as shown, too
}

scenario("the title counts what is unread", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  const titleIs = (expected) => eventually(() => page.title(), expected, "the title differs");
  await titleIs("SimpleChat");
  await sendFrames(page, carol, alice, ["one", "two"]);
  await titleIs("(2) SimpleChat");
  await sendFrames(page, bob, alice, ["seen at once"]);
  await textsAre(page, ["seen at once"]);
  await titleIs("(2) SimpleChat");
  await page.click(`#conversations [data-with="${carol}"]`);
  await titleIs("SimpleChat");
});

scenario("a notification tells of a message while nobody looks, and leads to it", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const page = await open(CLIENT_A, { me: alice, to: bob }, { permissions: ["notifications"] });
  const service = await open(CLIENT_B);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await watchNotifications(page);
  // Nobody has asked for any yet.
  await setHidden(page, true);
  await sendFrames(service, carol, alice, ["unasked"]);
  await unreadIs(page, carol, 1);
  assert.deepEqual(await notifications(page), []);
  await setHidden(page, false);
  await page.click('button[aria-label="Settings"]');
  await page.check("#notifications");
  await page.keyboard.press("Escape");

  await sendFrames(service, carol, alice, ["while the page is looked at"]);
  await unreadIs(page, carol, 2);
  await setHidden(page, true);
  await sendFrames(service, carol, alice, ["<b>first</b>", "look here"]);
  await shownIs(page, "look here");
  assert.deepEqual(await notifications(page), [{ title: carol, body: "look here", tag: `${alice} ${carol}` }]);
  await sendFrames(service, bob, alice, ["and here"]); // of the open conversation, too
  await shownIs(page, "and here");
  assert.deepEqual((await notifications(page)).map(({ body }) => body).toSorted(), ["and here", "look here"]);

  await partnerIs(page, bob);
  const [worker] = page.context().serviceWorkers();
  await worker.evaluate(async (tag) => {
    const [notification] = await registration.getNotifications({ tag });
    dispatchEvent(new NotificationEvent("notificationclick", { notification }));
  }, `${alice} ${carol}`);
  await partnerIs(page, carol);
  await eventually(async () => (await notifications(page)).map(({ title }) => title), [bob], "the notification stays");
  await page.reload(); // the choice is kept
  await page.click('button[aria-label="Settings"]');
  assert.equal(await page.isChecked("#notifications"), true);
});

scenario("a notification tells of what came during a disconnection, once it is known, and not of what was read elsewhere", async ({ open, proxyTo }) => {
  const [alice, bob, carol, dave] = newUsers("alice", "bob", "carol", "dave");
  const proxy = await proxyTo(CLIENT_A);
  await post(CLIENT_B, carol, alice, ["before the page was opened"]);
  const page = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url }, { permissions: ["notifications"] });
  const service = await open(CLIENT_B);
  await unreadIs(page, carol, 1); // its first sync is through: what came before that is told by the title only
  await hideWithNotifications(page);
  proxy.swallow("toPage");
  await sendFrames(service, dave, alice, ["read on another device"]);
  await sendFrames(service, carol, alice, ["missed", "missed, too"]);
  await stored(CLIENT_A, alice, carol, ["before the page was opened", "missed", "missed, too"]);
  const elsewhere = await open(CLIENT_B, { me: alice, to: dave });
  await textsAre(elsewhere, ["read on another device"]);
  await readStored(CLIENT_A, alice, dave);
  await unreadIs(elsewhere, carol, 3);
  proxy.cut();
  await shownIs(page, "missed, too");
  assert.deepEqual((await notifications(page)).map(({ body }) => body), ["missed, too"]);
});

scenario("a notification does not tell of what another page of its user shows, and goes when that has been read there", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const page = await open(CLIENT_A, { me: alice }, { permissions: ["notifications"] });
  const inSight = await open(CLIENT_B, { me: alice, to: bob });
  const service = await open(CLIENT_B);
  await hideWithNotifications(page);
  await sendFrames(service, bob, alice, ["in sight"]);
  await textsAre(inSight, ["in sight"]);
  await sendFrames(service, carol, alice, ["not in sight"]);
  await shownIs(page, "not in sight");
  assert.deepEqual((await notifications(page)).map(({ title }) => title), [carol]);
  await inSight.click(`#conversations [data-with="${carol}"]`);
  await unreadIs(page, carol, 0);
  await eventually(() => notifications(page), [], "the notification stays");
});

scenario("a click on a notification leads to the page where its user has signed in by the form, and to nobody else's", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const page = await open(CLIENT_A, {}, { permissions: ["notifications"] });
  await page.fill("#me", alice);
  await page.click("#register");
  await connectionIs(page, "online");
  const other = await page.context().newPage();
  await other.goto(`${CLIENT_A}?me=${carol}`);
  await connectionIs(other, "online");
  await page.evaluate(() => navigator.serviceWorker.ready);
  await eventually(() => page.evaluate(() => navigator.serviceWorker.controller !== null), true, "the worker has not taken the page over");
  const [worker] = page.context().serviceWorkers();
  await worker.evaluate(async (url) => {
    await registration.showNotification("bob", { data: url });
    await new Promise((counted) => setTimeout(counted, 200)); // see `notifications`
    const [notification] = await registration.getNotifications();
    dispatchEvent(new NotificationEvent("notificationclick", { notification }));
  }, `${CLIENT_A}?me=${alice}&to=${bob}`);
  await partnerIs(page, bob);
  // Whatever the worker says.
  await other.evaluate(([me, partner]) => {
    navigator.serviceWorker.dispatchEvent(new MessageEvent("message", { data: { type: "open", me, with: partner } }));
  }, [alice, bob]);
  assert.equal(await other.evaluate(() => location.search), `?me=${carol}`);
});

// --- Blocking

scenario("who is blocked can write no more, until they are unblocked", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const ofAlice = await open(CLIENT_A, { me: alice, to: bob });
  const ofBob = await open(CLIENT_B, { me: bob, to: alice });
  await ofAlice.click("#block");
  await ofAlice.waitForSelector("#blocked");
  assert.equal(await ofAlice.evaluate(() => document.activeElement.id), "unblock");
  assert.equal(await ofAlice.$("#message"), null);
  // At the other gateway it may take a second.
  await eventually(async () => {
    await send(ofBob, "are you there?");
    await ofBob.waitForSelector('#messages [data-state="failed"], #messages [data-state="sent"]');
    return (await ofBob.textContent("#messages")).includes("takes no messages from you");
  }, true, "the message is not refused");

  await ofAlice.reload(); // it is the server that knows
  await ofAlice.click("#unblock");
  await ofAlice.waitForSelector("#message");
  await eventually(async () => {
    await send(ofBob, "and now?");
    await ofBob.waitForTimeout(200);
    return (await ofAlice.textContent("#messages")).includes("and now?");
  }, true, "no message arrives");
});

// --- The app

// In a profile of its own: Chromium installs nothing from a window that leaves no traces, as the other tests' are.
test("the browser takes it for an app that can be installed", { timeout: 60_000 }, async (t) => {
  const profile = await mkdtemp(join(tmpdir(), "simplechat-profile-"));
  const context = await launchProfile(profile);
  t.after(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  });
  const page = await context.newPage();
  await page.goto(CLIENT_A);
  await page.evaluate(() => navigator.serviceWorker.ready);
  const devtools = await context.newCDPSession(page);
  assert.deepEqual((await devtools.send("Page.getInstallabilityErrors")).installabilityErrors, []);
  assert.equal((await devtools.send("Page.getAppId")).appId, new URL("/client/", CLIENT_A).href);
});

// --- Emoji

scenario("an emoji is put where the text is being written, by mouse and by keyboard", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  const button = page.getByRole("button", { name: "Emoji" });
  await page.fill("#message", "tea  please");
  for (let count = 0; count < " please".length; count++) await page.press("#message", "ArrowLeft");
  await button.click();
  const panel = page.getByRole("dialog", { name: "Emoji" });
  await panel.getByRole("button", { name: "🍵" }).click();
  await eventually(() => page.inputValue("#message"), "tea 🍵 please", "the text differs");
  await focusIs(page, "message");
  await eventually(() => panel.count(), 0, "the panel stays");

  await page.keyboard.press("End");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  await eventually(focused, "🍵", "the one used last does not come first");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Home");
  await page.keyboard.press("End");
  await eventually(focused, "🆗", "End leads elsewhere");
  await page.keyboard.press("Enter");
  await eventually(() => page.inputValue("#message"), "tea 🍵 please🆗", "the text differs");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await eventually(() => panel.count(), 1, "the panel does not open");
  await page.keyboard.press("Escape");
  await eventually(() => panel.count(), 0, "the panel stays");
  await eventually(() => button.evaluate((element) => element === document.activeElement), true, "the focus is elsewhere");
  await button.click();
  await page.click("#partner");
  await eventually(() => panel.count(), 0, "a click elsewhere does not close it");
});

// --- Languages

scenario("the language is changed to German and back, and kept", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  await send(page, "not translated");
  const languageIs = (expected) => eventually(() => page.evaluate(() => document.documentElement.lang), expected, "another language");
  const placeholderIs = (expected) => eventually(() => page.getAttribute("#message", "placeholder"), expected, "the text differs");
  await languageIs("en");
  await page.click('button[aria-label="Settings"]');
  await page.getByRole("combobox", { name: "Language" }).selectOption("de");
  await languageIs("de");
  await eventually(() => page.textContent("#settings h2"), "Einstellungen", "the dialog is not German");
  await page.keyboard.press("Escape");
  await placeholderIs("Nachricht schreiben");
  await textsAre(page, ["not translated"]);
  assert.equal(await page.textContent(".day span"), "Heute");
  await page.reload();
  await languageIs("de");
  await placeholderIs("Nachricht schreiben");
  await page.click('button[aria-label="Einstellungen"]');
  await page.getByRole("combobox", { name: "Sprache" }).selectOption("en");
  await languageIs("en");
  await placeholderIs("Write a message");
});

scenario("the browser's language is the page's, if there is a catalogue for it", async ({ open }) => {
  for (const [locale, lang, register] of [["de-AT", "de", "Anmelden"], ["fr-FR", "en", "Register"]]) {
    const page = await open(CLIENT_A, {}, { locale });
    await eventually(() => page.textContent("#register"), register, "the button differs");
    assert.equal(await page.evaluate(() => document.documentElement.lang), lang);
  }
});

// --- Keys

scenario("keys lead everywhere: search, conversations, back through the messages, copying, help", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const page = await open(CLIENT_A, { me: alice, to: bob }, { permissions: ["clipboard-read", "clipboard-write"] });
  await sendFrames(page, carol, alice, ["from carol"]);
  await sendFrames(page, bob, alice, ["one", "two", "three"]);
  await textsAre(page, ["one", "two", "three"]);
  await eventually(async () => (await page.textContent("#announcements")) !== "", true, "the messages are not read out"); // not later, over another word
  await focusIs(page, "message");

  await page.keyboard.press("Control+k");
  await focusIs(page, "search");
  await page.keyboard.press("Escape");
  await focusIs(page, "message");
  await page.keyboard.press("Alt+ArrowDown");
  await partnerIs(page, carol);
  await page.keyboard.press("Alt+ArrowUp");
  await partnerIs(page, bob);
  await textsAre(page, ["one", "two", "three"]);
  await focusIs(page, "message");

  const focusedText = () => page.evaluate(() => document.activeElement.querySelector(".text")?.textContent);
  await page.keyboard.press("ArrowUp");
  await eventually(focusedText, "three", "another message has the focus");
  await page.keyboard.press("ArrowUp");
  await eventually(focusedText, "two", "another message has the focus");
  await page.keyboard.press("Home");
  await eventually(focusedText, "one", "another message has the focus");
  await page.keyboard.press("c");
  await eventually(() => page.textContent("#announcements"), "Copied", "nothing says so"); // for a moment
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "one");
  await page.keyboard.press("?");
  await eventually(() => page.getByRole("dialog").getAttribute("id"), "help", "no help");
  await page.keyboard.press("Escape");
  await eventually(() => page.getByRole("dialog").count(), 0, "the dialog stays");
  await eventually(focusedText, "one", "the focus does not come back");
  await page.keyboard.press("Escape");
  await focusIs(page, "message");
  await page.keyboard.type("?"); // a character like others, where something is written
  await eventually(() => page.inputValue("#message"), "?", "it is not written");
  await page.keyboard.press("Control+/");
  await eventually(() => page.getByRole("dialog").count(), 1, "no help");
  await page.evaluate(() => { // the key comes before the page is told that the dialog was closed
    document.querySelector("dialog").close();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", ctrlKey: true, bubbles: true, cancelable: true }));
  });
  await eventually(() => page.getByRole("dialog").count(), 1, "help is not opened again");
});

scenario("the Enter that ends a composition sends nothing, also as Safari tells of it", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  await page.fill("#message", "にほん");
  for (const how of [{ isComposing: true }, { keyCode: 229 }]) {
    await page.$eval("#message", (field, init) => field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, ...init })), how);
  }
  assert.equal(await page.inputValue("#message"), "にほん");
  await page.press("#message", "Enter");
  await textsAre(page, ["にほん"]);
});

scenario("the list of conversations is one stop for Tab, in which the arrow keys move", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const page = await open(CLIENT_A, { me: alice });
  await sendFrames(page, bob, alice, ["earlier"]);
  await sendFrames(page, carol, alice, ["later"]);
  await eventually(() => page.$$eval("#conversations [data-with]", (items) => items.map((item) => item.dataset.with)), [carol, bob], "the list differs");
  await page.focus("#search");
  const focusedPartner = () => page.evaluate(() => document.activeElement.dataset.with);
  await page.keyboard.press("Tab");
  await eventually(focusedPartner, carol, "Tab leads elsewhere");
  await page.keyboard.press("ArrowDown");
  await eventually(focusedPartner, bob, "the focus is elsewhere");
  await page.keyboard.press("Enter");
  await partnerIs(page, bob);
});

scenario("messages are read out as they come: each one, and of a burst how many", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  const announced = (expected) => eventually(() => page.textContent("#announcements"), expected, "something else is read out");
  assert.equal(await page.getAttribute("#announcements", "aria-live"), "polite");
  await sendFrames(page, bob, alice, ["hello"]);
  await announced(`${bob}: hello`);
  // The same again is read out again: it comes as something new.
  await page.evaluate(() => (document.querySelector("#announcements").firstElementChild.wasRead = true));
  await sendFrames(page, bob, alice, ["hello"]);
  await eventually(() => page.evaluate(() => document.querySelector("#announcements").firstElementChild.wasRead), undefined, "it is not read out again");
  await announced(`${bob}: hello`);
  await post(CLIENT_A, bob, alice, ["a", "b", "c", "d"]); // all at once
  await announced(`4 new messages from ${bob}`);
});

scenario("on a phone the focus goes along, into a conversation and back to the list", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const page = await open(CLIENT_A, { me: alice }, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await sendFrames(page, bob, alice, ["from bob"]);
  await sendFrames(page, carol, alice, ["from carol"]);
  await page.tap(`#conversations [data-with="${bob}"]`);
  await focusIs(page, "partner");
  await page.tap(".back");
  await eventually(() => page.evaluate(() => document.activeElement.dataset.with), bob, "the focus is elsewhere");
});

// --- Directions

scenario("a text runs in its own direction, in a bubble, in the list, and while it is written", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  const hebrew = "שלום, bob!";
  const arabic = "**مرحبا** alice";
  await sendFrames(page, carol, alice, [arabic]);
  await send(page, hebrew);
  await send(page, arabic);
  await send(page, "Hello שלום");
  await textsAre(page, [hebrew, "مرحبا alice", "Hello שלום"]);
  const directions = (selector) => page.$$eval(selector, (elements) => elements.map((element) => getComputedStyle(element).direction));
  assert.deepEqual(await directions("#messages .text"), ["rtl", "rtl", "ltr"]);
  assert.deepEqual(await directions(`#conversations [data-with="${carol}"] .preview`), ["rtl"]);
  await page.fill("#message", "مرحبا");
  assert.deepEqual(await directions("#message"), ["rtl"]);
  await page.fill("#message", "hello");
  assert.deepEqual(await directions("#message"), ["ltr"]);
});
