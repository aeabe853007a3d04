// Chromium, the two gateways under test, and the words in which the tests speak of the page.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { chromium } from "playwright-core";
import { TcpProxy } from "./tcp_proxy.js";

const DEADLINE_MS = 10_000;
const POLL_MS = 20;
const POST_MAX = 1000; // messages of one POST /send

export const [CLIENT_A, CLIENT_B] = ["CHAT_URL_A", "CHAT_URL_B"].map((name) => {
  const url = process.env[name];
  if (!url) throw new Error(`Set ${name} to a running gateway's client, such as http://127.0.0.1:3002/client`);
  return url;
});

const LAUNCH = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
};

// Starts with an empty profile, which ends with it.
export function launchBrowser() {
  return chromium.launch(LAUNCH);
}

// The browser with a profile that stays: what it gives is the window's context.
export function launchProfile(directory) {
  return chromium.launchPersistentContext(directory, LAUNCH);
}

// Runs a test with clients that are closed after it. Fails, too, if a page threw or broke its Content-Security-Policy.
export async function withClients(browser, test) {
  const contexts = [];
  const proxies = [];
  const faults = [];
  const watch = (page) => {
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (/content security policy|refused to/i.test(message.text())) faults.push(message.text());
    });
  };
  // `parameters` go into the link: me, to, ws (one or several), and token into its fragment. `options` are those of a Playwright context.
  const open = async (client, { token, ...parameters } = {}, { fakeClock = false, startsRefused = false, ...options } = {}) => {
    const context = await browser.newContext(options);
    contexts.push(context);
    context.setDefaultTimeout(DEADLINE_MS);
    const page = await context.newPage();
    watch(page);
    if (fakeClock) await page.clock.install();
    const pairs = Object.entries(parameters).flatMap(([name, values]) => [values].flat().map((value) => [name, value]));
    await page.goto(`${client}?${new URLSearchParams(pairs)}${token ? `#token=${token}` : ""}`);
    if (parameters.me && !startsRefused) {
      await connectionIs(page, "online");
      await caughtUp(page);
    }
    return page;
  };
  const proxyTo = async (client) => {
    const { hostname, port } = new URL(client);
    proxies.push(await TcpProxy.start(hostname, port || 80));
    return proxies.at(-1);
  };
  try {
    await test({ open, proxyTo });
  } finally {
    for (const context of contexts) await context.close();
    for (const proxy of proxies) proxy.stop();
  }
  assert.deepEqual(faults, []);
}

// User ids that no other test or run uses: stores keep what tests write.
export function newUsers(...names) {
  const run = randomBytes(5).toString("hex");
  return names.map((name) => `${name}-${run}`);
}

