// An epidemiologist orders quarantine for all whom a case met; the ward sees who is to stay, keeps the diary, and
// sees a breach as it happens; the citizen reads the order in plain words. No page is loaded again for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { DESK, PHONE } from "./chromium.mjs";
import { Client, passOf } from "./client.mjs";
import { inspect } from "./looks.mjs";
import { decide, isAllSent, isVerdict, openCheckpoint, scan } from "./officer.mjs";
import { FACILITY, REGISTERED } from "./server.mjs";
import { stage } from "./stage.mjs";

const at = stage();
const PAIRS = [
  [REGISTERED[0], REGISTERED[1], PHONE, "vi", "officer", "Chốt Cầu Phù Đổng"],
  [REGISTERED[2], REGISTERED[3], DESK, "en", "officer-2", "Chốt Pháp Vân"],
];

for (const [index, [caseOf, met, view, language, officer, site]] of PAIRS.entries()) {
  test(`from a trace answer to a breach and the end, on a ${view.name} in ${language}`, async () => {
    const phone = `091234510${index}`;
    const f0 = await passOf(at.server, caseOf, `091234500${index}`);
    const contact = await passOf(at.server, met, phone);
    const checkpoint = await at.browser.open(at.server, { view: PHONE, language });
    await openCheckpoint(checkpoint, officer);
    for (const { token } of [f0, contact]) await pass(checkpoint, token);
    await isAllSent(checkpoint);
    await pause(1_100); // the page's times are whole seconds

    const ward = await openWard(view, language);
    await ward.see("#none");
    const row = await ordered(view, language, f0, contact, ward);
    assert.ok(!(await ward.text(row)).includes(met.name), "no name is shown");
    await inspect(ward, "quarantine-list");

    await ward.press(`${row} button`);
    await ward.read("#one-title", contact.subject);
    await ward.type("#temperature_c", "368");
    await ward.press("#write");
    await ward.see("#flaws");
    await inspect(ward, "quarantine-diary-flaw");
    await ward.page.$eval("#temperature_c", (input) => (input.value = ""));
    await ward.type("#temperature_c", language === "vi" ? "38,2" : "38.2");
    await ward.press('label:has(input[value="fever"])');
    await ward.press("#write");
    await ward.says("#written", "diary_written");
    await ward.says("#one-diary li", "symptom_fever");
    await inspect(ward, "quarantine-order");

    await scan(checkpoint, contact.token);
    await isVerdict(checkpoint, "quarantine");
    await inspect(checkpoint, "checkpoint-quarantine");
    await decide(checkpoint, "pass");
    await isAllSent(checkpoint);
    const sent = Date.now();
    await ward.read("#alarm", contact.subject);
    console.log(`# the breach was seen ${Date.now() - sent} ms after the checkpoint knew that it was sent`);
    await ward.says(row, "order_breached");
    await ward.read("#one-breaches li", site);
    await inspect(ward, "quarantine-breach");

    await seenByOneself(view, language, met, phone, site);
    await ended(view, language, contact);
    await ward.page.waitForFunction((gone) => !document.querySelector(gone), {}, row);
    await ward.choose("state", "ended");
    await ward.says(row, "order_ended");
    await inspect(ward, "quarantine-ended");
    await ward.close();
    await checkpoint.close();
  });
}

test("whoever looks at who travels is told of a breach too, and finds the order", async () => {
  const [person] = REGISTERED;
  const { subject } = await passOf(at.server, person, "0912345200");
  const client = await Client.official(at.server, "epidemiologist");
  const order = await orderedAlone(client, subject);
  const page = await at.browser.open(at.server, { view: PHONE, language: "vi", client });
  await page.go("/ward");
  await page.says("#live", "live");
  const checkpoint = await at.browser.open(at.server, { view: PHONE, language: "vi" });
  await openCheckpoint(checkpoint);
  const { token } = await passOf(at.server, person, "0912345200");
  await pass(checkpoint, token);
  await page.read("#alarm", subject);
  await inspect(page, "ward-breach");
  await page.press("#alarms a");
  await page.read("#one-title", subject);
  assert.ok(page.page.url().includes(order));
  // Moved home: another order goes on.
  await page.press("#move-yes");
  await page.says("#one-facts", "order_home");
  await page.close();
  await checkpoint.close();
});

