// The web client in a real browser against real gateways: what two people see of each other, and what is left of it
// when networks and servers fail. Needs Debian's chromium and nodejs, and running gateways (one, named twice, will do):
//
//   npm ci && CHAT_URL_A=http://127.0.0.1:3002/client CHAT_URL_B=http://127.0.0.1:3003/client npm test

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CLIENT_A, CLIENT_B, connectionIs, eventually, launchBrowser, messages, newUsers, post, send, sendFrames, statesAre, texts,
  stored, textsAre, unreadIs, withClients,
} from "./harness.js";

const PAGE_MESSAGES = 50;

let browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser?.close());

const scenario = (name, body) => test(name, { timeout: 60_000 }, () => withClients(browser, body));

scenario("two users on two gateways talk, and see what was sent and read", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const alicePage = await open(CLIENT_A);
  await alicePage.fill("#me", alice);
  await alicePage.fill("#to", bob);
  await alicePage.click("#register");
  await connectionIs(alicePage, "online");
  await alicePage.fill("#message", "Hello Bob");
  await alicePage.click("#send");
  await statesAre(alicePage, ["sent"]); // nobody has read it: bob is not there

  const bobPage = await open(CLIENT_B, { me: bob, to: alice });
  await textsAre(bobPage, ["Hello Bob"]);
  await statesAre(alicePage, ["read"]);
  await send(bobPage, "Hello Alice");
  await textsAre(alicePage, ["Hello Bob", "Hello Alice"]);
  await send(alicePage, "How are you?");
  await textsAre(bobPage, ["Hello Bob", "Hello Alice", "How are you?"]);
  await eventually(async () => (await messages(alicePage)).map(({ from, state }) => [from, state]),
    [[alice, "read"], [bob, "sent"], [alice, "read"]], "alice sees other states");
});

scenario("the keyboard is enough: Tab, Enter to send, Shift+Enter for a new line", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A);
  await page.focus("#me");
  await page.keyboard.type(alice);
  await page.keyboard.press("Tab");
  await page.keyboard.type(bob);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await connectionIs(page, "online");
  await eventually(() => page.evaluate(() => document.activeElement.id), "message", "the focus is elsewhere");
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  await page.keyboard.press("Enter");
  await textsAre(page, ["one\ntwo"]);
  assert.equal(await page.inputValue("#message"), "");
});

scenario("an id that the contract forbids is not registered", async ({ open }) => {
  const page = await open(CLIENT_A);
  await page.fill("#me", "al ice");
  await page.click("#register");
  assert.equal(await page.getAttribute("#status", "data-connection"), "idle");
  assert.equal(await page.$eval("#me", (input) => input.matches(":invalid")), true);
});

scenario("typing is shown until a message comes or the typing stops", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const alicePage = await open(CLIENT_A, { me: alice, to: bob });
  const bobPage = await open(CLIENT_B, { me: bob, to: alice });
  const typingIs = (text) => eventually(() => bobPage.textContent("#typing"), text, "bob sees something else");
  await alicePage.type("#message", "I am");
  await typingIs(`${alice} is typing…`);
  await alicePage.press("#message", "Enter");
  await textsAre(bobPage, ["I am"]);
  await typingIs("");
  await alicePage.type("#message", "and");
  await typingIs(`${alice} is typing…`);
  await typingIs("");
});

scenario("the history is there after a reload", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const alicePage = await open(CLIENT_A, { me: alice, to: bob });
  const bobPage = await open(CLIENT_B, { me: bob, to: alice });
  await send(alicePage, "first");
  await textsAre(bobPage, ["first"]);
  await send(bobPage, "second");
  await textsAre(alicePage, ["first", "second"]);
  await statesAre(alicePage, ["read", "sent"]);
  for (const page of [alicePage, bobPage]) {
    await page.reload();
    await textsAre(page, ["first", "second"]);
  }
});

