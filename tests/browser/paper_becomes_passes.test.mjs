// An official types paper declarations by keyboard alone, uploads a table, corrects the rows that were refused,
// uploads those, and prints; a traveller passes a checkpoint, and the trace has the scan once.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { DESK, PHONE } from "./chromium.mjs";
import { Client } from "./client.mjs";
import { inspect, photograph } from "./looks.mjs";
import { decide, isAllSent, openCheckpoint, scan } from "./officer.mjs";
import { REGISTERED, until } from "./server.mjs";
import { stage } from "./stage.mjs";

const at = stage();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "truyvet-paper-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const LOOKS = [[PHONE, "vi"], [DESK, "en"], [DESK, "vi"], [PHONE, "en"]];

for (const [index, [view, language]] of LOOKS.entries()) {
  const name = `${view.name}, ${language}`;

  test(`paper is typed by keyboard alone: ${name}`, async () => {
    const page = await openPaper(view, language, [409]);
    const [first, second] = [REGISTERED[1], person(index, 2)];
    await typePerson(page, first);
    await typeJourney(page);
    await page.says("#document-says", "sex_female");
    await inspect(page, "paper-entry");
    await page.page.keyboard.press("Enter");
    await page.read("#entered", first.name);
    await page.says("#entered", "state_verified");
    const pass = await page.text("#entered li .note");

    // The journey stays, the focus is on the first field, and a reload loses nothing.
    await typePerson(page, second);
    await page.page.reload();
    await page.see("#entry");
    await page.page.waitForFunction((name) => document.getElementById("person.name").value === name, {}, second.name);
    assert.equal(await page.page.$eval('[name="journey.to"]', (hidden) => hidden.value), "VN25-26740");
    assert.ok(!(await page.text("#entered")).includes(first.name), "the list names nobody after a reload");
    const presses = page.presses;
    await page.page.evaluate(() => document.getElementById("person.name").focus());
    await page.page.keyboard.down("Control");
    await page.page.keyboard.press("Enter");
    await page.page.keyboard.up("Control");

    // The register does not know the second one: what stands on the paper is confirmed.
    await page.see("#disagrees");
    await inspect(page, "paper-disagrees");
    await page.page.keyboard.press("Tab");
    await page.page.keyboard.press("Enter");
    await page.read("#entered", second.name);
    assert.equal(page.presses, presses, "no finger, no mouse");
    assert.ok(pass.length > 10, pass);

    // A flaw stands at its field, which has the focus again after it was told.
    await page.page.keyboard.type("12");
    await page.page.keyboard.down("Control");
    await page.page.keyboard.press("Enter");
    await page.page.keyboard.up("Control");
    await page.see('[data-field="person.documents[0].number"].wrong');
    await inspect(page, "paper-entry-flaws");
    await signOutLeavesNothing(page);
  });

  test(`a table is uploaded, corrected, uploaded again and printed: ${name}`, async () => {
    const page = await openPaper(view, language);
    await page.choose("way", "table");
    const rows = Array.from({ length: 10 }, (_, i) => rowOf(person(index, 10 + i)));
    rows[3] = rows[3].replace(/,[^,]*1990,/, ",1990,");
    rows[7] = rows[7].replace("Phường Sài Gòn", "Phường Không Có");
    const table = write("bang.csv", [HEADER, ...rows].join("\r\n"));
    await give(page, table);
    await page.says("#counts", "counts", { rows: 10, good: 8, bad: 2 });
    await page.says("#preview-flaws", "wrong_year_alone");
    await inspect(page, "paper-preview");
    await page.press("label:has(#table-seen)");
    await page.press("label:has(#accept-mismatches)");
    await page.press("#send-table");
    await page.says("#result-counts", "upload_counts", { accepted: 8, was_there: 0, refused: 2, rows: 10 });
    await inspect(page, "paper-result");

    // The rows to correct come back as a file that can be sent again.
    const address = await page.page.$eval("#refused", (link) => link.href);
    const refused = await page.page.evaluate(async (url) => (await fetch(url)).text(), address);
    assert.ok(refused.includes("(Truyvet)"), refused);
    const corrected = refused.replace(",1990,", ",2/3/1990,").replace("Phường Không Có", "Phường Sài Gòn");
    await give(page, write("sua.csv", corrected));
    await page.says("#counts", "counts", { rows: 2, good: 2, bad: 0 });
    await page.says("#columns-about", "columns_remembered", { row: 1 });
    await page.press("#send-table");
    await page.says("#result-counts", "upload_counts", { accepted: 2, was_there: 0, refused: 0, rows: 2 });

    // The whole table again adds nothing.
    rows[3] = rows[3].replace(",1990,", ",2/3/1990,");
    rows[7] = rows[7].replace("Phường Không Có", "Phường Sài Gòn");
    await give(page, write("lai.csv", [HEADER, ...rows].join("\r\n")));
    await page.says("#counts", "counts", { rows: 10, good: 10, bad: 0 });
    await page.press("#send-table");
    await page.says("#result-counts", "upload_counts", { accepted: 0, was_there: 10, refused: 0, rows: 10 });

    await printed(page, person(index, 10).name, person(index, 19).name);
    await page.close();
  });
}

