// A market with room for three: its officer scans people in and out, with a network and without; a visitor scans the
// poster with the own phone; everybody sees how many are inside. Afterwards the trace has each stay exactly, and who
// was inside with whom.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";

import { DESK, PHONE } from "./chromium.mjs";
import { Client, passOf } from "./client.mjs";
import { inspect } from "./looks.mjs";
import { decide, isAllSent, isReady, isVerdict, isWaiting, openCheckpoint, scan } from "./officer.mjs";
import { decoded } from "./qr.mjs";
import { CLOSED, MARKET, REGISTERED } from "./server.mjs";
import { stage } from "./stage.mjs";

const NAME = "Chợ Đồng Xuân";
const [AN, BINH, CUONG, DUNG] = REGISTERED;
// The switch that takes a browser's network away here does not reach WebTransport.
const at = stage({ web: "off", settings: ["visit_gap_ms = 1"] });

for (const [view, language, phone] of [[PHONE, "vi", "0912345021"], [DESK, "en", "0912345022"]]) {
  test(`a market is entered and left by the officer's scan and by the poster, on a ${view.name}`, async () => {
    const began = Date.now();
    // One after the other: each reads the code that was sent last.
    const an = await passOf(at.server, AN, `09123452${phone.slice(-1)}1`);
    const cuong = await passOf(at.server, CUONG, `09123452${phone.slice(-1)}2`);
    const dung = await passOf(at.server, DUNG, `09123452${phone.slice(-1)}3`);
    const officer = await at.browser.open(at.server, { view, language, expects: ["offline"] });
    await openCheckpoint(officer, "market");
    await isInside(officer, 0, "open");
    assert.deepEqual(await pressed(officer), ["true", "false"], "people come in first");
    await inspect(officer, "checkpoint-venue");
    await go(officer, an);
    await isInside(officer, 1, "open");

    const visitor = await visitorWith(BINH, phone, view, language);
    const address = await posterRead(officer);
    await visitor.go(address);
    await visitor.read("#place-name", NAME);
    await inspect(visitor, "venue-asked");
    await visitor.press("#in");
    await visitor.read("#done-title", NAME);
    await visitor.says("#done-room", "inside_open", { inside: 2, capacity: 3 });
    await inspect(visitor, "venue-entered");

    await go(officer, cuong);
    await isInside(officer, 3, "full");
    await inspect(officer, "checkpoint-venue-full");
    await scan(officer, an.token);
    await isVerdict(officer, "valid");
    await officer.see("#also li");
    await inspect(officer, "checkpoint-venue-inside");
    await officer.press("#skip");

    await officer.press("#way-out");
    await go(officer, an, "checkpoint-venue-out");
    await isInside(officer, 2, "open");
    await officer.go("/checkpoint");
    await isReady(officer);
    assert.deepEqual(await pressed(officer), ["false", "true"], "the switch stays as it was");
    await officer.page.setOfflineMode(true);
    await scan(officer, cuong.token);
    await isVerdict(officer, "valid");
    await decide(officer, "pass");
    await isWaiting(officer, 1);
    await officer.page.waitForFunction(() => document.getElementById("done").hidden, { timeout: 20_000 });
    await officer.page.setOfflineMode(false);
    await officer.page.evaluate(() => dispatchEvent(new Event("online")));
    await isAllSent(officer);
    await isInside(officer, 1, "open");

    await visitor.go("/");
    await visitor.see("#visit-now");
    await inspect(visitor, "home-inside");
    await visitor.press("#visit-now");
    await visitor.read("#done-title", NAME);
    await inspect(visitor, "venue-kept");
    await visitor.press("#done-outs .way");
    await visitor.see('#done[data-way="out"]');
    await inspect(visitor, "venue-left");
    await isInside(officer, 0, "open");

    await officer.press("#way-in");
    await go(officer, dung);
    await isInside(officer, 1, "open");
    await occupancySeen(view, language);
    await traced({ view, language, began, an, binh: await subjectOf(visitor) });
    await officer.press("#way-out");
    await go(officer, dung);
    await Promise.all([officer.close(), visitor.close()]);
  });
}