/** Orders a facility for one person, from the page where people are looked up; the order's number. */
async function orderedAlone(client, subject) {
  const page = await at.browser.open(at.server, { view: PHONE, language: "vi", client });
  await page.go(`/desk?subject=${subject}`);
  await page.see("#person");
  await inspect(page, "desk-person");
  await page.press("#order-person");
  await page.says("#live", "live");
  await inspect(page, "quarantine-for-one");
  await page.press("#for-one-ask");
  await page.says("#order-told", "order_would", { n: "1", areas: "1" });
  await page.choose("kind", "facility");
  await page.page.select("#order-site", FACILITY);
  await page.page.select("#order-reason", "case");
  await page.says("#order-told", "order_would", { n: "1", areas: "1" });
  await page.press("#order-yes:not(:disabled)");
  await page.says("#order-told", "order_done", { n: "1" });
  await page.press("#order-close");
  const row = "#orders [data-order]";
  await page.read(row, subject);
  const number = await page.page.$eval(row, (found) => found.dataset.order);
  await page.close();
  return number;
}

async function pass(checkpoint, token) {
  await scan(checkpoint, token);
  await checkpoint.see("#pass");
  await decide(checkpoint, "pass");
}

async function openWard(view, language) {
  const client = await Client.official(at.server, "ward");
  const page = await at.browser.open(at.server, { view, language, client, expects: [409, 422] });
  await page.go("/quarantine");
  await page.says("#live", "live");
  return page;
}

/** Orders from the answer to a question; the row that the ward sees by itself. */
async function ordered(view, language, f0, contact, ward) {
  const client = await Client.official(at.server, "epidemiologist");
  const page = await at.browser.open(at.server, { view, language, client });
  await page.go("/trace");
  await page.page.waitForFunction(() => document.getElementById("from").value !== "");
  await page.type("#code", f0.subject);
  if (language === "en") await page.choose("question", "chain");
  await isToldTheEnd(page);
  const bodies = [];
  page.page.on("request", (request) => request.url().endsWith("/orders/bulk") && bodies.push(JSON.parse(request.postData())));
  await page.delaysAnswers("/trace/", 1_000);
  await page.press("#form button");
  // Whoever asks something else meanwhile orders for the answer that is shown.
  await page.choose("question", "passed");
  await page.see("#order-part");
  await page.read("#result", contact.subject);
  await inspect(page, "trace-answer");
  await page.press("#order-all");
  await page.says("#order-told", "order_would", { n: "1", areas: "1" });
  await inspect(page, "trace-order");
  await page.press("#order-yes:not(:disabled)");
  await page.says("#order-told", "order_done", { n: "1" });
  await inspect(page, "trace-ordered");
  assert.ok(bodies.length >= 2);
  const asked = language === "en" ? ["chain", "terms"] : ["contacts", "stays", "terms"];
  for (const { tried, ...body } of bodies) assert.deepEqual(Object.keys(body).sort(), asked);
  await page.close();
  const row = "#orders [data-order]";
  await ward.read(row, contact.subject);
  return `#orders [data-order="${await ward.page.$eval(row, (found) => found.dataset.order)}"]`;
}

/** An end before the beginning is told in the page's language, at its field, and nobody is asked. */
async function isToldTheEnd(page) {
  const to = await page.page.$eval("#to", (field) => [field.value, (field.value = document.getElementById("from").value)][0]);
  await page.press("#form button");
  await page.says("#problem", "flaw_to_before_from");
  assert.equal(await page.page.$eval("#to", (field) => field.ariaInvalid === "true" && document.activeElement === field), true);
  await page.page.$eval("#to", (field, value) => (field.value = value), to);
}

/** The citizen's own page says it in plain words, and takes an entry. */
async function seenByOneself(view, language, met, phone, site) {
  const client = await Client.citizen(at.server, met.number, phone);
  const page = await at.browser.open(at.server, { view, language, client });
  await page.go("/quarantine/own");
  await page.see("#own");
  await page.read("#own-breaches li", site);
  // Silence is not being well: that is said.
  await page.press("#write");
  await page.see('[data-field="symptoms"].wrong');
  await page.press('label:has(input[value="none"])');
  await page.press("#write");
  await page.says("#written", "diary_written");
  await page.says("#one-diary li", "well");
  await inspect(page, "own-quarantine");
  await page.close();
}

/** An official of the area who may ends it. */
async function ended(view, language, { subject }) {
  const client = await Client.official(at.server, "health");
  const page = await at.browser.open(at.server, { view, language, client });
  await page.go("/quarantine");
  await page.press('#orders li:has(.breach) button');
  await page.read("#one-title", subject);
  await page.see("#change");
  await inspect(page, "quarantine-change");
  await page.type("#end-note", "Âm tính hai lần");
  // Twice is once.
  await page.page.$eval("#end-yes", (button) => [button.click(), button.click()]);
  await page.says("#one-state", "order_ended");
  assert.equal(await page.text("#flaws"), "");
  await page.read("#one-facts", "Âm tính hai lần");
  await page.close();
}
