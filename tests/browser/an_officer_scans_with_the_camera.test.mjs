// Real passes before the camera of a browser: verdict, decision, and the scan in the engine exactly once.

import assert from "node:assert/strict";
import fs from "node:fs";
import { after, before, test } from "node:test";

import { Browser, DESK, PHONE } from "./chromium.mjs";
import { Client } from "./client.mjs";
import { inspect } from "./looks.mjs";
import { decide, isAllSent, isVerdict, openCheckpoint, signAndColour } from "./officer.mjs";
import { film } from "./qr.mjs";
import { REGISTERED, Server, until } from "./server.mjs";

const LATENCIES = 5;
const LATENCY_MS_MAX = 3_000;
let server;

before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

test("a valid pass is told by word, sign and colour, and its passage is in the engine once", async () => {
  const { file, subject } = await filmOf(REGISTERED[0], "0912345001");
  await atCheckpoint(file, { view: PHONE, language: "vi" }, async (page) => {
    await isVerdict(page, "valid");
    await page.read("#declared", REGISTERED[0].name);
    await page.read("#declared", "29-X1 123.45");
    const { signs, colour: [red, green] } = await signAndColour(page);
    assert.deepEqual(signs, ["sign-good"]);
    assert.ok(green > red);
    await inspect(page, "checkpoint-valid");
    await decide(page, "pass");
    await inspect(page, "checkpoint-passed");
    await isAllSent(page);
    await trailIs(subject, 1);
  });
  await trailIs(subject, 1);
});

test("a refused pass of a watched person is one scan too", async () => {
  const { file, subject } = await filmOf(REGISTERED[1], "0912345002");
  const epidemiologist = await Client.official(server, "epidemiologist");
  await epidemiologist.ask("POST", "/watch", { subject, reason: "contact" });
  await atCheckpoint(file, { view: DESK, language: "en" }, async (page) => {
    await isVerdict(page, "watch");
    await page.says("#also", "reason_contact");
    const { signs, colour: [red, green] } = await signAndColour(page);
    assert.deepEqual(signs, ["sign-stop"]);
    assert.ok(red > green);
    await inspect(page, "checkpoint-watch");
    await decide(page, "refuse");
    await isAllSent(page);
    await trailIs(subject, 1);
  });
});

test("the verdict follows the picture within three seconds on a quarter of this processor", async () => {
  const { file } = await filmOf(REGISTERED[2], "0912345003", { before: 60, shown: 60 });
  await atCheckpoint(file, { view: PHONE, language: "vi" }, async (page) => {
    await page.page.evaluate(watchLatency);
    await page.page.emulateCPUThrottling(4);
    for (let seen = 1; seen <= LATENCIES; seen++) {
      await until(() => page.page.evaluate((count) => window.latencies.length >= count, seen), "the next verdict", 60_000);
      await page.page.evaluate(() => document.getElementById("skip").click());
    }
    const latencies = await page.page.evaluate(() => window.latencies);
    const measured = latencies.map(Math.round).sort((a, b) => a - b);
    const most = measured.at(-1);
    console.log(`frame to verdict at a quarter of the processor: ${measured.join(", ")} ms`);
    assert.ok(most < LATENCY_MS_MAX, `${most} ms`);
  });
});

/** A pass of this citizen as a film for the camera. */
async function filmOf(person, phone, options) {
  const citizen = await Client.citizen(server, person.number, phone);
  const { pass } = await citizen.declare(person);
  const png = await citizen.fetch("GET", `/passes/${pass.pass}/qr.png`);
  const file = server.file(`${person.number}.y4m`);
  film(file, Buffer.from(await png.arrayBuffer()), options);
  const officer = await Client.official(server, "officer");
  const { facts } = await officer.ask("POST", "/checkpoint/check", { pass: pass.pass });
  return { file, subject: facts.subject };
}

/** Does `work` at a checkpoint whose camera shows this film. */
async function atCheckpoint(file, how, work) {
  const browser = await Browser.start({ video: file });
  try {
    const page = await browser.open(server, how);
    await openCheckpoint(page);
    await work(page);
  } finally {
    await browser.stop();
    fs.rmSync(file);
  }
}

async function trailIs(subject, count) {
  const scans = await until(async () => {
    const trail = await server.trail(subject);
    return trail.length > 0 && trail;
  }, "the scan is in the engine");
  assert.equal(scans.length, count);
}

/** In the page: notes how long after the code came into the picture the verdict was painted, in `latencies`. */
function watchLatency() {
  window.latencies = [];
  const video = document.getElementById("video");
  const pen = new OffscreenCanvas(4, 4).getContext("2d", { willReadFrequently: true });
  let shownAt = null;
  let wasShown = true;
  const look = (now) => {
    pen.drawImage(video, video.videoWidth / 2 - 60, video.videoHeight / 2 - 60, 120, 120, 0, 0, 4, 4);
    const light = pen.getImageData(0, 0, 4, 4).data.reduce((sum, value, i) => sum + (i % 4 === 0 ? value : 0), 0) / 16;
    const isShown = light > 85;
    if (isShown && !wasShown) shownAt = now;
    wasShown = isShown;
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  const verdict = document.getElementById("verdict");
  new MutationObserver(() => {
    if (verdict.hidden || shownAt === null) return;
    const begun = shownAt;
    shownAt = null;
    requestAnimationFrame(() => setTimeout(() => window.latencies.push(performance.now() - begun)));
  }).observe(verdict, { attributes: true, attributeFilter: ["hidden"] });
}