test("a paper whose answer was lost is one declaration, though it is saved again minutes later by the page loaded anew", async () => {
  const page = await openPaper(PHONE, "vi");
  await typePerson(page, REGISTERED[1]);
  await typeJourney(page);
  await page.page.$eval('[id="journey.departs_at"]', (field) => {
    field.value = "";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  const before = await entries(page);
  await page.losesAnswers("/paper/declarations");
  await page.page.keyboard.press("Enter");
  await until(async () => (await entries(page)) === before + 1, "it has arrived");
  await page.page.evaluateOnNewDocument(() => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + 3 * 60_000;
  });
  await page.page.reload();
  await page.page.waitForFunction((name) => document.getElementById("person.name").value === name, {}, REGISTERED[1].name);
  await page.page.waitForFunction(() => document.getElementsByName("journey.to")[0]?.value);
  await page.page.evaluate(() => document.getElementById("journey.vehicle.plate").focus());
  await page.page.keyboard.press("Enter");
  await page.read("#entered", REGISTERED[1].name);
  assert.equal(await entries(page), before + 1);
  await page.says("#entered-count", "entered_count", { n: before + 1 });
  await page.close();
});

test("a paper that is saved twice is sent once, and who is typed next is not taken away by a second answer", async () => {
  const page = await openPaper(DESK, "vi");
  await typePerson(page, REGISTERED[2]);
  await typeJourney(page);
  await page.delaysAnswers("/paper/declarations", 600);
  const { keyboard } = page.page;
  await keyboard.down("Control");
  for (let press = 0; press < 3; press += 1) await keyboard.press("Enter");
  await keyboard.up("Control");
  await page.read("#entered", REGISTERED[2].name);
  await keyboard.type("0790");
  await page.page.waitForFunction(() => new Promise((wake) => setTimeout(() => wake(true), 1_500)));
  const [typed, asked] = await page.page.evaluate(() => [document.activeElement.value, globalThis.asked]);
  assert.deepEqual([typed, asked], ["0790", 1]);
  await page.says("#print-one", "print_one", { name: REGISTERED[2].name });
  await page.close();
});

test("a table that did not get through is sent as its columns were told, once there is a network again", async () => {
  const page = await openPaper(PHONE, "vi", ["offline"]);
  await page.choose("way", "table");
  await give(page, write("mang.csv", [HEADER, rowOf(person(5, 1))].join("\r\n")));
  await page.says("#counts", "counts", { rows: 1, good: 1, bad: 0 });
  const before = await page.page.$("#column-H");
  await page.page.select("#column-H", "");
  await page.page.waitForFunction((select) => !select.isConnected, {}, before);
  await page.press("label:has(#table-seen)");
  await page.press("label:has(#accept-mismatches)");
  await page.page.waitForNetworkIdle();
  await page.page.setOfflineMode(true);
  await page.press("#send-table");
  await page.says("#table-said", "unreachable");
  assert.equal(await page.page.$eval("#column-H", (select) => select.checkVisibility() && select.value), "");
  await inspect(page, "paper-not-sent");
  await page.page.setOfflineMode(false);
  await page.press("#send-table");
  await page.says("#result-counts", "upload_counts", { accepted: 1, was_there: 0, refused: 0, rows: 1 });
  await page.close();
});

test("on a page that was open at midnight nothing of the day before is printed, and nothing fails", async () => {
  const page = await openPaper(PHONE, "vi");
  await page.see("#print-entered");
  await page.page.evaluate(() => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + 86_400_000;
    window.print = () => (window.wasPrinted = true);
  });
  await page.press("#print-entered");
  await page.page.waitForFunction(() => document.getElementById("entered-part").hidden);
  await page.page.waitForFunction(() => document.getElementById("print-said").hidden);
  assert.equal(await page.page.evaluate(() => window.wasPrinted), undefined);
  await page.close();
});

/** How many declarations were entered from paper. */
async function entries(page) {
  return (await page.ask("/paper/entries?since=0")).entries.length;
}

test("who was entered from paper passes a checkpoint, and the trace has the scan once", async () => {
  const ward = await Client.official(at.server, "ward");
  const { pass, subject } = await entered(ward, person(9, 1));
  const checkpoint = await at.browser.open(at.server, { view: PHONE, language: "vi" });
  await openCheckpoint(checkpoint);
  await scan(checkpoint, pass.token);
  await decide(checkpoint, "pass");
  await isAllSent(checkpoint);
  const trail = await until(async () => {
    const scans = await at.server.trail(subject);
    return scans.length > 0 ? scans : null;
  }, "the trace has the scan");
  assert.equal(trail.length, 1, "once");
  assert.equal(trail[0].site, "HN-01");
  await checkpoint.close();
});

test("a column that is missing is told before anything can be sent, and a file that is none is told", async () => {
  const page = await openPaper(PHONE, "vi", [400]);
  await page.choose("way", "table");
  await give(page, write("thieu.csv", "Họ tên,Ngày sinh,Số CCCD,Thường trú\nMai,2/3/1990,001190000001,VN25-00097\n"));
  await page.read("#missing", await page.words("field_to"));
  assert.ok(await page.page.$eval("#send-table", (button) => button.disabled));
  await inspect(page, "paper-missing");
  await give(page, write("hong.xlsx", "PK\u0003\u0004 and nothing else"));
  await page.says("#table-said", "table_unreadable");
  await page.close();
});

