// Gateways that are killed under the page while people write.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CLIENT_A, CLIENT_B, connectionIs, control, eventually, history, launchBrowser, messages, newUsers, send, socketOf, stored, statesAre,
  texts, withClients,
} from "./harness.js";

const IS_CLUSTER = CLIENT_A !== CLIENT_B;
const LAST = IS_CLUSTER ? 1 : 0; // the index of the gateway of CLIENT_B
const RETURN_MS = 60_000; // a page's tries are up to 30 s apart
const TALL = { viewport: { width: 900, height: 7_000 } }; // all messages are in view

let browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser?.close());

const scenario = (name, body) => test(name, { timeout: 180_000 }, () => withClients(browser, body));

scenario("the page says calmly that its gateway is gone, takes what is written, and goes on after the restart", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const page = await open(CLIENT_A, { me: alice, to: bob });
  await send(page, "before");
  await statesAre(page, ["sent"]);
  await stored(CLIENT_A, alice, bob, ["before"]);
  await control("kill", 0);
  await eventually(() => page.textContent("#status .state"), "Connection lost. Trying again…", "the page says something else");
  await page.waitForSelector("#status"); // becomes visible
  assert.equal(await page.getAttribute("#status", "role"), "status"); // read out when there is a pause, not as an alarm
  await send(page, "meanwhile");
  await statesAre(page, ["sent", "pending"]);
  await control("start", 0);
  await connectionIs(page, "online", RETURN_MS);
  await eventually(() => page.textContent("#status .state"), `Connected as ${alice}`, "the page still says that it is away");
  await statesAre(page, ["sent", "sent"]);
  await stored(CLIENT_A, alice, bob, ["before", "meanwhile"]);
});

scenario("gateways are killed in turn while two people write: each message is there once, in order, and read", async ({ open }) => {
  const [alice, bob] = newUsers("alice", "bob");
  const ws = IS_CLUSTER ? [CLIENT_A, CLIENT_B].map(socketOf) : socketOf(CLIENT_A);
  const pages = {
    [alice]: await open(CLIENT_A, { me: alice, to: bob, ws }, TALL),
    [bob]: await open(CLIENT_B, { me: bob, to: alice, ws }, TALL),
  };
  const written = { [alice]: [], [bob]: [] };
  let isTalking = true;
  const talk = async (me) => {
    while (isTalking) {
      const text = `${me === alice ? "hers" : "his"} ${written[me].length}`;
      await send(pages[me], text);
      written[me].push(text);
      await pages[me].waitForTimeout(250);
    }
  };
  const talking = [talk(alice), talk(bob)];
  for (const index of [0, LAST]) {
    await pages[alice].waitForTimeout(1_500);
    await control("kill", index);
    await pages[alice].waitForTimeout(1_500);
    await control("start", index);
  }
  await pages[alice].waitForTimeout(1_500);
  isTalking = false;
  await Promise.all(talking);

  const count = written[alice].length + written[bob].length;
  assert.ok(count > 20, `only ${count} messages were written`);
  for (const page of Object.values(pages)) await connectionIs(page, "online", RETURN_MS);
  await eventually(async () => (await history(CLIENT_A, alice, bob)).length, count, "so many messages are stored", RETURN_MS);
  const kept = await history(CLIENT_A, alice, bob);
  for (const [me, page] of Object.entries(pages)) {
    assert.deepEqual(kept.filter(({ from }) => from === me).map(({ payload }) => payload), written[me], "stored in another order than written");
    await eventually(() => texts(page), kept.map(({ payload }) => payload), "the page shows something else than is stored", RETURN_MS);
    const statesOfOwn = async () => [...new Set((await messages(page)).filter(({ from }) => from === me).map(({ state }) => state))];
    await eventually(statesOfOwn, ["read"], "own messages are in other states", RETURN_MS);
    await page.reload();
    await eventually(() => texts(page), kept.map(({ payload }) => payload), "after the reload the page shows something else", RETURN_MS);
  }
});
