// Signing in where the server asks for a token: GUARDED_URL and GUARDED_SECRET, which run.py sets.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { CLIENT_A, connectionIs, eventually, launchBrowser, newUsers, send, statesAre, textsAre, withClients } from "./harness.js";

const { GUARDED_URL: GUARDED, GUARDED_SECRET } = process.env;

let browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser?.close());

const scenario = (name, body) => test(name, { timeout: 60_000 }, () => withClients(browser, body));

// A JSON Web Token (RFC 7519), signed with HS256.
function tokenOf(user, secret = GUARDED_SECRET) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode({ alg: "HS256" })}.${encode({ sub: user })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

const refusalIs = (page, code) => eventually(() => page.getAttribute(".refusal", "data-code"), code, "another refusal is shown");

async function signIn(page, user, token) {
  await page.fill("#me", user);
  await page.fill("#token", token);
  await page.click("#register");
}

scenario("the form asks for a token, says when it is refused, and keeps it for this tab only", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(GUARDED);
  await page.fill("#me", alice);
  await page.fill("#to", bob);
  assert.equal(await page.$("#token"), null); // whether one is needed, the server will say
  await page.click("#register");
  await refusalIs(page, "token_needed");
  assert.equal(await page.inputValue("#me"), alice);
  assert.equal(await page.inputValue("#to"), bob);
  assert.equal(await page.evaluate(() => document.activeElement.id), "token");
  assert.equal(await page.getAttribute("#token", "type"), "password");
  await signIn(page, alice, tokenOf(alice, "another secret, also long enough"));
  await refusalIs(page, "unauthorized");
  await signIn(page, alice, tokenOf(bob)); // somebody else's
  await page.waitForSelector(".refusal");
  await signIn(page, alice, tokenOf(alice));
  await connectionIs(page, "online");
  await send(page, "proved");
  await statesAre(page, ["sent"]);
  assert.doesNotMatch(page.url(), /token|eyJ/);
  await page.reload();
  await connectionIs(page, "online");
  await textsAre(page, ["proved"]);

  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  assert.doesNotMatch(kept, /eyJ/);
  const anotherTab = await page.context().newPage();
  await anotherTab.goto(page.url());
  await refusalIs(anotherTab, "token_needed");
});

scenario("a token that comes with the fragment alone is taken, and goes from the address", async ({ open }) => {
  const [alice] = newUsers("alice");
  const page = await open(GUARDED, { me: alice }, { startsRefused: true });
  await refusalIs(page, "token_needed");
  await page.evaluate((token) => (location.hash = `token=${token}`), tokenOf(alice));
  await connectionIs(page, "online");
  assert.doesNotMatch(page.url(), /token|eyJ/);
});

scenario("a link to another server than the page's says so, in the form and in the chat", async ({ open, proxyTo }) => {
  const [alice] = newUsers("alice");
  const proxy = await proxyTo(CLIENT_A);
  const { host } = new URL(proxy.url);
  const page = await open(CLIENT_A, { ws: proxy.url });
  assert.match(await page.innerText(".sign-in #foreign"), new RegExp(`signing in to ${host},`));
  await page.fill("#me", alice);
  await page.click("#register");
  await connectionIs(page, "online");
  assert.match(await page.innerText("#status #foreign"), new RegExp(`is on ${host},`));
  assert.ok((await page.locator("#foreign").boundingBox()).height > 10, "it cannot be seen");
  const own = await open(CLIENT_A, { me: alice });
  assert.equal(await own.$("#foreign"), null);
});

scenario("signing out forgets the token; forgetting, everything", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(GUARDED, { me: alice, to: bob, token: tokenOf(alice) });
  await send(page, "kept here");
  await statesAre(page, ["sent"]);
  const databases = () => page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
  assert.equal((await databases()).length, 1);
  await page.click('button[aria-label="Settings"]');
  await page.click("#sign-out");
  await page.waitForSelector("#identity");
  await page.click(`button[aria-label="Continue as ${alice}"]`);
  await refusalIs(page, "token_needed");
  await signIn(page, alice, tokenOf(alice));
  await page.click(`#conversations [data-with="${bob}"]`);
  await textsAre(page, ["kept here"]);
  await page.click('button[aria-label="Settings"]');
  await page.click("#forget");
  await page.waitForSelector("#identity");
  await eventually(databases, [], "messages stay in the browser");
  assert.equal(await page.getByRole("button", { name: alice }).count(), 0);
});
