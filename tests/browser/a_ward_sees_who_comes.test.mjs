// A ward's official watches as a citizen declares, passes a checkpoint, and arrives; the pages are nowhere
// loaded again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DESK, PHONE } from "./chromium.mjs";
import { Client, declarationOf } from "./client.mjs";
import { inspect } from "./looks.mjs";
import { decide, isAllSent, openCheckpoint, scan } from "./officer.mjs";
import { HOME, REGISTERED } from "./server.mjs";
import { stage } from "./stage.mjs";

const [AN, BINH] = REGISTERED;
const at = stage();

for (const [view, language, person] of [[PHONE, "vi", AN], [DESK, "en", BINH]]) {
  test(`a ward sees a journey as it happens on a ${view.name}`, async () => {
    const page = await openWard(view, language);
    const citizen = await Client.citizen(at.server, person.number, "0912345001");
    const { declaration, pass } = await citizen.declare(person);
    const row = `[data-declaration="${declaration}"]`;
    await page.page.waitForSelector(row);
    await page.says(row, "journey_expected");
    assert.ok(!(await page.text(row)).includes(person.name), "no name is shown");

    const checkpoint = await at.browser.open(at.server, { view: PHONE, language });
    await openCheckpoint(checkpoint);
    await scan(checkpoint, pass.token);
    await decide(checkpoint, "pass");
    await isAllSent(checkpoint);
    const sent = Date.now();
    await page.says(row, "journey_under_way");
    console.log(`# seen in the ward ${Date.now() - sent} ms after the checkpoint knew that it was sent`);
    await page.read(row, "Chốt Cầu Phù Đổng");
    await inspect(page, "ward-under-way");

    await page.press(`${row} a`);
    await page.read("#person-name", person.name);
    await inspect(page, "desk-from-ward");
    await page.close();
    await checkpoint.close();
  });
}

test("the official of a ward says that a traveller has arrived, and sees those alone who are wanted", async () => {
  const citizen = await Client.citizen(at.server, AN.number, "0912345002");
  const { journey } = declarationOf(AN);
  const { declaration } = await citizen.declare(AN, { journey: { ...journey, to: HOME } });
  const page = await openWard(PHONE, "vi");
  const row = `[data-declaration="${declaration}"]`;
  await page.page.waitForSelector(row);
  await page.press(`#arrived-${declaration}`);
  await page.says(row, "journey_arrived");
  await page.page.select("#state", "expected");
  await page.page.waitForFunction((gone) => !document.querySelector(gone), {}, row);
  await inspect(page, "ward-filtered");
  await page.close();
});

test("the file of a day has the day's journeys and no names", async () => {
  const ward = await Client.official(at.server, "ward");
  const now = Date.now();
  const answer = await ward.fetch("GET", `/notices/digest?from=${now - 3_600_000}&to=${now + 1_000}`);
  const file = await answer.text();
  assert.ok(file.split("\n").length > 3 && file.startsWith("declaration,side,state,"), file);
  assert.ok(!file.includes(AN.name) && !file.includes(AN.number));
});

async function openWard(view, language) {
  const client = await Client.official(at.server, "ward");
  const page = await at.browser.open(at.server, { view, language, client });
  await page.go("/ward");
  await page.says("#live", "live");
  return page;
}