// Waits until `read()` gives `expected`.
export async function eventually(read, expected, what, deadlineMs = DEADLINE_MS) {
  const endMs = Date.now() + deadlineMs;
  for (;;) {
    const value = await read();
    if (isDeepStrictEqual(value, expected)) return;
    if (Date.now() > endMs) return assert.deepEqual(value, expected, `${what}, even after ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

// Waits until the store holds these texts of the conversation: an ack says that the queue has them, which comes first.
export function stored(client, user, partner, expected) {
  return eventually(async () => (await history(client, user, partner)).map(({ payload }) => payload), expected, "stored messages");
}

// Waits until the store knows that the user has read the whole conversation: a page tells it a moment after it has shown it.
export function readStored(client, user, partner) {
  const unread = async () => {
    const { conversations } = await (await fetch(new URL(`/v1/conversations?user=${user}`, client))).json();
    return conversations.find((conversation) => conversation.with === partner)?.unread;
  };
  return eventually(unread, 0, "unread messages");
}

// The newest messages of a conversation that the store has, oldest first.
export async function history(client, user, partner, limit = 200) {
  return (await (await fetch(new URL(`/v1/history?user=${user}&with=${partner}&limit=${limit}`, client))).json()).messages;
}

// Sends many messages at once, as another service does, and waits until the store has them.
export async function post(client, from, to, payloads) {
  const { origin } = new URL(client);
  for (let begin = 0; begin < payloads.length; begin += POST_MAX) {
    const part = payloads.slice(begin, begin + POST_MAX).map((payload) => ({ type: "normal", from, to, payload }));
    const answer = await fetch(`${origin}/send`, { method: "POST", body: JSON.stringify(part) });
    assert.equal(answer.status, 200, await answer.text());
  }
  await eventually(async () => (await history(client, to, from, 1)).at(-1)?.payload, payloads.at(-1), "the newest stored message", 60_000);
}

// Ends ("kill", "stop") a gateway, or starts it again: 0 serves CLIENT_A, the last one CLIENT_B.
export async function control(action, index) {
  const answer = await fetch(`${process.env.CONTROL_URL}/${action}/${index}`, { method: "POST" });
  assert.equal(answer.status, 204, await answer.text());
}

// The WebSocket URL of a page's gateway.
export function socketOf(client) {
  return client.replace(/^http/, "ws").replace(/\/client.*/, "/ws");
}

// Those that are shown: the list hides what it has not measured yet, whose innerText is empty.
export function messages(page) {
  return page.$$eval("#messages [data-id]", (elements) => elements.filter((element) => element.checkVisibility({ visibilityProperty: true })).map((element) => ({
    id: element.dataset.id,
    from: element.dataset.from,
    state: element.dataset.state,
    text: element.querySelector(".text").innerText,
  })));
}

export async function texts(page) {
  return (await messages(page)).map(({ text }) => text);
}

export function textsAre(page, expected) {
  return eventually(() => texts(page), expected, "the page shows other messages");
}

// The states of the page's messages, oldest first.
export function statesAre(page, expected, deadlineMs = DEADLINE_MS) {
  const read = async () => (await messages(page)).map(({ state }) => state);
  return eventually(read, expected, "messages are in other states", deadlineMs);
}

export function connectionIs(page, state, deadlineMs = DEADLINE_MS) {
  return eventually(() => page.getAttribute("#status", "data-connection"), state, "the connection is in another state", deadlineMs);
}

// The page has all that the store has: what it asks for at first is no longer on its way.
export function caughtUp(page) {
  return eventually(() => page.getAttribute("#conversations", "aria-busy"), "false", "the page has not caught up");
}

// The count on a partner's unread badge; 0 without one.
export function unreadIs(page, partner, expected) {
  const read = async () => {
    const badges = await page.$$eval(`#conversations [data-with="${partner}"] .unread [aria-hidden]`,
      (found) => found.map(({ textContent }) => Number(textContent)));
    return badges[0] ?? 0;
  };
  return eventually(read, expected, "another unread count is shown");
}

export async function send(page, text) {
  await page.fill("#message", text);
  await page.press("#message", "Enter");
}

// Sends messages as `from` over a WebSocket of its own and waits for their acks.
export function sendFrames(page, from, to, payloads) {
  const url = socketOf(page.url());
  return page.evaluate(({ url, from, to, payloads, call }) => new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    let acks = 0;
    const sendNext = () => socket.send(JSON.stringify({ type: "normal", to, id: `${call}-${acks}`, payload: payloads[acks] }));
    socket.onopen = () => socket.send(JSON.stringify({ type: "register", from }));
    socket.onmessage = ({ data }) => {
      const { type, message } = JSON.parse(data);
      if (type === "error") reject(new Error(message));
      if (type === "ack") acks++;
      if (type !== "ack" && type !== "registered") return;
      if (acks < payloads.length) return sendNext();
      socket.close();
      resolve();
    };
    socket.onerror = () => reject(new Error(`No WebSocket at ${url}`));
  }), { url, from, to, payloads, call: randomBytes(5).toString("hex") });
}
