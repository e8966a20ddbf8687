// Passes, cards and codes that a hand scanner or an officer types: each has its own word, and nothing that
// is no pass can be recorded.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DESK, PHONE } from "./chromium.mjs";
import { Client, passOf } from "./client.mjs";
import { inspect } from "./looks.mjs";
import { decide, enter, isAllSent, isVerdict, openCheckpoint, scan, signAndColour } from "./officer.mjs";
import { REGISTERED } from "./server.mjs";
import { stage } from "./stage.mjs";

const [AN, BINH, CUONG, DUNG] = REGISTERED;
const at = stage();

for (const [view, language] of [[PHONE, "vi"], [DESK, "en"]]) {
  test(`forged, truncated, foreign and revoked codes are told apart on a ${view.name}`, async () => {
    const { token } = await passFor(AN, language);
    const revoked = await passFor(BINH, language);
    const epidemiologist = await Client.official(at.server, "epidemiologist");
    await epidemiologist.ask("POST", `/passes/${revoked.pass}/revoke`, { reason: "contact" });
    const page = await at.browser.open(at.server, { view, language, expects: [400, 404, 422] });
    await openCheckpoint(page);
    await inspect(page, "checkpoint");
    const cases = [
      ["valid", token, "sign-good"],
      ["valid", token.toLowerCase(), "sign-good"],
      ["forged", forged(token), "sign-stop"],
      ["forged", ofAnotherKey(token), "sign-stop"],
      ["revoked", revoked.token, "sign-stop"],
      ["damaged", token.slice(0, 100), "sign-again"],
      ["must_update", ofAnotherVersion(token), "sign-careful"],
      ["foreign", "https://example.org/menu?table=7", "sign-again"],
      ["foreign", "00020101021238570010A000000727", "sign-again"],
    ];
    for (const [name, text, sign] of cases) {
      await scan(page, text);
      await isVerdict(page, name);
      assert.deepEqual((await signAndColour(page)).signs, [sign], name);
      const mayPass = await page.page.$eval("#pass", (button) => button.checkVisibility());
      assert.equal(mayPass, ["valid", "revoked"].includes(name), `${name} can be recorded`);
      await inspect(page, `checkpoint-${name}`);
      await page.press("#skip");
    }
    await page.close();
  });
}

test("numbers and cards find the declaration, also where the telephone is out of power", async () => {
  const { pass } = await passFor(CUONG, "typed");
  const page = await at.browser.open(at.server, { view: PHONE, language: "en", expects: [400, 404, 422] });
  await openCheckpoint(page);
  const card = [CUONG.number, "012345678", CUONG.name, "01071985", "Nam", "Số 8, ngõ 12, Hồng Hà, Hà Nội", "25042021"].join("|");
  for (const [how, text] of [[enter, pass.toLowerCase()], [enter, "001 085 034 567"], [scan, pass], [scan, card]]) {
    await how(page, text);
    await isVerdict(page, "valid");
    await page.read("#declared", CUONG.name);
    await page.press("#skip");
  }
  await enter(page, pass.replace(/.$/, (last) => (last === "0" ? "1" : "0")));
  await isVerdict(page, "foreign");
  await page.press("#skip");
  await enter(page, "001099999999");
  await isVerdict(page, "unknown");
  await inspect(page, "checkpoint-unknown");
  await page.press("#skip");
  await page.close();
});

const DAY_MS = 86_400_000;
for (const [off, days, person] of [["behind", -1, AN], ["ahead", 4, CUONG]]) {
  test(`a telephone whose clock is ${Math.abs(days)} days ${off} judges and records by the server's time`, async () => {
    const { token, subject } = await passFor(person, off);
    const page = await at.browser.open(at.server, { view: PHONE, language: "vi" });
    await page.page.evaluateOnNewDocument(shiftClock, days * DAY_MS);
    await openCheckpoint(page);
    await scan(page, token);
    await isVerdict(page, "valid");
    await decide(page, "pass");
    await isAllSent(page);
    const [passage] = await at.server.trail(subject);
    assert.ok(Math.abs(passage.at - Date.now()) < 60_000, `recorded at ${passage.at}`);
    await page.close();
  });
}

for (const [view, language] of [[PHONE, "vi"], [DESK, "en"]]) {
  test(`with lists that were cut a pass is green on the server's word alone, on a ${view.name}`, async () => {
    const { token } = await passFor(AN, `cut ${view.name}`);
    const page = await at.browser.open(at.server, { view, language, expects: ["offline"] });
    await page.page.evaluateOnNewDocument(cutLists);
    await openCheckpoint(page);
    await page.says("#warnings", "warn_lists_cut");
    await scan(page, token);
    await isVerdict(page, "valid");
    await page.press("#skip");
    await page.page.setOfflineMode(true);
    await scan(page, token);
    await isVerdict(page, "ask_server");
    assert.deepEqual((await signAndColour(page)).signs, ["sign-careful"]);
    await inspect(page, "checkpoint-ask-server");
    await page.close();
  });
}

/** Runs in the page: the server's lists come as if there were more than they hold. */
function cutLists() {
  const real = globalThis.fetch;
  globalThis.fetch = async (url, options) => {
    const answer = await real(url, options);
    if (!String(url).endsWith("/checkpoint/lists") || answer.status !== 200) return answer;
    const { status, headers } = answer;
    return new Response(JSON.stringify({ ...(await answer.json()), is_cut: true }), { status, headers });
  };
}

test("a pass that nobody has verified is compared with the document, and then let through", async () => {
  const stranger = { ...DUNG, number: "001199999998" };
  const { token, subject } = await passFor(stranger, "stranger");
  const page = await at.browser.open(at.server, { view: PHONE, language: "vi" });
  await openCheckpoint(page);
  await scan(page, token);
  await isVerdict(page, "not_verified");
  assert.deepEqual((await signAndColour(page)).signs, ["sign-careful"]);
  await inspect(page, "checkpoint-not-verified");
  await page.press("#compared");
  await page.says("#passing", "compared_kept");
  await decide(page, "pass");
  await isAllSent(page);
  assert.equal((await at.server.trail(subject)).length, 1);
  await page.close();
});

/** A pass of this citizen; `caller` keeps their telephones apart. */
function passFor(person, caller) {
  const digits = [...`${person.number}${caller}`].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 1e8, 7);
  return passOf(at.server, person, `09${String(digits).padStart(8, "0")}`);
}

/** The token with another letter in its signature. */
function forged(token) {
  return changed(token, 120, token[120] === "A" ? "B" : "A");
}

/** The token with another key's id: its second byte, in the fourth letter after the prefix. */
function ofAnotherKey(token) {
  return changed(token, 7, token[7] === "Q" ? "A" : "Q");
}

/** The token with another version: its first byte, in the first two letters. */
function ofAnotherVersion(token) {
  return changed(token, 5, "C");
}

function changed(token, index, letter) {
  return token.slice(0, index) + letter + token.slice(index + 1);
}

/** Runs in the page: its clock is off by so many milliseconds. */
function shiftClock(off) {
  const True = Date;
  globalThis.Date = class extends True {
    constructor(...given) {
      super(...(given.length === 0 ? [True.now() + off] : given));
    }
    static now() {
      return True.now() + off;
    }
  };
}
