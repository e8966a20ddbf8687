// A flight arrives: an officer of the airport types one passenger by keyboard alone, uploads the list of the
// others, corrects it, prints the passes by seat; each is scanned at the airport's checkpoint, the ward of
// quarantine sees who comes, and the trace has each scan once.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { DESK, PHONE } from "./chromium.mjs";
import { Client } from "./client.mjs";
import { inspect, photograph } from "./looks.mjs";
import { decide, isAllSent, isVerdict, openCheckpoint, scan } from "./officer.mjs";
import { AIRPORT, FACILITY, until } from "./server.mjs";
import { stage } from "./stage.mjs";

const at = stage();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "truyvet-arrivals-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const HEADER = "Seat,Passenger name,Date of birth,Sex,Passport No.,Nationality,Quarantine place";
const LOOKS = [[PHONE, "vi", "VN417"], [DESK, "en", "KE679"]];

for (const [index, [view, language, flight]] of LOOKS.entries()) {
  const name = `${view.name}, ${language}`;

  test(`passengers are typed by keyboard alone, and another name is kept aside: ${name}`, async () => {
    const page = await openArrivals(view, language, [409, 422]);
    await fillLanding(page, flight);
    const presses = page.presses;
    await page.page.evaluate(() => document.getElementById("seat").focus());
    await typePassenger(page, { seat: "1A", passport: `C10000${index}1`, name: "NGUYEN VAN AN" });
    await page.read("#said", "NGUYEN VAN AN");
    await page.says("#said", "state_verified");
    const seat = await page.page.$eval("#seat", (input) => [input.value, document.activeElement === input]);
    assert.deepEqual(seat, ["1B", true], "the seat goes on, and has the focus");
    await inspect(page, "arrivals-entry");

    // The same passport in another order of words is the same person; another name is asked about.
    await typePassenger(page, { seat: "1B", passport: `C10000${index}1`, name: "VAN AN NGUYEN" });
    await page.read("#said", "VAN AN NGUYEN");
    await typePassenger(page, { seat: "1C", passport: `C10000${index}1`, name: "TRAN VAN BINH" });
    await page.see("#disagrees");
    await inspect(page, "arrivals-disagrees");
    await page.page.keyboard.press("Tab");
    await page.page.keyboard.press("Enter");
    await page.says("#said", "state_unverified");
    assert.equal(page.presses, presses, "no finger, no mouse");

    // A flaw stands at its field.
    await typePassenger(page, { seat: "1D", passport: "12", name: "X" });
    await page.see('[data-field="traveller.passport.number"].wrong');
    await inspect(page, "arrivals-flaws");
    await page.choose("way", "passengers");
    await page.read("#seat-rows", "TRAN VAN BINH");
    await page.read("#seat-rows .differs", await page.words("field_name"));
    await inspect(page, "arrivals-kept-aside");
    await page.close();
  });

  test(`a flight's list becomes passes, scans and notices: ${name}`, async () => {
    const page = await openArrivals(view, language);
    // Without the flight nothing is looked at.
    await page.choose("way", "table");
    const rows = Array.from({ length: 10 }, (_, i) => rowOf(index, i));
    const wrong = [...rows];
    wrong[3] = rows[3].replace("02/03/1990", "1990");
    wrong[7] = rows[7].replace("Khu cách ly Sài Gòn", "Nơi Không Có");
    await give(page, spreadsheet(`list-${index}.csv`, [HEADER, ...wrong]));
    await page.see("#flaws");
    await inspect(page, "arrivals-no-flight");
    // The list that waits is looked at once it is told.
    await fillLanding(page, `${flight}1`);
    await page.says("#counts", "counts", { rows: 10, good: 8, bad: 2 });
    await inspect(page, "arrivals-preview");
    await page.press("label:has(#table-seen)");
    await page.press("#send-table");
    await page.says("#result-counts", "upload_counts", { accepted: 8, was_there: 0, refused: 2, rows: 10 });
    await inspect(page, "arrivals-result");
    await give(page, spreadsheet(`list-${index}.csv`, [HEADER, ...rows]));
    await page.says("#counts", "counts", { rows: 10, good: 10, bad: 0 });
    await page.says("#columns-about", "columns_remembered", { row: 1 });
    await page.press("#send-table");
    await page.says("#result-counts", "upload_counts", { accepted: 2, was_there: 8, refused: 0, rows: 10 });

    await page.choose("way", "passengers");
    await page.read("#seat-rows", "PASSENGER J");
    const seats = await page.page.$$eval("#seat-rows th", (cells) => cells.map((cell) => cell.textContent));
    assert.deepEqual(seats, ["9A", "9B", "9C", "9D", "9E", "9F", "10A", "10B", "10C", "10D"]);
    await inspect(page, "arrivals-by-seat");
    await printed(page);
    await isOfTheFlightInTheForm(page, `${flight}1`);
    await page.close();
    await scannedAtTheBorder(view, language, `${flight}1`);
  });
}

