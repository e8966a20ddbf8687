// From nothing to a pass that any reader reads; the next journey; and what the population register says.

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";

import { DESK, PHONE } from "./chromium.mjs";
import { confirmIdentity, fillAll, passShown } from "./declaring.mjs";
import { photograph } from "./looks.mjs";
import { decoded } from "./qr.mjs";
import { HOME, REGISTERED } from "./server.mjs";
import { stage } from "./stage.mjs";

const [AN, BINH, CUONG, DUNG] = REGISTERED;
const at = stage();

for (const [view, language, person, phone] of [
  [PHONE, "vi", AN, "0912 345 001"],
  [DESK, "en", BINH, "+84 912 345 002"],
]) {
  test(`a citizen declares with a ${view.name}, and zbar reads the pass`, async () => {
    const page = await at.browser.open(at.server, { view, language });
    await page.go("/declare");
    await confirmIdentity(page, person.number, phone);
    await fillAll(page, person);
    await photograph(page, "declare-review");
    await page.press("#next");
    const { number, token } = await passShown(page);
    assert.match(number, /^[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{4}$/);
    await page.says("#pass-state", "state_valid");
    await page.read("#facts", "Phường Sài Gòn");
    assert.equal(await decoded(await qrOfApi(page, number)), token);
    assert.equal(await decoded(await qrOnPage(page)), token);
    await secondJourney(page, token);
    await page.close();
  });
}

async function qrOfApi(page, number) {
  const base64 = await page.page.evaluate(async (address) => {
    const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
    return btoa(String.fromCharCode(...bytes));
  }, `/api/v1/passes/${number}/qr.png`);
  const file = at.server.file("qr.png");
  fs.writeFileSync(file, Buffer.from(base64, "base64"));
  return file;
}

async function qrOnPage(page) {
  const file = at.server.file("qr-on-page.png");
  await (await page.see("#qr")).screenshot({ path: file });
  return file;
}

/** The same person, the same device: nothing is typed, and 20 seconds are plenty. */
async function secondJourney(page, firstToken) {
  Object.assign(page, { presses: 0, keys: 0 });
  const begun = performance.now();
  await page.go("/declare");
  await page.see("#known-title");
  await page.press("#swap");
  await page.choose("health.symptoms", "none");
  await page.choose("health.exposure", "none");
  await photograph(page, "declare-second");
  await page.press("#next");
  const { token } = await passShown(page);
  const seconds = (performance.now() - begun) / 1000;
  console.log(`second journey on a ${page.view.name}: ${page.presses} presses, ${page.keys} keys, ${seconds.toFixed(1)} s`);
  assert.notEqual(token, firstToken);
  assert.equal(page.keys, 0);
  assert.ok(page.presses <= 8 && seconds < 20);
  const { declarations } = await page.ask("/declarations");
  assert.equal(declarations[0].to.code, HOME);
}

test("what the register says otherwise is told by field, corrected, and verified then", async () => {
  const page = await at.browser.open(at.server, { view: PHONE, language: "vi", expects: [409] });
  await page.go("/declare");
  await confirmIdentity(page, CUONG.number, "0912345003");
  await fillAll(page, { ...CUONG, name: "Lê Hoàng Cảnh" });
  await page.press("#next");
  await page.read("#disagrees-list", await labelOf(page, "person.name"));
  assert.equal(await page.page.$$eval("#disagrees-list li", (items) => items.length), 1);
  await photograph(page, "declare-disagrees");
  await page.press("#correct");
  await page.press('[id="person.name"]');
  await page.page.$eval('[id="person.name"]', (field) => field.select());
  await page.page.keyboard.type(CUONG.name);
  for (let step = 2; step < 5; step++) await page.press("#next");
  await page.see("#step-5");
  await page.press("#next");
  await passShown(page);
  assert.deepEqual((await page.ask("/declarations")).declarations.map(({ state }) => state), ["verified"]);
});

test("who stays with what the register does not know gets a pass that is to be checked", async () => {
  const page = await at.browser.open(at.server, { view: DESK, language: "en", expects: [409] });
  await page.go("/declare");
  await confirmIdentity(page, DUNG.number, "0912345004");
  await fillAll(page, { ...DUNG, birth_date: "1986-12-31" });
  await page.press("#next");
  await page.read("#disagrees-list", await labelOf(page, "person.birth_date"));
  await page.press("#insist");
  await passShown(page);
  await page.says("#pass-state", "state_unverified");
  await photograph(page, "pass-unverified");
  assert.deepEqual((await page.ask("/declarations")).declarations.map(({ state }) => state), ["unverified"]);
});

function labelOf(page, field) {
  return page.page.$eval(`[data-field="${field}"] :is(.label, legend)`, (label) => label.textContent.trim());
}
