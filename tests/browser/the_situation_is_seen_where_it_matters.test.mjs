// Health officials set levels of their area; a citizen sees them for origin, destination and what lies between,
// at the declaration, on the pass, on the map and in words, with what follows; also without a network.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DESK, PHONE } from "./chromium.mjs";
import { Client } from "./client.mjs";
import { confirmIdentity, fillHealth, fillPerson, next, passShown, pickArea } from "./declaring.mjs";
import { inspect, photograph } from "./looks.mjs";
import { REGISTERED, until } from "./server.mjs";
import { stage } from "./stage.mjs";

const HA_NOI = "VN25-01";
const DA_NANG = "VN25-48";
const HO_CHI_MINH = "VN25-79";
const NGHE_AN = "VN25-40";
const DAY_MS = 86_400_000;
const at = stage({ prepare });
let scale;

async function prepare({ server }) {
  const official = await Client.official(server, "epidemiologist");
  const set = (area, level, more = {}) => official.ask("POST", "/situation", { area, level, ...more });
  await set(HA_NOI, "orange");
  await set(HO_CHI_MINH, "yellow", { to: Date.now() + 20 * DAY_MS });
  await set(NGHE_AN, "red");
  await set(DA_NANG, "green");
  scale = (await official.ask("GET", "/situation/scale")).levels;
}

const LOOKS = [PHONE, DESK].flatMap((view) => ["vi", "en"].map((language) => ({ view, language })));

for (const [index, look] of LOOKS.entries()) {
  const name = `${look.view.name}, ${look.language}`;

  test(`a citizen sees the situation while declaring and on the pass: ${name}`, async () => {
    const person = REGISTERED[index];
    const page = await at.browser.open(at.server, { ...look, expects: [409, "offline"] });
    await page.go("/declare");
    await confirmIdentity(page, person.number, `091234500${index}`);
    await fillPerson(page, person);
    await next(page, 3);
    await page.press("#from-home");
    await page.read("#situation", nameOf("orange", look));
    assert.equal(await page.text("#situation .needs"), "", "half a journey has no measures");
    await pickArea(page, "journey.to", "phuong sai gon");
    await isWholeJourney(page, "#situation", look);
    await inspect(page, "situation-declare-3");
    await page.page.setOfflineMode(true);
    await page.press("#swap");
    await page.page.waitForFunction(() => document.getElementById("situation").hidden, { timeout: 30_000 });
    await page.press("#swap");
    await page.read("#situation", nameOf("red", look));
    await page.says("#situation", "situation_kept", { span: await page.words("one_minutes") });
    await photograph(page, "situation-declare-offline");
    await page.page.setOfflineMode(false);
    await page.choose("journey.purpose", "work");
    await next(page, 4);
    await fillHealth(page);
    await next(page, 5);
    await isWholeJourney(page, "#situation-review", look);
    await inspect(page, "situation-declare-5");
    await page.press("#next");
    await passShown(page);
    await isWholeJourney(page, "#situation", look);
    await inspect(page, "situation-pass");
    await page.close();
  });

  test(`anybody sees the country on a map and in words: ${name}`, async () => {
    const page = await at.browser.open(at.server, look);
    await page.go("/situation");
    await page.read("#tops", nameOf("red", look));
    assert.equal(await page.page.$$eval("#map [role=button]", (parts) => parts.length), 34);
    const told = (code) => page.page.$eval(`#map [data-code="${code}"]`, (part) => part.getAttribute("aria-label"));
    assert.equal(await told(NGHE_AN), `Tỉnh Nghệ An: ${nameOf("red", look)}`);
    assert.equal(await signOnMap(page, NGHE_AN), scale.at(-1).sign, "told without its colour");
    await page.page.$eval('#map [tabindex="0"]', (part) => part.focus());
    await page.page.keyboard.press("ArrowDown");
    const moved = await page.page.evaluate(() => document.activeElement.dataset.code);
    assert.ok(moved && moved !== HA_NOI, "arrow keys go on");
    await page.page.keyboard.press("Enter");
    await page.see("#chosen-name");
    await photograph(page, "situation-chosen");
    await pickArea(page, "sought", "phuong hong ha");
    await page.read("#chosen", nameOf("orange", look));
    await page.says("#chosen", "level_of", { area: "Thành phố Hà Nội" });
    assert.equal(await page.text("#setting"), "", "nobody but officials changes it");
    await inspect(page, "situation");
    await page.close();
  });

  test(`a health official sets and ends a level within their own area: ${name}`, async () => {
    const client = await Client.official(at.server, "health");
    const page = await at.browser.open(at.server, { ...look, client, expects: [403, 409, 422] });
    await page.go("/situation");
    await page.see("#setting");
    await page.says("#set-where", "set_within", { area: "Thành phố Hà Nội" });
    await page.press("#set-submit");
    await page.see("#flaws");
    await inspect(page, "situation-set-flaws");
    await pickArea(page, "area", "phuong hong ha");
    await page.choose("level", "red");
    await page.press("#set-submit");
    await page.says("#set-done", "set_done");
    await page.read("#sets", nameOf("red", look));
    await inspect(page, "situation-set");
    await page.press("#sets button");
    await page.page.waitForFunction(() => document.querySelector("#sets button") === null, { timeout: 30_000 });
    await page.read("#sets", "health");
    await clear(page, "#area");
    await pickArea(page, "area", "phuong sai gon");
    await page.press("#set-submit");
    await page.says("#flaws", "set_elsewhere");
    await photograph(page, "situation-set-elsewhere");
    await page.close();
  });
}

test("the page opens without a network with what was told last, and says how old it is", async () => {
  const page = await at.browser.open(at.server, { view: PHONE, language: "vi", expects: ["offline"] });
  await page.go("/situation");
  await page.read("#tops", nameOf("red", page));
  await until(() => page.page.evaluate(async () => {
    const cached = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
    return cached.flat().some(({ url }) => new URL(url).pathname === "/situation");
  }), "the page is kept for want of a network");
  await page.page.setOfflineMode(true);
  await page.page.reload();
  await page.read("#tops", nameOf("red", page));
  assert.match(await page.text("#message"), /Không có mạng/);
  await photograph(page, "situation-offline");
  await page.close();
});

/** Both ends, what lies between, and what the strictest of it asks for. */
async function isWholeJourney(page, box, look) {
  await page.read(box, nameOf("yellow", look));
  await page.read(box, nameOf("orange", look));
  await page.read(box, nameOf("red", look));
  await page.read(box, "Nghệ An");
  await page.says(box, "need_test", { hours: 72 });
  await page.says(box, "need_home", { days: 7 });
}

function signOnMap(page, code) {
  return page.page.$eval(`#map [data-code="${code}"] text`, (sign) => sign.textContent);
}

function nameOf(code, { language }) {
  return scale.find((level) => level.code === code).name[language];
}

async function clear(page, field) {
  await page.page.$eval(field, (input) => (input.value = ""));
}