scenario("scrolling up brings the whole history, and the view stays where it was", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const count = 2 * PAGE_MESSAGES + 20;
  await post(CLIENT_A, alice, bob, Array.from({ length: count }, (_, index) => `message ${index}`));

  const page = await open(CLIENT_B, { me: bob, to: alice });
  const shown = async () => (await texts(page)).map((text) => Number(text.replace("message ", "")));
  const inView = (number) => page.locator(".message", { hasText: new RegExp(`message ${number}$`) });
  await eventually(async () => (await shown())[0], 0, "the page does not open at the first unread message");
  await page.click("#latest");
  await eventually(async () => (await shown()).at(-1), count - 1, "the newest message is not shown");
  await unreadIs(page, alice, 0);
  await page.reload();
  await eventually(async () => (await shown()).at(-1), count - 1, "the page does not open at the newest message");
  const seen = new Set();
  await page.hover("#scroller");
  for (const endMs = Date.now() + 20_000; !seen.has(0) && Date.now() < endMs;) {
    const numbers = await shown();
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), "out of order");
    for (const number of numbers) seen.add(number);
    await page.mouse.wheel(0, -300);
    await page.waitForTimeout(50);
  }
  assert.equal(seen.size, count, "some messages were never shown");
  await eventually(() => page.isHidden("#earlier"), true, "there is nothing earlier, but the button stays");
  // What comes meanwhile does not move the reader.
  const first = inView(0);
  await eventually(() => first.isVisible(), true, "the first message is not in view");
  const top = () => first.evaluate((element) => element.getBoundingClientRect().top);
  const before = await top();
  const alicePage = await open(CLIENT_A, { me: alice, to: bob });
  await send(alicePage, "one more");
  await eventually(() => page.isVisible("#latest"), true, "nothing leads to the latest message");
  assert.ok(Math.abs(await top() - before) < 2, "the view has moved");
  await page.click("#latest");
  await eventually(async () => (await texts(page)).at(-1), "one more", "the latest message is not shown");
});

scenario("Clear clears the view, not the history", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  await send(page, "one");
  await send(page, "two");
  await statesAre(page, ["sent", "sent"]);
  await page.click("#clear");
  await textsAre(page, []);
  await send(page, "three");
  await textsAre(page, ["three"]);
  await page.click("#earlier");
  await textsAre(page, ["one", "two", "three"]);
});

scenario("messages of a third user wait in the list of other conversations", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const alicePage = await open(CLIENT_A, { me: alice, to: bob });
  const carolPage = await open(CLIENT_B, { me: carol, to: alice });
  await send(alicePage, "to bob");
  await send(carolPage, "one");
  await send(carolPage, "two");
  await unreadIs(alicePage, carol, 2);
  assert.deepEqual(await texts(alicePage), ["to bob"]);
  await statesAre(carolPage, ["sent", "sent"]);
  await statesAre(alicePage, ["sent"]);
  await alicePage.reload(); // the count is the server's, too
  await unreadIs(alicePage, carol, 2);

  await alicePage.fill("#message", "a draft for bob");
  await alicePage.click(`#conversations [data-with="${carol}"]`);
  await textsAre(alicePage, ["one", "two"]);
  await statesAre(carolPage, ["read", "read"]);
  assert.equal(await alicePage.inputValue("#message"), "");
  await send(alicePage, "three");
  await textsAre(carolPage, ["one", "two", "three"]);
  await alicePage.click(`#conversations [data-with="${bob}"]`);
  await textsAre(alicePage, ["to bob"]);
  assert.equal(await alicePage.inputValue("#message"), "a draft for bob");
  await unreadIs(alicePage, carol, 0);
});

for (const [what, direction] of [["whose ack was lost", "toPage"], ["that was lost", "toGateway"]]) {
  scenario(`a message ${what} is repeated after the reconnect and there once`, async ({ open, proxyTo }) => {
    const [alice, bob] = newUsers("alice", "bob");
    const proxy = await proxyTo(CLIENT_A);
    const alicePage = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url });
    const bobPage = await open(CLIENT_B, { me: bob, to: alice });
    proxy.swallow(direction);
    await send(alicePage, "only once");
    if (direction === "toPage") await textsAre(bobPage, ["only once"]);
    await statesAre(alicePage, ["pending"]);
    const [{ id }] = await messages(alicePage);
    proxy.cut();
    await statesAre(alicePage, ["read"]);
    await send(alicePage, "after it");
    await textsAre(bobPage, ["only once", "after it"]);
    await textsAre(alicePage, ["only once", "after it"]);
    await bobPage.reload();
    await textsAre(bobPage, ["only once", "after it"]);
    assert.equal((await messages(bobPage))[0].id, id);
  });
}

scenario("a repeated message counts once as unread", async ({ open, proxyTo }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const proxy = await proxyTo(CLIENT_A);
  const alicePage = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url });
  const bobPage = await open(CLIENT_B, { me: bob, to: carol });
  proxy.swallow("toPage");
  await send(alicePage, "one");
  await unreadIs(bobPage, alice, 1);
  proxy.cut();
  await statesAre(alicePage, ["sent"]);
  await send(alicePage, "two");
  await unreadIs(bobPage, alice, 2);
  assert.equal(await bobPage.textContent(`#conversations [data-with="${alice}"] .preview`), "two");
});

