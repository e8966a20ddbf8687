// The network goes while one fills in and sends; the page is loaded again in the middle; one declaration
// arrives, with all that was typed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PHONE } from "./chromium.mjs";
import { confirmIdentity, fillAll, fillHealth, fillJourney, fillPerson, next, passShown } from "./declaring.mjs";
import { photograph } from "./looks.mjs";
import { HOME, REGISTERED, until } from "./server.mjs";
import { stage } from "./stage.mjs";

const [AN, BINH, CUONG, DUNG] = REGISTERED;
const at = stage();

test("what was typed without a network is there after the page was loaded again, and arrives once", async () => {
  const page = await at.browser.open(at.server, { view: PHONE, language: "vi", expects: ["offline"] });
  await page.go("/declare");
  await confirmIdentity(page, AN.number, "0912345001");
  await fillPerson(page, AN);
  await next(page, 3);
  await fillJourney(page);
  for (const kept of ["/declare", "/pass/", "/passes"]) await isKeptOffline(page, kept);
  await page.page.setOfflineMode(true);
  await next(page, 4);
  await page.page.reload();
  await page.see("#step-4");
  await fillHealth(page);
  await next(page, 5);
  await page.page.reload();
  await page.read("#review", AN.name);
  await page.read("#review", "29-X1 123.45");
  await page.read("#review", "Phường Sài Gòn");
  await page.press("#next");
  await page.says("#sync", "sync_waiting");
  await photograph(page, "declare-waiting");
  await page.page.reload();
  await page.says("#sync", "sync_waiting");
  await page.page.setOfflineMode(false);
  const { number } = await passShown(page);
  await arrivedOnce(page, AN, number);
  await page.page.setOfflineMode(true);
  await page.page.reload();
  await page.see("#qr");
  await photograph(page, "pass-offline");
});

test("a declaration whose answer was lost is sent again, and is still one", async () => {
  const page = await at.browser.open(at.server, { view: PHONE, language: "en", expects: ["offline"] });
  await page.go("/declare");
  await confirmIdentity(page, BINH.number, "0912345002");
  await fillAll(page, BINH);
  await loseAnswers(page, 2);
  await page.press("#next");
  await page.says("#sync", "sync_waiting");
  await page.page.reload();
  const { number } = await passShown(page);
  assert.equal(page.lost, 2);
  await arrivedOnce(page, BINH, number);
});

for (const [moment, person, sent] of [
  ["arrives", CUONG, (page) => page.press("#next")],
  ["is answered", DUNG, pressAndHear],
]) {
  test(`a server that is killed as a declaration ${moment}, and started again, holds it once`, async () => {
    const page = await at.browser.open(at.server, { view: PHONE, language: "vi", expects: ["offline"] });
    await page.go("/declare");
    await confirmIdentity(page, person.number, "0912345003");
    await fillAll(page, person);
    await isKeptOffline(page, "/pass/");
    await sent(page);
    await at.server.kill();
    await at.server.launch();
    const { number } = await passShown(page);
    await arrivedOnce(page, person, number);
  });
}

/** Sends, and waits for the server's answer: the browser is on its way to the pass then. */
async function pressAndHear(page) {
  const isAnswer = (response) => response.url().endsWith("/api/v1/declarations") && response.request().method() === "POST";
  await Promise.all([page.page.waitForResponse(isAnswer), page.press("#next")]);
}

/** A page can be opened without a network once its service worker has kept it. */
async function isKeptOffline(page, pathname) {
  const isKept = () => page.page.evaluate(async (sought) => {
    const cached = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
    return cached.flat().some(({ url }) => new URL(url).pathname === sought);
  }, pathname);
  await until(isKept, "the pages are kept for want of a network");
}

/** Lets requests to declare arrive, and their answers get lost. */
async function loseAnswers(page, count) {
  page.lost = 0;
  const session = await page.page.createCDPSession();
  await session.send("Fetch.enable", { patterns: [{ urlPattern: "*/api/v1/declarations", requestStage: "Response" }] });
  session.on("Fetch.requestPaused", async ({ requestId, request }) => {
    const isLost = request.method === "POST" && page.lost < count;
    if (isLost) page.lost += 1;
    await (isLost
      ? session.send("Fetch.failRequest", { requestId, errorReason: "ConnectionReset" })
      : session.send("Fetch.continueRequest", { requestId })).catch(() => undefined);
  });
}

async function arrivedOnce(page, person, number) {
  const { declarations } = await page.ask("/declarations");
  assert.deepEqual(declarations.map(({ pass }) => pass.pass), [number]);
  const { declaration } = await page.ask("/declarations/last");
  assert.equal(declaration.person.name, person.name);
  assert.equal(declaration.journey.from, HOME);
  assert.equal(declaration.journey.vehicle.plate.replace(/\W/g, ""), "29X112345");
  assert.equal(declaration.health.vaccine_doses, 2);
}
