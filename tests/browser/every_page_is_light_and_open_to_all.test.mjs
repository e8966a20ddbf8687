// Every page and its states, in both languages, on a phone and a desk, light and dark: axe finds nothing
// serious, nothing is wider than the window, and the first pages are light.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DESK, PHONE } from "./chromium.mjs";
import { Client } from "./client.mjs";
import { confirmIdentity, fillHealth, fillJourney, fillPerson, next, passShown, sendAnyway } from "./declaring.mjs";
import { inspect } from "./looks.mjs";
import { openCheckpoint } from "./officer.mjs";
import { REGISTERED } from "./server.mjs";
import { stage } from "./stage.mjs";

const FIRST_LOAD_BYTES_MAX = 100_000;
const at = stage();

const LOOKS = [PHONE, DESK].flatMap((view) => ["vi", "en"].map((language) => ({ view, language })));

for (const [index, look] of LOOKS.entries()) {
  const name = `${look.view.name}, ${look.language}`;

  test(`a citizen's pages are accessible: ${name}`, async () => {
    const page = await at.browser.open(at.server, { ...look, expects: [409, 422] });
    await page.go("/");
    await inspect(page, "home");
    await page.go("/declare");
    await inspect(page, "declare-1");
    await page.press("#ask-code");
    await page.see("#flaws");
    await inspect(page, "declare-1-flaws");
    await confirmIdentity(page, `00119000000${index}`, `091200000${index}`);
    await page.press("#next");
    await page.see("#flaws");
    await inspect(page, "declare-2-flaws");
    await fillPerson(page, REGISTERED[1]);
    await inspect(page, "declare-2");
    await next(page, 3);
    await fillJourney(page);
    await page.press("#add-companion");
    await page.type('[id="companions[0].name"]', "Bé Na");
    await page.type('[data-field="companions[0].birth_date"] [data-part=year]', "2019");
    await inspect(page, "declare-3");
    await next(page, 4);
    await fillHealth(page);
    await inspect(page, "declare-4");
    await next(page, 5);
    await inspect(page, "declare-5");
    await sendAnyway(page);
    await passShown(page);
    await inspect(page, "pass");
    await page.go("/passes");
    await page.see(".pass-card");
    await inspect(page, "passes");
    await page.go("/declare");
    await page.see("#known-title");
    await inspect(page, "declare-known");
    await page.go("/vehicle");
    await page.see("#form");
    await inspect(page, "vehicle");
    await page.press("#send");
    await page.see("#flaws");
    await inspect(page, "vehicle-flaws");
    await page.go("/quarantine/own");
    await page.see("#none");
    await inspect(page, "own-quarantine-none");
    await page.go("/venue");
    await page.see("#how");
    await inspect(page, "venue-how");
    await page.go("/situation");
    await page.see("#map [role=button]");
    await inspect(page, "situation-unset");
    await page.go("/");
    await page.see("#pass-now");
    await inspect(page, "home-with-pass");
    await page.close();
  });

  test(`officials' pages are accessible: ${name}`, async () => {
    await lookedAt(look, null, "/sign-in", async (page) => {
      await inspect(page, "sign-in");
      await page.press("#submit");
      await page.see("#flaws");
      await inspect(page, "sign-in-flaws");
    });
    await lookedAt(look, "epidemiologist", "/desk", async (page) => {
      await inspect(page, "desk");
      await page.type('[id="document.number"]', (await declared()).number);
      await page.press("#find [type=submit]");
      await page.see("#person");
      await inspect(page, "desk-found");
      await page.press("#watch-person");
      await page.see("#ask");
      await inspect(page, "desk-dialog");
    });
    await lookedAt(look, "ward", "/ward", async (page) => {
      await declared();
      await page.see("#notices li");
      await inspect(page, "ward");
    });
    await lookedAt(look, "ward", "/quarantine", async (page) => {
      await page.see("#none, #orders li");
      await inspect(page, "quarantine");
    });
    await lookedAt(look, null, "/quarantine/own", async (page) => {
      await page.see("#sign-in-part");
      await inspect(page, "own-quarantine-signed-out");
    });
    await lookedAt(look, "ward", "/paper", async (page) => {
      await page.see("#entry");
      await inspect(page, "paper");
      await page.choose("way", "table");
      await page.see("#drop");
      await inspect(page, "paper-table");
    });
    await lookedAt(look, "airport", "/arrivals", async (page) => {
      await page.see("#entry");
      await inspect(page, "arrivals");
      await page.choose("way", "table");
      await page.see("#drop");
      await inspect(page, "arrivals-table");
    });
    await lookedAt(look, "depot", "/depot", async (page) => {
      await page.see("#none, #trips li");
      await inspect(page, "depot");
    });
    await lookedAt(look, "health", "/depot", async (page) => {
      await page.see("#area");
      await inspect(page, "depot-of-an-area");
    });
    await lookedAt(look, "administrator", "/accounts", async (page) => {
      await page.see("#rows tr");
      await inspect(page, "accounts");
      await page.press("#rows button");
      await page.see("#ask");
      await inspect(page, "accounts-dialog");
    });
    await lookedAt(look, "administrator", "/hooks", async (page) => {
      await page.see("#none");
      await inspect(page, "hooks-none");
    });
    await lookedAt(look, "health", "/occupancy", async (page) => {
      await page.see("#venues li");
      await inspect(page, "occupancy-list");
      await page.press("#venues button");
      await page.see("#one");
      await inspect(page, "occupancy-one");
    });
    await lookedAt(look, "officer", "/occupancy", async (page) => {
      await page.see("#none");
      await inspect(page, "occupancy-none");
    });
    await lookedAt(look, "epidemiologist", "/trace", (page) => inspect(page, "trace"));
    await lookedAt(look, null, "/sign-in", async (page) => {
      await openCheckpoint(page);
      await page.press("#type");
      await inspect(page, "checkpoint-typing");
    });
  });
}

test("the first pages are light on a slow network", async () => {
  for (const address of ["/", "/declare", "/situation", "/venue"]) {
    const page = await at.browser.open(at.server, { view: PHONE, language: "vi" });
    const session = await page.page.createCDPSession();
    let bytes = 0;
    session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
    await session.send("Network.enable");
    await page.go(address, "networkidle0");
    console.log(`first load of ${address}: ${(bytes / 1000).toFixed(1)} KB`);
    assert.ok(bytes > 5_000 && bytes < FIRST_LOAD_BYTES_MAX, `${bytes}`);
    await page.close();
  }
});

/** Does `work` at an address, as one of the server's accounts. */
async function lookedAt(look, account, address, work) {
  const client = account ? await Client.official(at.server, account) : undefined;
  const page = await at.browser.open(at.server, { ...look, client });
  await page.go(address);
  await work(page);
  await page.close();
}

/** A citizen who has declared once. */
async function declared() {
  const [person] = REGISTERED;
  if (!isDeclared) await (await Client.citizen(at.server, person.number, "0912345001")).declare(person);
  isDeclared = true;
  return person;
}

let isDeclared = false;