scenario("what both wrote without a connection arrives once, and the draft stays", async ({ open, proxyTo }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const proxy = await proxyTo(CLIENT_A);
  const alicePage = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url });
  const bobPage = await open(CLIENT_B, { me: bob, to: alice });
  await send(alicePage, "before");
  await textsAre(bobPage, ["before"]);
  await statesAre(alicePage, ["read"]);
  proxy.refusing = true;
  proxy.cut();
  await connectionIs(alicePage, "waiting");
  await send(bobPage, "while you were away");
  await statesAre(bobPage, ["sent", "sent"]);
  await send(alicePage, "written offline 1");
  await send(alicePage, "written offline 2");
  await statesAre(alicePage, ["read", "pending", "pending"]);
  await alicePage.fill("#message", "a draft");
  proxy.refusing = false;
  const all = ["before", "while you were away", "written offline 1", "written offline 2"];
  await textsAre(alicePage, all);
  await textsAre(bobPage, all);
  await statesAre(alicePage, ["read", "sent", "read", "read"]);
  assert.equal(await alicePage.inputValue("#message"), "a draft");
});

scenario("a message that was not acked survives a reload", async ({ open, proxyTo }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const proxy = await proxyTo(CLIENT_A);
  const alicePage = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url });
  proxy.swallow("toGateway");
  await send(alicePage, "almost lost");
  await statesAre(alicePage, ["pending"]);
  await alicePage.reload();
  await statesAre(alicePage, ["sent"]);
  await textsAre(alicePage, ["almost lost"]);
  const bobPage = await open(CLIENT_B, { me: bob, to: alice });
  await textsAre(bobPage, ["almost lost"]);
});

scenario("a silent connection is noticed by the heartbeat and replaced", async ({ open, proxyTo }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const proxy = await proxyTo(CLIENT_A);
  const alicePage = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url }, { fakeClock: true });
  await alicePage.clock.fastForward(26_000); // a ping that is answered changes nothing
  await send(alicePage, "alive");
  await statesAre(alicePage, ["sent"]);
  assert.equal(proxy.connections, 1);
  proxy.swallow("toGateway", "toPage");
  await eventually(async () => { // more than once: a frame that was under way already is a sign of life
    await alicePage.clock.fastForward(26_000);
    await alicePage.clock.fastForward(11_000);
    await alicePage.waitForTimeout(100); // for the page to show it: further jumps would end its next tries, too
    return proxy.connections > 1 || (await alicePage.getAttribute("#status", "data-connection")) !== "online";
  }, true, "the page has not noticed");
  await eventually(async () => { // in small steps: a clock that jumped does not always go on by itself
    await alicePage.clock.fastForward(100);
    return [proxy.connections > 1, await alicePage.getAttribute("#status", "data-connection")];
  }, [true, "online"], "the page has not reconnected");
});

scenario("a server that is draining is left for a new connection", async ({ open, proxyTo }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const proxy = await proxyTo(CLIENT_A);
  const page = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url });
  proxy.say({ type: "draining", afterMs: 100 });
  await eventually(() => proxy.connections, 2, "the page has not reconnected");
  await connectionIs(page, "online");
  await send(page, "still here");
  await statesAre(page, ["sent"]);
});

scenario("resync fetches what live delivery missed", async ({ open, proxyTo }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const proxy = await proxyTo(CLIENT_A);
  const alicePage = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url });
  const bobPage = await open(CLIENT_B, { me: bob, to: alice });
  proxy.swallow("toPage");
  await send(bobPage, "missed");
  await statesAre(bobPage, ["sent"]);
  await stored(CLIENT_A, alice, bob, ["missed"]);
  proxy.relay();
  assert.deepEqual(await texts(alicePage), []);
  proxy.say({ type: "resync" });
  await textsAre(alicePage, ["missed"]);
});

for (const code of ["unavailable", "rate_limited"]) {
  scenario(`a message answered with ${code} is sent again with the same id`, async ({ open, proxyTo }) => {
    const [alice, bob] = newUsers("alice", "bob");
    const proxy = await proxyTo(CLIENT_A);
    const page = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url });
    proxy.swallow("toGateway");
    await send(page, "again");
    await statesAre(page, ["pending"]);
    const [{ id }] = await messages(page);
    proxy.relay();
    proxy.say({ type: "error", code, message: "Busy", id });
    await statesAre(page, ["sent"]);
    assert.equal((await messages(page))[0].id, id);
  });
}

scenario("a message that the server refuses is shown as failed, with the reason, and sent again on request", async ({ open, proxyTo }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const proxy = await proxyTo(CLIENT_A);
  const page = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url });
  const refuse = async (text) => {
    proxy.swallow("toGateway");
    await send(page, text);
    await eventually(async () => (await messages(page)).at(-1)?.state, "pending", "the message is not pending");
    proxy.relay();
    proxy.say({ type: "error", code: "forbidden", message: "Not to him", id: (await messages(page)).at(-1).id });
  };
  await refuse("please");
  await statesAre(page, ["failed"]);
  assert.equal(await page.textContent(".failure span"), "Not sent: Not allowed: Not to him");
  await eventually(() => page.textContent("#announcements"), "Not sent: Not allowed: Not to him", "it is not read out");
  const decide = async (name) => { // by the keyboard, whose focus is then where one writes
    await page.focus(`.failure >> text=${name}`);
    await page.keyboard.press("Enter");
    await eventually(() => page.evaluate(() => document.activeElement.id), "message", "the focus is elsewhere");
  };
  await decide("Try again");
  await statesAre(page, ["sent"]);
  await refuse("never mind");
  await statesAre(page, ["sent", "failed"]);
  await decide("Discard");
  await textsAre(page, ["please"]);
});