test("who walks over the border is kept through a reload, gets a pass on paper, and stands in the day's list", async () => {
  const page = await openArrivals(PHONE, "vi");
  await page.page.select("#kind", "on_foot");
  await page.page.select("#facility", FACILITY);
  await page.page.evaluate(() => document.getElementById("seat").focus());
  const { keyboard } = page.page;
  for (const typed of [null, "C30000001", null, "LE THI DI BO", "02/03/1990"]) {
    if (typed !== null) await keyboard.type(typed);
    await keyboard.press("Enter");
  }
  await page.page.reload();
  await page.page.waitForFunction(() => document.getElementById("name")?.value === "LE THI DI BO");
  await page.page.waitForFunction(() => document.activeElement?.id === "seat");
  await page.page.select("#sex", "female");
  await page.press("#save");
  await page.read("#said", "LE THI DI BO");
  await page.page.evaluate(() => (window.print = () => (window.wasPrinted = true)));
  await page.press("#print-one");
  await page.page.waitForFunction(() => window.wasPrinted === true);
  const [words, code] = await page.page.$eval("#sheets .one-pass", (card) => [card.textContent, card.querySelector("path").getAttribute("d")]);
  assert.ok(words.includes("LE THI DI BO") && code.length > 1_000, words);
  await page.page.emulateMediaType("print");
  await photograph(page, "arrivals-one-printed");
  const pdf = await page.page.pdf({ preferCSSPageSize: true });
  assert.equal(Buffer.from(pdf).toString("latin1").match(/\/Type\s*\/Page\b/g)?.length, 1, "one page, and nothing else");
  await page.page.emulateMediaType("screen");
  await page.choose("way", "passengers");
  await page.read("#seat-rows", "LE THI DI BO");
  assert.ok(!(await page.text("#seat-rows")).includes("PASSENGER"), "who flew is on other lists");
  await page.close();
});

test("an official whose place is not at the border is told so", async () => {
  const client = await Client.official(at.server, "officer");
  const page = await at.browser.open(at.server, { view: PHONE, language: "vi", client });
  await page.go("/arrivals");
  await page.says("#flaws", "other_border");
  const isSeen = (parts) => parts.some((part) => part.checkVisibility());
  assert.equal(await page.page.$$eval("main :is(input, table, select)", isSeen), false);
  await page.close();
});

function rowOf(index, i) {
  const seat = `${i < 6 ? 9 : 10}${"ABCDEF"[i % 6]}`;
  return `${seat},PASSENGER/${"ABCDEFGHIJ"[i]} MR,02/03/1990,M,M20000${index}${i},KOR,Khu cách ly Sài Gòn`;
}

/** As a spreadsheet of LibreOffice, where there is one; as CSV elsewhere. */
function spreadsheet(name, lines) {
  const csv = path.join(folder, name);
  fs.writeFileSync(csv, lines.join("\r\n"));
  if (spawnSync("soffice", ["--version"]).status !== 0) return csv;
  const home = `-env:UserInstallation=file://${path.join(folder, "office")}`;
  const filter = "--infilter=CSV:44,34,76,1,,2057";
  execFileSync("soffice", [home, "--headless", filter, "--convert-to", "xlsx", "--outdir", folder, csv], { stdio: "ignore" });
  return csv.replace(/\.csv$/, ".xlsx");
}

async function openArrivals(view, language, expects = []) {
  const client = await Client.official(at.server, "airport");
  const page = await at.browser.open(at.server, { view, language, client, expects });
  await page.go("/arrivals");
  await page.page.waitForFunction(() => document.activeElement?.id === "seat");
  return page;
}

async function fillLanding(page, flight) {
  await page.type("#number", flight);
  await page.page.select("#from", "KR");
  await page.page.select("#facility", FACILITY);
}

