// Whoever opens a page that is not theirs is told so, sees nobody's data, and finds the way to sign in.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DESK, PHONE } from "./chromium.mjs";
import { Client } from "./client.mjs";
import { inspect } from "./looks.mjs";
import { REGISTERED } from "./server.mjs";
import { stage } from "./stage.mjs";

const TOLD = ":is(#gate, #flaws, #warnings):not([hidden])";
const callers = {};
const at = stage({ prepare });

async function prepare({ server }) {
  const [person] = REGISTERED;
  callers.citizen = await Client.citizen(server, person.number, "0912345001");
  await callers.citizen.declare(person);
  for (const account of ["officer", "ward", "operator-1"]) callers[account] = await Client.official(server, account);
}

for (const [view, language] of [[PHONE, "vi"], [DESK, "en"]]) {
  for (const [caller, address] of [
    ["citizen", "/desk"],
    ["citizen", "/accounts"],
    ["citizen", "/hooks"],
    ["citizen", "/ward"],
    ["citizen", "/quarantine"],
    ["citizen", "/depot"],
    ["citizen", "/arrivals"],
    ["citizen", "/checkpoint"],
    ["citizen", "/trace"],
    ["citizen", "/occupancy"],
    ["officer", "/desk"],
    ["officer", "/accounts"],
    ["officer", "/ward"],
    ["officer", "/quarantine"],
    ["ward", "/accounts"],
    ["ward", "/hooks"],
    ["ward", "/checkpoint"],
    ["ward", "/arrivals"],
    ["operator-1", "/desk"],
    ["operator-1", "/depot"],
  ]) {
    test(`${caller} at ${address} on a ${view.name} is told that it is not for them`, async () => {
      const page = await at.browser.open(at.server, { view, language, client: callers[caller], expects: [401, 403] });
      await page.go(address);
      await page.see(TOLD);
      await inspect(page, `not-for-${caller}${address.replace("/", "-")}`);
      const told = await page.text(TOLD);
      assert.ok(told.length > 10, told);
      const rows = await page.page.$$eval("#rows tr, #watch-list li, .match", (found) => found.length);
      assert.equal(rows, 0);
      const isSeen = (parts) => parts.some((part) => part.checkVisibility());
      assert.equal(await page.page.$$eval("main :is(input, table, textarea)", isSeen), false, "and nothing to fill in");
      await page.close();
    });
  }
}

test("no network is not taken for being signed out: the page waits for the server's word", async () => {
  const page = await at.browser.open(at.server, { client: callers.citizen });
  await page.page.evaluateOnNewDocument(() => {
    const real = globalThis.fetch;
    globalThis.fetch = async (url, options) => {
      if (String(url) === "/api/v1/session" && !globalThis.isOnline) throw new TypeError("no network");
      return real(url, options);
    };
  });
  await page.go("/quarantine/own");
  await page.says("#shell-told", "session_unknown");
  await inspect(page, "session-unknown");
  assert.equal(await page.text("#sign-in-part"), "");
  await page.page.evaluate(() => (globalThis.isOnline = true));
  await page.see("#none");
  assert.equal(await page.text("#shell-told"), "");
  await page.close();
});

test("whoever signs out without a network stays on the page until it is done", async () => {
  const client = await Client.official(at.server, "ward");
  const page = await at.browser.open(at.server, { client, expects: ["offline"] });
  await page.go("/desk");
  await page.see("#find");
  await page.page.setOfflineMode(true);
  await page.press("#sign-out");
  await page.says("#shell-told", "not_signed_out_yet");
  await inspect(page, "not-signed-out");
  assert.ok(page.page.url().includes("/desk"));
  const home = page.page.waitForNavigation();
  await page.page.setOfflineMode(false);
  await home;
  assert.equal((await client.fetch("GET", "/session")).status, 401);
  await page.close();
});