test("a family goes in and out with one phone: nobody is left behind inside, and nobody goes in by an old press", async () => {
  const page = await at.browser.open(at.server, { view: PHONE, language: "vi", expects: ["offline"] });
  await page.go("/venue");
  const passes = [];
  for (const [index, person] of [AN, DUNG].entries()) {
    const citizen = await Client.citizen(at.server, person.number, `091234503${index}`);
    passes.push({ ...(await citizen.declare(person)).pass, holder: person.name });
  }
  await page.page.evaluate((kept) => localStorage.setItem("truyvet.passes", JSON.stringify(kept)), passes);
  const market = await Client.official(at.server, "market");
  const poster = await (await market.fetch("GET", `/venues/${MARKET}/poster.svg`)).text();
  const before = (await market.ask("GET", `/venues/${MARKET}`)).inside;
  const inside = async () => (await market.ask("GET", `/venues/${MARKET}`)).inside - before;
  await page.go(await addressOf(poster));

  // Without a network it can be called off.
  await page.read("#place-name", NAME);
  await page.page.setOfflineMode(true);
  await page.press("#in");
  await page.says("#message", "visit_waiting");
  await inspect(page, "venue-waiting");
  await page.press("#cancel");
  await page.says("#message", "visit_cancelled");
  await page.page.setOfflineMode(false);
  assert.equal(await page.page.evaluate(() => localStorage.getItem("truyvet.visit_letter")), null);

  await page.press("#in");
  await page.read("#done-title", NAME);
  await page.press("#done-again");
  const other = await page.page.$eval("input[name=bearer]:checked", (radio) => radio.value);
  await page.press("#in");
  await page.read("#done-title", NAME);
  const outs = await page.page.$$eval("#done-outs .way", (buttons) => buttons.map((button) => button.textContent));
  assert.equal(outs.length, 2, `${outs}`);
  assert.ok(outs[0].includes(passes.find(({ pass }) => pass === other).holder), "the newest first");
  assert.equal(await inside(), 2);
  await inspect(page, "venue-family");
  await page.press("#done-outs .way");
  await page.says("#done-next", "visit_next_others", { n: 1 });
  await page.press("#done-outs .way");
  await page.says("#done-next", "visit_next_out");
  assert.equal(await inside(), 0);

  // What was pressed long ago, and never sent, is told and not recorded.
  const { site, seal } = await page.page.evaluate(() => JSON.parse(localStorage.getItem("truyvet.visits"))[0].poster);
  const letter = { key: "an-old-one", poster: { site, seal }, way: "in", at: Date.now() - 11 * 60_000, who: passes[0].holder, pass: passes[0].pass, token: passes[0].token };
  await page.page.evaluate((kept) => localStorage.setItem("truyvet.visit_letter", JSON.stringify(kept)), letter);
  await page.go("/venue");
  await page.says("#message", "visit_too_old");
  await page.see("#how");
  assert.equal(await inside(), 0);
  await page.close();
});

test("a venue that is not there is told for as long as no other is opened, and figures that stay are read out once", async () => {
  const page = await at.browser.open(at.server, { view: DESK, language: "vi", client: await Client.official(at.server, "health"), expects: [404] });
  await page.go("/occupancy?site=NO-1");
  await page.says("#trouble", "no_such_venue");
  await page.see("#list-at");
  const asOf = await page.text("#list-at");
  await page.press(`#venues [data-site="${MARKET}"]`);
  await page.read("#one-name", NAME);
  await page.page.waitForFunction(() => document.getElementById("trouble").hidden);
  await page.page.evaluate(() => {
    globalThis.changes = 0;
    const seen = { childList: true, characterData: true, subtree: true };
    new MutationObserver((all) => (globalThis.changes += all.length)).observe(document.getElementById("one-now"), seen);
  });
  // What is shown is brought up to date each ten seconds.
  const next = page.page.waitForResponse((answer) => answer.url().endsWith(`/venues/${MARKET}`), { timeout: 20_000 });
  await next;
  await page.page.waitForNetworkIdle();
  assert.equal(await page.page.evaluate(() => globalThis.changes), 0);
  await page.go("/occupancy?site=NO-1");
  await page.says("#trouble", "no_such_venue");
  await page.page.waitForResponse((answer) => answer.url().includes("/venues?"), { timeout: 20_000 });
  await page.page.waitForNetworkIdle();
  await page.says("#trouble", "no_such_venue");
  assert.equal(await page.page.$eval("#one", (part) => part.hidden), true);
  assert.notEqual(asOf, "");
  await page.close();
});

test("a place for nobody is always full, and a poster that was altered opens nothing", async () => {
  const officer = await at.browser.open(at.server, { view: PHONE, language: "vi" });
  await openCheckpoint(officer, "closed");
  await officer.says("#inside", "inside_full", { inside: 0, capacity: 0 });
  await inspect(officer, "checkpoint-venue-closed");
  await officer.close();
  const visitor = await visitorWith(BINH, "0912345023", PHONE, "vi", [404, 409]);
  await visitor.go(`/venue#${MARKET}.AAAAAAAAAAAAAAAA`);
  await visitor.says("#message", "visit_unknown_poster");
  await inspect(visitor, "venue-forged");
  const { pass } = (await visitor.page.evaluate(() => JSON.parse(localStorage.getItem("truyvet.passes"))))[0];
  const health = await Client.official(at.server, "epidemiologist");
  await health.ask("POST", `/passes/${pass}/revoke`, { reason: "case" });
  const market = await Client.official(at.server, "closed");
  const poster = await (await market.fetch("GET", `/venues/${CLOSED}/poster.svg`)).text();
  assert.ok(poster.includes("Chợ Hôm"));
  await visitor.go(await addressOf(poster));
  await visitor.press("#in");
  await visitor.says("#message", "visit_pass_revoked");
  await inspect(visitor, "venue-revoked");
  await visitor.close();
});

/** Scans somebody and lets them go on, the way that the switch says. */
async function go(officer, { token }, photograph) {
  await scan(officer, token);
  await isVerdict(officer, "valid");
  if (photograph) await inspect(officer, photograph);
  await decide(officer, "pass");
  await isAllSent(officer);
}

