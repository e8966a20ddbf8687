// Confirmed scans go to the gateway over WebTransport, and over HTTPS where the network carries no UDP: each is
// there once, whichever way it went, and whatever broke on the way.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Browser, PHONE } from "./chromium.mjs";
import { passOf } from "./client.mjs";
import { decide, isAllSent, isVerdict, openCheckpoint, scan } from "./officer.mjs";
import { Relay } from "./relay.mjs";
import { REGISTERED, Server, until } from "./server.mjs";

const passes = [];
const browsers = [];
let server;
let relay;

before(async () => {
  server = await Server.start();
  relay = await Relay.to(server.address.web);
  for (const index of [0, 1, 2, 3]) passes.push(await passOf(server, REGISTERED[index], `091234500${index}`));
});
after(async () => {
  // Those of a test that failed, too: the process ends with them.
  for (const browser of browsers) await browser.chromium.close().catch(() => undefined);
  relay?.close();
  await server?.stop();
});

test("scans go over WebTransport, over HTTPS when that breaks, and over WebTransport again", async () => {
  const { browser, page } = await connected(opened);
  await confirm(page, passes[0]);
  assert.deepEqual(await ways(), { webtransport: 1, https: 0 });
  assert.deepEqual(page.posts, []);

  // The gateway gets the batch, and the page no answer: it sends the same over HTTPS.
  relay.carries = "requests";
  await confirm(page, passes[1]);
  assert.equal(page.posts.length, 1);
  assert.deepEqual(await ways(), { webtransport: 2, https: 0 }, "what came twice is taken once");

  relay.carries = "nothing";
  await confirm(page, passes[2]);
  assert.deepEqual(await ways(), { webtransport: 2, https: 1 });

  relay.carries = "both";
  await connected(() => online(page));
  await confirm(page, passes[3]);
  assert.deepEqual(await ways(), { webtransport: 3, https: 1 });
  assert.deepEqual(await trails(), [1, 1, 1, 1]);
  await browser.stop();
});

test("where no UDP gets through, no scan waits for it", async () => {
  relay.carries = "nothing";
  const before = await ways();
  const { browser, page } = await opened();
  await confirm(page, passes[0]);
  const { webtransport, https } = await ways();
  assert.deepEqual([webtransport - before.webtransport, https - before.https], [0, 1]);
  assert.deepEqual(await trails(), [2, 1, 1, 1]);
  await browser.stop();
});

test("scans are there once though the server is killed as they arrive, and pages find it again", async () => {
  relay.carries = "both";
  const { browser, page } = await connected(opened);
  const before = await trails();
  for (const delayMs of [0, 5, 20]) {
    const killed = killedAsScansArrive(delayMs);
    await confirm(page, passes[1], async () => {
      await killed;
      await server.launch();
      await connected(() => online(page), page);
    });
  }
  // Its numbers began anew.
  const { webtransport } = await ways();
  await confirm(page, passes[2]);
  assert.equal((await ways()).webtransport - webtransport, 1);
  assert.deepEqual((await trails()).map((count, index) => count - before[index]), [0, 3, 1, 0]);
  await browser.stop();
});

/** Kills the server so many milliseconds after a batch has come by. */
async function killedAsScansArrive(delayMs) {
  await new Promise((resolve) => {
    relay.sees = (length) => length > BATCH_BYTES_MIN && resolve();
  });
  relay.sees = () => undefined;
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  await server.kill();
}

async function opened() {
  const browser = await Browser.start({ rules: relay.rules(server.url) });
  browsers.push(browser);
  const page = await browser.open(server, { view: PHONE, language: "vi", expects: ["offline", 500, 502, 503] });
  page.posts = [];
  page.page.on("request", (request) => {
    if (new URL(request.url()).pathname === "/api/v1/scans") page.posts.push(request.url());
  });
  await openCheckpoint(page);
  return { browser, page };
}

/**
 * Does what makes a browser connect, and waits until it has shown its ticket. A `page` that has not noticed yet
 * that its connection is dead is told of another network again.
 */
async function connected(act, page) {
  const open = () => server.number("web_connections_open");
  let least = await open();
  const done = await act();
  let toldAt = Date.now();
  const isMore = async () => {
    if (page && Date.now() - toldAt > 2_000) {
      toldAt = Date.now();
      await online(page);
    }
    const now = await open();
    // One that broke is still counted until it was silent for long.
    least = Math.min(least, now);
    return now > least;
  };
  await until(isMore, "a browser is connected");
  return done;
}

/** The page is told of another network. */
function online(page) {
  return page.page.evaluate(() => dispatchEvent(new Event("online")));
}

/** Confirms a passage, and waits until it is sent; `meanwhile` is done in between. */
async function confirm(page, { token }, meanwhile = async () => undefined) {
  await scan(page, token);
  await isVerdict(page, "valid");
  await decide(page, "pass");
  await meanwhile();
  await isAllSent(page);
}

async function ways() {
  const [webtransport, https] = await Promise.all(["webtransport", "https"].map((way) => server.number(`scans_${way}`)));
  return { webtransport, https };
}

async function trails() {
  return Promise.all(passes.map(async ({ subject }) => (await server.trail(subject)).length));
}

/** A request with a batch is longer, an acknowledgement or a ping shorter. */
const BATCH_BYTES_MIN = 250;