scenario("a text that is too long is not taken, and is not lost", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  await send(page, "x".repeat(70_000));
  assert.equal((await page.inputValue("#message")).length, 70_000);
  await textsAre(page, []);
  await send(page, "shorter");
  await textsAre(page, ["shorter"]);
});

scenario("a close code from 4500 on ends the session: no reconnect by itself", async ({ open, proxyTo }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const proxy = await proxyTo(CLIENT_A);
  const page = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url }, { fakeClock: true });
  proxy.sayClose(4503, "revoked");
  await connectionIs(page, "closed");
  assert.match(await page.textContent("#status"), /revoked/);
  await page.clock.fastForward(120_000);
  assert.equal(proxy.connections, 1);
  await page.click("#status button"); // but the user may
  await connectionIs(page, "online");
});

scenario("other closes are followed by a reconnect", async ({ open, proxyTo }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const proxy = await proxyTo(CLIENT_A);
  const page = await open(CLIENT_A, { me: alice, to: bob, ws: proxy.url });
  for (const [index, code] of [1000, 1001, 4008].entries()) {
    proxy.sayClose(code, "");
    await eventually(() => proxy.connections, index + 2, "the page has not reconnected");
    await connectionIs(page, "online");
  }
});

for (const locale of ["en-US", "de-DE"]) { // the German texts come after the page has loaded
  scenario(`without a network the page opens, shows what it had, and sends later: ${locale}`, async ({ open }) => {
    const [alice, bob] = newUsers("alice", "bob");
    const page = await open(CLIENT_A, { me: alice, to: bob }, { locale });
    await send(page, "written with a network");
    await statesAre(page, ["sent"]);
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.context().setOffline(true);
    await page.reload();
    await textsAre(page, ["written with a network"]);
    assert.equal(await page.evaluate(() => document.documentElement.lang), locale.slice(0, 2));
    assert.equal(await page.getAttribute("#status", "data-network"), "offline");
    await send(page, "written without");
    await statesAre(page, ["sent", "pending"]);
    await page.reload();
    await textsAre(page, ["written with a network", "written without"]);
    await page.context().setOffline(false);
    await statesAre(page, ["sent", "sent"]);
    await stored(CLIENT_A, alice, bob, ["written with a network", "written without"]);
  });
}

scenario("links and Markdown are shown as such, and only safe links", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  await send(page, "**bold** *soft* `code` https://example.org/a [named](https://example.org/b) [bad](javascript:alert(1))");
  const found = (selector) => page.$$eval(`#messages .text ${selector}`, (elements) => elements.map((each) => each.innerText));
  await eventually(() => found("strong"), ["bold"], "nothing is bold");
  assert.deepEqual(await found("em"), ["soft"]);
  assert.deepEqual(await found("code"), ["code"]);
  const links = await page.$$eval("#messages .text a", (elements) => elements.map(({ href, rel, target }) => [href, rel, target]));
  assert.deepEqual(links.map(([href]) => href), ["https://example.org/a", "https://example.org/b"]);
  for (const [, rel, target] of links) assert.ok(target === "_blank" && /noopener/.test(rel));
});

scenario("the list is searched, and a new conversation is begun from there", async ({ open }) => {
  const [alice, bob, carol] = newUsers("alice", "bob", "carol");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  await send(page, "to bob");
  await sendFrames(page, carol, alice, ["about the harvest"]);
  const listed = () => page.$$eval("#conversations [data-with]", (items) => items.map((item) => item.dataset.with));
  await eventually(listed, [carol, bob], "the list differs");
  await page.fill("#search", "harvest");
  await eventually(listed, [carol], "the search finds something else");
  await page.fill("#search", `new-${bob}`);
  await page.press("#search", "Enter");
  await eventually(() => page.textContent("#partner"), `new-${bob}`, "no conversation was begun");
});

scenario("the link's token goes into register, not into the address", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: alice, to: bob, token: "abc.def" });
  assert.doesNotMatch(page.url(), /abc/);
  const sent = [];
  page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => sent.push(JSON.parse(payload))));
  await page.reload();
  await eventually(() => sent[0], { type: "register", from: alice, token: "abc.def" }, "another first frame was sent");
});
