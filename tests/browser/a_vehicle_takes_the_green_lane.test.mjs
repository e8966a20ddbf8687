// A driver declares a coach with its crew, an officer of the depot seals it, checkpoints scan it once for all
// aboard, with a network and without, the crew changes on the way, and it is seen off its route. Afterwards the
// trace has the vehicle and everyone aboard exactly once for each scan.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DESK, PHONE } from "./chromium.mjs";
import { Client } from "./client.mjs";
import { pickArea } from "./declaring.mjs";
import { inspect } from "./looks.mjs";
import { decide, isAllSent, isVerdict, isWaiting, openCheckpoint, scan } from "./officer.mjs";
import { DEPOT, REGISTERED, SITE } from "./server.mjs";
import { stage } from "./stage.mjs";

const HOUR_MS = 3_600_000;
/** Thành phố Hà Nội. */
const HA_NOI = "VN25-01";
const ALL_CHECKS = ["vehicle", "people", "health", "tests", "cargo", "disinfected"];
const [AN, BINH, CUONG, DUNG] = REGISTERED;
// The switch that takes a browser's network away here does not reach WebTransport.
const at = stage({ web: "off" });

for (const [view, language, driver, mate, phone] of [
  [PHONE, "vi", AN, BINH, "0912345011"],
  [DESK, "en", CUONG, DUNG, "0912345012"],
]) {
  test(`a vehicle is declared, sealed and scanned once for everyone aboard on a ${view.name}`, async () => {
    const token = await declareByHand({ view, language, driver, mate, phone });
    await refusedUnsealed(view, language, token);
    await sealByHand(view, language);
    const checkpoint = await at.browser.open(at.server, { view, language });
    await openCheckpoint(checkpoint);
    await scan(checkpoint, token);
    await isVerdict(checkpoint, "valid");
    await checkpoint.read("#declared", driver.name);
    await checkpoint.read("#declared", mate.name);
    await inspect(checkpoint, "checkpoint-vehicle");
    await decide(checkpoint, "pass");
    await isAllSent(checkpoint);
    const subjects = await subjectsOf(token);
    assert.equal(subjects.length, 3);
    await eachIsAt(subjects, [SITE]);
    await checkpoint.close();
  });
}

test("sixty aboard are one press, and those aboard are added once where the phone did not know them", async () => {
  const trip = await sealed(60);
  const page = await at.browser.open(at.server, { view: PHONE, language: "vi", expects: ["offline"] });
  await openCheckpoint(page);
  await scan(page, trip.pass.token);
  await isVerdict(page, "valid");
  await page.says(".aboard-count", "aboard_count", { count: 60 });
  await inspect(page, "checkpoint-coach");
  await decide(page, "pass");
  await isAllSent(page);
  const subjects = await subjectsOf(trip.pass.token);
  assert.equal(subjects.length, 61);
  await eachIsAt(subjects, [SITE]);

  // Sealed after the lists were made: without a network nobody here knows who is aboard.
  const other = await sealed(3, "29C-987.65");
  await page.page.setOfflineMode(true);
  await scan(page, other.pass.token);
  await isVerdict(page, "valid");
  await decide(page, "pass");
  await isWaiting(page, 2);
  await inspect(page, "checkpoint-vehicle-offline");
  await page.page.waitForFunction(() => document.getElementById("done").hidden, { timeout: 20_000 });
  await page.page.setOfflineMode(false);
  await page.page.evaluate(() => dispatchEvent(new Event("online")));
  await isAllSent(page);
  const then = await subjectsOf(other.pass.token);
  assert.equal(then.length, 4);
  await eachIsAt(then, [SITE]);
  await page.close();
});

for (const [view, language] of [[PHONE, "vi"], [DESK, "en"]]) {
  test(`a crew changes on the way, and a vehicle off its route is flagged, on a ${view.name}`, async () => {
    const trip = await sealed(2, `51F-${view.width}.00`);
    const page = await at.browser.open(at.server, { view, language });
    await openCheckpoint(page, "officer-2");
    await scan(page, trip.pass.token);
    await isVerdict(page, "off_route");
    await inspect(page, "checkpoint-off-route");
    const before = await subjectsOf(trip.pass.token);
    await decide(page, "pass");
    await isAllSent(page);
    await eachIsAt(before, ["HN-02"]);

    await page.go(`/depot?trip=${trip.trip}`);
    await page.press("#open-crew");
    await page.press('[id="aboard"] fieldset:nth-of-type(2) [data-remove]');
    await page.press("#add-aboard");
    await page.type('[id="aboard[1].name"]', "Hoàng Thị Thay");
    await page.type('[id="aboard[1].document.number"]', `0011850990${view.width % 100}`.slice(0, 12).padEnd(12, "1"));
    await page.type('[data-field="aboard[1].birth_date"] [data-part=year]', "1985");
    await inspect(page, "depot-crew");
    await page.press("#change");
    await page.read("#one-people", "Hoàng Thị Thay");
    const after = await subjectsOf(trip.pass.token);
    assert.deepEqual([after.length, after[0], after[1]], [3, before[0], before[1]]);
    assert.notEqual(after[2], before[2]);
    await page.close();

    const client = await Client.official(at.server, "health");
    const listed = await at.browser.open(at.server, { view, language, client });
    await listed.go("/depot");
    await listed.press("label:has([name=off_route])");
    await listed.see(`[data-trip="${trip.trip}"] .off-route`);
    await inspect(listed, "depot-off-route");
    await listed.close();
  });
}