function isInside(page, inside, room) {
  return page.says("#inside", `inside_${room}`, { inside, capacity: 3 });
}

function pressed(page) {
  return page.page.$$eval("#ways button", (buttons) => buttons.map((button) => button.getAttribute("aria-pressed")));
}

/** Somebody whose phone has a pass. */
async function visitorWith(person, phone, view, language, expects = []) {
  const client = await Client.citizen(at.server, person.number, phone);
  await client.declare(person);
  const page = await at.browser.open(at.server, { view, language, client, expects });
  await page.go("/passes");
  await page.see(".pass-card");
  return page;
}

async function posterRead(officer) {
  const poster = await officer.page.evaluate(async (site) => (await fetch(`/api/v1/venues/${site}/poster.svg`)).text(), MARKET);
  assert.ok(poster.includes(NAME));
  return addressOf(poster);
}

/** What a camera reads on a poster. */
async function addressOf(poster) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "truyvet-poster-"));
  const page = await (await at.browser.chromium.createBrowserContext()).newPage();
  try {
    await page.setContent(poster);
    const file = path.join(process.env.TRUYVET_SCREENSHOTS ?? folder, "poster.png");
    fs.mkdirSync(path.dirname(file), { recursive: true });
    await page.setViewport({ width: 900, height: 1200 });
    await page.screenshot({ path: file });
    const address = await decoded(file);
    assert.ok(address.startsWith(`${at.server.url}/venue#`), address);
    return address;
  } finally {
    await page.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function subjectOf(visitor) {
  const { token } = (await visitor.page.evaluate(() => JSON.parse(localStorage.getItem("truyvet.passes"))))[0];
  const officer = await Client.official(at.server, "market");
  return (await officer.ask("POST", "/checkpoint/check", { token })).facts.subject;
}

/** The officer sees the own market, a health official those of the area. */
async function occupancySeen(view, language) {
  const own = await at.browser.open(at.server, { view, language, client: await Client.official(at.server, "market") });
  await own.go("/occupancy");
  await own.read("#one-name", NAME);
  await own.read("#one-inside", "1");
  await own.says("#one-word", "room_open");
  await own.see("#bars rect");
  await own.see("#poster");
  await inspect(own, "occupancy-own");
  const before = await posterRead(own);
  await own.press("#poster-part summary");
  await own.press("#replace");
  await own.says("#replaced", "replaced");
  assert.notEqual(await posterRead(own), before, "another poster is printed from now on");
  await inspect(own, "occupancy-replaced");
  await own.close();
  const health = await at.browser.open(at.server, { view, language, client: await Client.official(at.server, "health") });
  await health.go("/occupancy");
  await health.press(`#venues [data-site="${MARKET}"]`);
  await health.read("#one-name", NAME);
  assert.equal(await health.page.$eval("#poster-part", (part) => part.hidden), true, "posters are for the venue");
  await inspect(health, "occupancy-of-an-area");
  await health.close();
}

/** Each stay is there exactly, and so is who was inside with whom. */
async function traced({ view, language, began, an, binh }) {
  const client = await Client.official(at.server, "epidemiologist");
  const span = `from=${began}&to=${Date.now() + 1}`;
  const trail = await client.ask("GET", `/trace/trail?subject=${an.subject}&${span}`);
  const own = trail.scans.filter(({ site }) => site === MARKET);
  assert.deepEqual(own.map(({ direction }) => direction), ["in", "out"]);
  const other = (await client.ask("GET", `/trace/trail?subject=${binh}&${span}`)).scans;
  assert.deepEqual(other.map(({ site, direction }) => [site, direction]), [[MARKET, "in"], [MARKET, "out"]]);
  const { stays, met } = await client.ask("GET", `/trace/stays?subject=${an.subject}&${span}`);
  assert.deepEqual(stays, [{ subject: an.subject, site: MARKET, from: own[0].at, to: own[1].at }]);
  const overlap = Math.min(own[1].at, other[1].at) - Math.max(own[0].at, other[0].at);
  assert.equal(met.find(({ subject }) => subject === binh)?.overlap_ms, overlap);

  const page = await at.browser.open(at.server, { view, language, client });
  await page.go("/trace");
  await page.type("#code", an.subject);
  await page.press("#form [type=submit]");
  await page.read("#beside-part table", binh);
  await inspect(page, "trace-contacts-and-stays");
  await page.choose("question", "stays");
  await page.press("#form [type=submit]");
  await page.read("#part table", binh);
  await page.read("#beside-part table", NAME);
  await inspect(page, "trace-stays");
  await page.choose("question", "occupancy");
  await page.page.$eval("#code", (field, site) => (field.value = site), MARKET);
  await page.page.$eval("#from", (field, value) => (field.value = value), local(Date.now() - 4 * 3_600_000));
  await page.page.$eval("#to", (field, value) => (field.value = value), local(Date.now() + 60_000));
  await page.press("#form [type=submit]");
  await page.see("#bars rect");
  await inspect(page, "trace-occupancy");
  await page.close();
}

function local(unixMs) {
  return new Date(unixMs - new Date(unixMs).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
