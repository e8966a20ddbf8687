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
