// Markup and formulas in names are shown as they were written, wherever they are shown.

import { test } from "node:test";

import { DESK, PHONE } from "./chromium.mjs";
import { Client } from "./client.mjs";
import { confirmIdentity, fillAll, passShown, sendAnyway } from "./declaring.mjs";
import { photograph } from "./looks.mjs";
import { isVerdict, openCheckpoint, scan } from "./officer.mjs";
import { REGISTERED } from "./server.mjs";
import { stage } from "./stage.mjs";

const NAMES = [
  ["001190000101", "<img src=x onerror=alert(1)>"],
  ["001190000102", "=cmd|'/C calc'!A0"],
  ["001190000103", '"><script>alert(1)</script>'],
];
const at = stage();

for (const [number, name] of NAMES) {
  test(`the name ${name} is text for the citizen, at the checkpoint and at the desk`, async () => {
    const page = await at.browser.open(at.server, { view: PHONE, language: "vi", expects: [409] });
    await page.go("/declare");
    await confirmIdentity(page, number, `0912${number.slice(-6)}`);
    await fillAll(page, { ...REGISTERED[1], name });
    await page.read("#review", name);
    await sendAnyway(page);
    const { token } = await passShown(page);
    await page.read("#facts", name);
    await page.close();
    await atCheckpoint(token, name);
    await atDesk(number, name);
  });
}

async function atCheckpoint(token, name) {
  const page = await at.browser.open(at.server, { view: PHONE, language: "en" });
  await openCheckpoint(page);
  await scan(page, token);
  await isVerdict(page, "not_verified");
  await page.read("#declared", name);
  await photograph(page, "checkpoint-markup");
  await page.close();
}

async function atDesk(number, name) {
  const client = await Client.official(at.server, "epidemiologist");
  const page = await at.browser.open(at.server, { view: DESK, language: "en", client });
  await page.go("/desk");
  await page.type('[id="document.number"]', number);
  await page.press("#find [type=submit]");
  await page.read("#person-name", name);
  await photograph(page, "desk-markup");
  await page.close();
}