const HEADER = "STT,Họ và tên,Ngày sinh,Số CCCD,Nơi thường trú,Nơi đến,Ngày đi,Điện thoại";

function person(look, number) {
  const birth_date = "1990-03-02";
  const name = `Nguyễn Thị ${["Một", "Hai", "Ba", "Bốn"][look] ?? "Năm"} ${number}`;
  return { birth_date, name, number: `00119000${look}${String(number).padStart(3, "0")}` };
}

function rowOf({ number, name }) {
  const tomorrow = new Date(Date.now() + 86_400_000 + 7 * 3_600_000).toISOString().slice(0, 10).split("-").reverse().join("/");
  return `1,${name},02/03/1990,${number},"Phường Hồng Hà, Hà Nội","Phường Sài Gòn, TP.HCM",${tomorrow},`;
}

function write(name, text) {
  const file = path.join(folder, name);
  fs.writeFileSync(file, text);
  return file;
}

async function give(page, file) {
  const input = await page.page.$("#file");
  await input.uploadFile(file);
}

async function openPaper(view, language, expects = []) {
  const client = await Client.official(at.server, "ward");
  const page = await at.browser.open(at.server, { view, language, client, expects });
  await page.go("/paper");
  await page.page.waitForFunction(() => document.activeElement?.id === "person.documents[0].number");
  return page;
}

/** Document, name, birth date, then the ward: Enter leads from one to the next. */
async function typePerson(page, { number, name, birth_date }) {
  const { keyboard } = page.page;
  const goOn = () => keyboard.press("Enter");
  assert.equal(await page.page.evaluate(() => document.activeElement.id), "person.documents[0].number");
  await keyboard.type(number);
  await goOn();
  await keyboard.type(name);
  await goOn();
  await keyboard.type(birth_date.split("-").reverse().join("/"));
  await goOn();
  await goOn(); // the number has told the sex
  await chooseArea(page, "person.permanent.area", "phuong hong ha");
}

async function typeJourney(page) {
  await page.page.keyboard.press("Enter"); // no telephone
  await chooseArea(page, "journey.from", "phuong hong ha");
  await chooseArea(page, "journey.to", "phuong sai gon");
  for (let field = 0; field < 3; field += 1) await page.page.keyboard.press("Enter");
  assert.equal(await page.page.evaluate(() => document.activeElement.id), "journey.vehicle.plate");
}

/** Types into the area that has the focus, and takes the first that is found. */
async function chooseArea(page, field, query) {
  assert.equal(await page.page.evaluate(() => document.activeElement.id), field);
  await page.page.keyboard.type(query);
  await page.see(`[id="${field}-list"] li`);
  await page.page.keyboard.press("Enter");
}

async function signOutLeavesNothing(page) {
  await page.press("#sign-out");
  await page.page.waitForFunction(() => location.pathname === "/");
  const left = await page.page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
  assert.ok(!left.includes("Nguyễn") && !left.includes("00119"), left);
  await page.close();
}

/** Prints, and looks at what would be on paper: a page of eight and one of two. */
async function printed(page, first, last) {
  await page.page.evaluate(() => (window.print = () => (window.wasPrinted = true)));
  await page.press("#print-upload button");
  await page.page.waitForFunction(() => window.wasPrinted === true);
  const sheets = await page.page.$$eval("#sheets img", (images) => images.map((image) => image.src));
  assert.equal(sheets.length, 2);
  const texts = await page.page.evaluate((urls) => Promise.all(urls.map(async (url) => (await fetch(url)).text())), sheets);
  assert.ok(texts[0].includes(first) && texts[1].includes(last));
  await page.page.emulateMediaType("print");
  await photograph(page, "paper-printed");
  const pdf = await page.page.pdf({ preferCSSPageSize: true });
  assert.equal(Buffer.from(pdf).toString("latin1").match(/\/Type\s*\/Page\b/g)?.length, 2, "two pages, and nothing else");
  await page.page.emulateMediaType("screen");
}

/** Entered by an official without a telephone, with the code of the subject that an officer is told. */
async function entered(ward, { number, name }) {
  const declaration = {
    person: { name, birth_date: "1990-03-02", sex: "female", documents: [{ kind: "citizen_id", number }], permanent: { area: "VN25-00097" } },
    journey: { from: "VN25-00097", to: "VN25-26740", departs_at: Date.now(), purpose: "work" },
    health: { exposure: "none", vaccine_doses: 0 },
  };
  // The register knows nobody of this number: the official has seen the document, and says so.
  const { pass } = await ward.ask("POST", "/paper/declarations", { declaration, document_seen: true, accept_mismatches: true });
  const officer = await Client.official(at.server, "officer");
  const { facts } = await officer.ask("POST", "/checkpoint/check", { token: pass.token });
  return { pass, subject: facts.subject };
}