/** Seat, passport, its country, name, birth date, sex: Enter leads from one to the next, and saves at the end. */
async function typePassenger(page, { seat, passport, name }) {
  const { keyboard } = page.page;
  const said = await page.text("#said");
  await page.page.evaluate(() => document.getElementById("seat").select());
  for (const typed of [seat, passport, null, name, "02/03/1990"]) {
    if (typed !== null) await keyboard.type(typed);
    await keyboard.press("Enter");
  }
  await keyboard.press("ArrowDown"); // male
  await keyboard.down("Control");
  await keyboard.press("Enter");
  await keyboard.up("Control");
  await page.page.waitForFunction(
    (before) => document.getElementById("said").textContent !== before || !document.getElementById("disagrees").hidden || !document.getElementById("flaws").hidden,
    {},
    said,
  );
}

async function give(page, file) {
  const input = await page.page.$("#file");
  await input.uploadFile(file);
}

/** Prints, and looks at what would be on paper: a page of eight and one of two. */
async function printed(page) {
  await page.page.evaluate(() => (window.print = () => (window.wasPrinted = true)));
  await page.press("#print-passengers");
  await page.page.waitForFunction(() => window.wasPrinted === true);
  const sheets = await page.page.$$eval("#sheets img", (images) => images.map((image) => image.src));
  assert.equal(sheets.length, 2);
  const texts = await page.page.evaluate((urls) => Promise.all(urls.map(async (url) => (await fetch(url)).text())), sheets);
  assert.ok(texts[0].includes("PASSENGER A") && texts[1].includes("PASSENGER J"), "by seat");
  await page.page.emulateMediaType("print");
  await photograph(page, "arrivals-printed");
  const pdf = await page.page.pdf({ preferCSSPageSize: true });
  assert.equal(Buffer.from(pdf).toString("latin1").match(/\/Type\s*\/Page\b/g)?.length, 2, "two pages, and nothing else");
  await page.page.emulateMediaType("screen");
}

/** A list that comes late is not shown under a flight that was named since. */
async function isOfTheFlightInTheForm(page, flight) {
  await page.delaysAnswers("/arrivals?kind=flight&carriage=VN52&", 800);
  for (const number of ["VN52", flight]) {
    await page.page.$eval("#number", (field, value) => {
      field.value = value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }, number);
  }
  await page.read("#seat-rows", "PASSENGER J");
  await page.page.waitForFunction(() => globalThis.asked === 1);
  await page.page.waitForFunction(() => new Promise((wake) => setTimeout(() => wake(true), 1_500)));
  assert.ok((await page.text("#seat-rows")).includes("PASSENGER J"));
  await page.read("#passengers-said", flight);
}

/** Two of the flight show their passes at the airport's checkpoint; the ward of quarantine sees them come. */
async function scannedAtTheBorder(view, language, flight) {
  const airport = await Client.official(at.server, "airport");
  const day = await at.browser.open(at.server, { view, language, client: airport });
  await day.go("/arrivals");
  const date = await day.page.$eval("#date", (input) => input.value);
  await day.close();
  const { arrivals } = await airport.ask("GET", `/arrivals?carriage=${flight}&date=${date}`);
  assert.equal(arrivals.length, 10);
  const ward = await at.browser.open(at.server, { view, language, client: await Client.official(at.server, "ward-away") });
  await ward.go("/ward");
  await ward.says("#live", "live");
  const checkpoint = await at.browser.open(at.server, { view, language });
  await openCheckpoint(checkpoint, "airport");
  for (const { pass, declaration } of arrivals.slice(0, 2)) {
    const { pass: shown } = await airport.ask("POST", "/checkpoint/check", { pass });
    await scan(checkpoint, shown.token);
    await isVerdict(checkpoint, "valid");
    if (declaration === arrivals[0].declaration) await inspect(checkpoint, "checkpoint-arrival");
    await decide(checkpoint, "pass");
    await isAllSent(checkpoint);
    const row = `[data-declaration="${declaration}"]`;
    await ward.page.waitForSelector(row);
    await ward.says(row, "journey_under_way");
  }
  await inspect(ward, "ward-arrivals");
  for (const [i, { subject }] of arrivals.entries()) {
    const expected = i < 2 ? 1 : 0;
    const scans = await until(async () => {
      const found = await at.server.trail(subject);
      return found.length === expected ? found : null;
    }, `the trace has ${expected} scan of passenger ${i}`);
    if (expected === 1) assert.equal(scans[0].site, AIRPORT);
  }
  await ward.close();
  await checkpoint.close();
}
