// What an officer has confirmed is in the engine once: without a network, with the browser killed, with two
// tabs, with the server killed as the scans arrive, with its device revoked. Over HTTPS alone: the switch
// that takes a browser's network away here does not reach WebTransport.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Browser, PHONE } from "./chromium.mjs";
import { passOf } from "./client.mjs";
import { photograph } from "./looks.mjs";
import { decide, isAllSent, isReady, isVerdict, isWaiting, openCheckpoint, scan } from "./officer.mjs";
import { REGISTERED, SITE, Server, until } from "./server.mjs";

const EXPECTED = ["offline", 404, 500, 502, 503];
let server;
const passes = [];

before(async () => {
  server = await Server.start([], "off");
  for (const index of [0, 1, 2, 3]) passes.push(await passOf(server, REGISTERED[index], `091234500${index}`));
});
after(() => server?.stop());

test("scans confirmed without a network survive the browser, and arrive once when it is back", async () => {
  const browser = await Browser.start();
  const page = await opened(browser);
  await openCheckpoint(page);
  await isKept(page);
  await page.page.setOfflineMode(true);
  for (const [index, { token }] of passes.entries()) {
    await scan(page, token);
    await isVerdict(page, "valid");
    await decide(page, index === 3 ? "refuse" : "pass");
  }
  await isWaiting(page, 4);
  await photograph(page, "checkpoint-offline");
  await browser.kill();
  await server.kill();
  const again = await Browser.start({ profile: browser.profile });
  const reopened = await opened(again);
  await reopened.go("/checkpoint");
  await isWaiting(reopened, 4);
  await reopened.says("#warnings", "warn_clock_stale");
  await scan(reopened, passes[0].token);
  await isVerdict(reopened, "valid");
  await reopened.press("#skip");
  const tab = await opened(again);
  await tab.go("/checkpoint");
  await tab.see("#elsewhere");
  await photograph(tab, "checkpoint-elsewhere");
  await tab.press("#use-here");
  await isWaiting(tab, 4);
  await reopened.see("#elsewhere");
  await server.launch();
  // A browser that is killed may have forgotten its session, but no scan.
  await openCheckpoint(tab);
  await isAllSent(tab);
  await eachIsThere([1, 1, 1, 1]);
  await again.stop();
});

test("scans are there once though the server is killed again and again as they arrive", async () => {
  const browser = await Browser.start();
  const page = await opened(browser);
  await openCheckpoint(page);
  for (let round = 0; round < 3; round++) {
    await page.page.setOfflineMode(true);
    for (const { token } of passes) {
      await scan(page, token);
      await isVerdict(page, "valid");
      await decide(page, "pass");
    }
    await isWaiting(page, 4);
    // Long enough that nothing can be undone any more: then all four go as one batch.
    await page.page.waitForFunction(() => document.getElementById("done").hidden, { timeout: 20_000 });
    const killed = killAsScansArrive(page, round * 10);
    await page.page.setOfflineMode(false);
    await killed;
    await server.launch();
    await page.page.evaluate(() => dispatchEvent(new Event("online")));
    await isAllSent(page);
  }
  await eachIsThere([4, 4, 4, 4]);
  await browser.stop();
});

test("a browser whose device is revoked while it holds scans enrols again, and they arrive once", async () => {
  const browser = await Browser.start();
  const page = await opened(browser);
  await openCheckpoint(page);
  const before = await counts();
  await page.page.setOfflineMode(true);
  for (const { token } of passes) {
    await scan(page, token);
    await isVerdict(page, "valid");
    await decide(page, "pass");
  }
  await isWaiting(page, 4);
  await page.page.waitForFunction(() => document.getElementById("done").hidden, { timeout: 20_000 });
  const enrolled = await devices();
  for (const { device } of enrolled) await server.truyvet("device", "revoke", String(device), "--url", server.url);
  await page.page.setOfflineMode(false);
  const isSent = async () => {
    await page.page.evaluate(() => dispatchEvent(new Event("online")));
    return page.page.$eval("#waiting", ({ dataset }) => dataset.tone === "good");
  };
  await until(isSent, "all is sent");
  await eachIsThere(before.map((count) => count + 1));
  const fresh = (await devices()).filter(({ device }) => !enrolled.some((one) => one.device === device));
  assert.deepEqual(fresh.map(({ site, durable_seq }) => [site, Number(durable_seq)]), [[SITE, 4]], "one new device");
  await browser.stop();
});

async function devices() {
  const told = JSON.parse(await server.truyvet("device", "list", "--url", server.url));
  return told.devices ?? told;
}

function opened(browser) {
  return browser.open(server, { view: PHONE, language: "vi", shared: true, expects: EXPECTED });
}

/** Kills the server so many milliseconds after the page began to send. */
async function killAsScansArrive(page, delayMs) {
  await page.page.waitForRequest((request) => request.url().includes("/api/v1/scans"), { timeout: 30_000 });
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  await server.kill();
}

async function isKept(page) {
  await isReady(page);
  const kept = () => page.page.evaluate(async () => {
    const cached = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
    return cached.flat().some(({ url }) => new URL(url).pathname === "/checkpoint");
  });
  await until(kept, "the checkpoint is kept for want of a network");
}

async function eachIsThere(expected) {
  assert.deepEqual(await counts(), expected);
}

/** Scans of each pass that the engine holds. */
async function counts() {
  const trails = await Promise.all(passes.map(({ subject }) => server.trail(subject)));
  return trails.map(({ length }) => length);
}
