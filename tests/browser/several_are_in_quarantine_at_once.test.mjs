// A ward has several people in quarantine before it: what is typed for one stays with that one, whatever the network
// does, and each that was seen elsewhere is told.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PHONE } from "./chromium.mjs";
import { Client, passOf } from "./client.mjs";
import { inspect } from "./looks.mjs";
import { decide, isAllSent, isVerdict, openCheckpoint, scan } from "./officer.mjs";
import { REGISTERED } from "./server.mjs";
import { stage } from "./stage.mjs";

const DAY_MS = 86_400_000;
const people = [];
const at = stage({ prepare });

/** Two in quarantine at home, and by whom they are kept. */
async function prepare({ server }) {
  for (const [index, person] of REGISTERED.slice(0, 2).entries()) people.push(await passOf(server, person, `091234530${index}`));
  const epidemiologist = await Client.official(server, "epidemiologist");
  for (const { subject } of people) await ordered(epidemiologist, subject);
}

async function ordered(client, subject) {
  const terms = { kind: "home", reason: "contact", until: Date.now() + 14 * DAY_MS };
  const { order } = await client.ask("POST", "/orders", { subject, terms });
  Object.assign(people.find((one) => one.subject === subject) ?? {}, { order });
}

test("what is typed for one is not there for another, and is there again for the one", async () => {
  const page = await openWard();
  const [one, other] = people;
  await page.press(`#open-${one.order}`);
  await page.read("#one-title", one.subject);
  await page.type("#temperature_c", "39,2");
  await page.type("#end-note", "Âm tính");
  await page.press(`#open-${other.order}`);
  await page.read("#one-title", other.subject);
  assert.deepEqual(await typed(page), ["", ""]);
  await page.press(`#open-${one.order}`);
  await page.read("#one-title", one.subject);
  assert.deepEqual(await typed(page), ["39,2", ""]);

  // The answer about one comes late: the other was opened since.
  await page.delaysAnswers(`/orders/${one.order}`, 1_000);
  await page.press(`#open-${one.order}`);
  await page.press(`#open-${other.order}`);
  await page.read("#one-title", other.subject);
  await page.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_500)));
  assert.equal(await page.text("#one-title"), other.subject);
  await page.close();
});

test("an entry whose answer was lost is written once, also by the page loaded anew", async () => {
  const page = await openWard("ward");
  const [one] = people;
  await page.press(`#open-${one.order}`);
  await page.type("#temperature_c", "37,1");
  await page.losesAnswers(`/orders/${one.order}/diary`);
  await page.press("#write");
  await page.says("#written", "diary_waiting");
  await page.go(`/quarantine?order=${one.order}`);
  await page.read("#one-title", one.subject);
  assert.equal((await typed(page))[0], "37,1");
  await page.press("#write");
  await page.says("#written", "diary_written");
  assert.equal((await typed(page))[0], "");
  const { diary } = await page.ask(`/orders/${one.order}`);
  assert.deepEqual(diary.map(({ temperature_c }) => temperature_c), [37.1]);
  await page.close();
});

test("a ward that was refused its ear hears again by itself, and nobody who types is disturbed by what fails", async () => {
  const page = await openPage("health", [503]);
  const server = { isBusy: true };
  await page.page.setRequestInterception(true);
  page.page.on("request", (request) => {
    const isRefused = server.isBusy && /orders\/live|orders\?/.test(request.url());
    void (isRefused ? request.respond({ status: 503, headers: { "retry-after": "1" } }) : request.continue());
  });
  await page.go("/quarantine");
  await page.says("#live", "not_live");
  server.isBusy = false;
  await page.says("#live", "live");

  const [one, other] = people;
  await page.press(`#open-${one.order}`);
  await page.read("#one-title", one.subject);
  await page.press("#note");
  server.isBusy = true;
  const ward = await Client.official(at.server, "ward");
  await ward.ask("POST", `/orders/${other.order}/diary`, { temperature_c: 36.5 });
  await page.says("#live", "not_live");
  assert.deepEqual(await page.page.evaluate(() => [document.activeElement.id, document.getElementById("flaws").hidden]), ["note", true]);
  server.isBusy = false;
  await page.says("#live", "live");
  await page.says(`[data-order="${other.order}"]`, "diary_count", { count: 1 });
  await page.close();
});

test("each that was seen elsewhere is told, until somebody has looked", async () => {
  const page = await openWard();
  const checkpoint = await at.browser.open(at.server, { view: PHONE, language: "vi" });
  await openCheckpoint(checkpoint);
  for (const { token } of people) {
    await scan(checkpoint, token);
    await isVerdict(checkpoint, "quarantine");
    await decide(checkpoint, "pass");
  }
  await isAllSent(checkpoint);
  for (const { order, subject } of people) await page.read(`#alarms [data-order="${order}"]`, subject);
  await inspect(page, "quarantine-alarms");
  await page.press(`#alarms [data-order="${people[0].order}"] button`);
  await page.read("#one-title", people[0].subject);
  const left = await page.page.$$eval("#alarms li", (alarms) => alarms.map((alarm) => alarm.dataset.order));
  assert.deepEqual(left, [people[1].order]);
  await page.close();
  await checkpoint.close();
});

async function openWard(account = "health") {
  const page = await openPage(account);
  await page.go("/quarantine");
  await page.says("#live", "live");
  return page;
}

async function openPage(account, expects = []) {
  const client = await Client.official(at.server, account);
  return at.browser.open(at.server, { view: PHONE, language: "vi", client, expects });
}

function typed(page) {
  return page.page.$$eval("#temperature_c, #end-note", (fields) => fields.map((field) => field.value));
}