async function declareByHand({ view, language, driver, mate, phone }) {
  const page = await at.browser.open(at.server, { view, language });
  await page.go("/vehicle");
  await page.type('[id="document.number"]', driver.number);
  await page.type("#phone", phone);
  await page.press("#ask-code");
  await page.see("#code");
  await page.type("#code", await at.server.code());
  await page.press("#redeem");
  await page.see("#form");
  await page.type('[id="vehicle.plate"]', `51b-${phone.slice(-3)}.45`);
  await page.page.select('[id="vehicle.kind"]', "bus");
  await page.type('[id="vehicle.operator"]', "Xe khách Hà Sơn");
  await page.page.select('[id="cargo.kind"]', "passengers");
  await pickArea(page, "route[0]", "thanh pho ha noi");
  await pickArea(page, "route[1]", "thanh pho hai phong");
  await person(page, 0, driver);
  await page.press("#add-aboard");
  await page.type('[id="aboard[1].document.number"]', mate.number);
  await person(page, 1, mate);
  await inspect(page, "vehicle-form");
  // The trip arrives and its answer is lost: sent again by the page loaded anew it is one trip.
  await page.losesAnswers("/vehicles/trips");
  await page.press("#send");
  await page.see("#flaws");
  await isThereAfterReload(page, mate);
  await page.press("#send");
  await page.see("#shown");
  await page.page.waitForFunction(() => document.getElementById("own").children.length === 1);
  await inspect(page, "vehicle-declared");
  const token = await page.page.$eval("#qr", (qr) => qr.dataset.token);
  await page.close();
  return token;
}

/** What was typed is there again, rows that were added and areas that were chosen too. */
async function isThereAfterReload(page, mate) {
  const typed = await typedIn(page);
  await page.page.reload();
  await page.page.waitForFunction((name) => document.getElementById("aboard[1].name")?.value === name, {}, mate.name);
  await page.page.waitForFunction(() => document.getElementsByName("route[1]")[0]?.value);
  assert.deepEqual(await typedIn(page), typed);
}

function typedIn(page) {
  return page.page.$eval("#form", (form) => Object.fromEntries(new FormData(form)));
}

async function person(page, index, { name, birth_date, sex }) {
  await page.type(`[id="aboard[${index}].name"]`, name);
  const [year, month, day] = birth_date.split("-");
  for (const [part, value] of Object.entries({ day, month, year })) {
    await page.type(`[data-field="aboard[${index}].birth_date"] [data-part=${part}]`, value);
  }
  await page.choose(`aboard[${index}].sex`, sex);
}

async function refusedUnsealed(view, language, token) {
  const page = await at.browser.open(at.server, { view, language });
  await openCheckpoint(page);
  await scan(page, token);
  await isVerdict(page, "not_sealed");
  await inspect(page, "checkpoint-not-sealed");
  await page.close();
}

/** The officer of the depot checks the newest trip, forgets something, is told so, and seals it. */
async function sealByHand(view, language) {
  const client = await Client.official(at.server, "depot");
  const page = await at.browser.open(at.server, { view, language, client, expects: [422] });
  await page.go("/depot");
  await page.press("#trips li:first-child button");
  await page.see("#decide");
  for (const check of ALL_CHECKS.slice(1)) await page.press(`label:has([name=checks][value=${check}])`);
  await page.press("#seal");
  await page.see("#flaws");
  await inspect(page, "depot-flaws");
  await page.press(`label:has([name=checks][value=${ALL_CHECKS[0]}])`);
  await page.type("#remark", "Niêm phong số 0123");
  await page.press("#seal");
  await page.says("#one-state", "trip_sealed");
  await inspect(page, "depot-sealed");
  await page.close();
}

/** A sealed trip from Hà Nội, declared and sealed at the depot. */
async function sealed(people, plate = "51B-600.00") {
  const officer = await Client.official(at.server, "depot");
  const now = Date.now();
  const aboard = Array.from({ length: people }, (_, i) => ({
    duty: i === 0 ? "driver" : "passenger",
    name: `Hành Khách ${i + 1}`,
    birth_date: "1985",
    sex: "male",
    document: { kind: "citizen_id", number: `0010850${String(i).padStart(5, "0")}` },
  }));
  const trip = await officer.ask("POST", "/vehicles/trips", {
    vehicle: { plate, kind: "bus", operator: "Xe khách Hà Sơn", seats: 60 },
    depot: DEPOT,
    route: [HA_NOI],
    departs_at: now,
    until: now + 12 * HOUR_MS,
    cargo: { kind: "passengers" },
    aboard,
  });
  return officer.ask("POST", `/vehicles/trips/${trip.trip}/seal`, { checks: ALL_CHECKS });
}

/** Codes of the vehicle and of those aboard it now. */
async function subjectsOf(token) {
  const officer = await Client.official(at.server, "depot");
  const { vehicle } = await officer.ask("POST", "/checkpoint/check", { token });
  return [vehicle.subject, ...vehicle.aboard.map(({ subject }) => subject)];
}

/** What has come since for people who are on several trips is that of the newest: the last scans are looked at. */
async function eachIsAt(subjects, sites) {
  const [vehicle, ...people] = await Promise.all(subjects.map((subject) => at.server.trail(subject)));
  assert.deepEqual(vehicle.map(({ site }) => site), sites);
  const own = vehicle.map((scan) => scan.at);
  for (const trail of people) assert.deepEqual(trail.filter((scan) => own.includes(scan.at)).map(({ site }) => site), sites);
}
