// Another system has itself told of the journeys of a ward. It checks what comes with the library that
// Standard Webhooks has for it, fails now and then, and must know everything in the end, though the server is
// killed again and again. An administrator adds, watches and removes such a system on a page.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { Webhook } from "standardwebhooks";

import { DESK, PHONE } from "./chromium.mjs";
import { Client } from "./client.mjs";
import { pickArea } from "./declaring.mjs";
import { inspect } from "./looks.mjs";
import { AWAY, REGISTERED, until } from "./server.mjs";
import { stage } from "./stage.mjs";

const [AN, BINH] = REGISTERED;
const JOURNEYS = 40;
const KILLS = 4;

/** A system with an address of its own. It takes two messages of three. */
class Receiver {
  /** The state of each journey as it was told last. */
  known = new Map();
  #messages = 0;
  #secret = null;
  #server = createServer((request, response) => void this.#take(request, response));

  async open() {
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}/truyvet`;
  }

  knows(secret) {
    this.#secret = secret;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #take(request, response) {
    const parts = [];
    for await (const part of request) parts.push(part);
    await until(() => this.#secret, "the secret is told");
    const { type, data } = new Webhook(this.#secret).verify(Buffer.concat(parts).toString(), request.headers);
    assert.equal(type, "journeys.changed");
    this.#messages += 1;
    if (this.#messages % 3 === 0) return response.writeHead(500).end();
    for (const notice of data.notices) this.known.set(notice.declaration, notice);
    response.writeHead(204).end();
  }
}

const receiver = new Receiver();
const at = stage({ settings: ["hook_retry_ms = 100", "declarations_a_day = 1000"] });
before(() => receiver.open());
after(() => receiver.close());

test("it knows every journey in the end, though the server is killed as they are made", async () => {
  const { server } = at;
  const administrator = await Client.official(server, "administrator");
  const { hook, secret } = await administrator.ask("POST", "/hooks", { area: AWAY, url: receiver.url });
  receiver.knows(secret);
  const citizens = [await Client.citizen(server, AN.number, "0912345021"), await Client.citizen(server, BINH.number, "0912345022")];
  const made = new Set();
  const declaring = (async () => {
    for (let at = 0; at < JOURNEYS; at += 1) made.add(await declare(citizens[at % 2], [AN, BINH][at % 2]));
  })();
  for (let kills = 0; kills < KILLS; kills += 1) {
    const before = made.size;
    await until(() => made.size >= Math.min(before + 3, JOURNEYS), "some are made");
    await server.kill();
    await server.launch();
  }
  await declaring;
  await until(() => [...made].every((declaration) => receiver.known.has(declaration)), "every journey is told", 60_000);

  const health = await Client.official(server, "epidemiologist");
  const { notices } = await health.ask("GET", `/notices?area=${AWAY}&limit=200`);
  for (const notice of notices) {
    assert.deepEqual(receiver.known.get(notice.declaration), notice, "it is told as the inbox has it");
  }
  assert.ok(notices.length >= JOURNEYS);

  const revoked = notices[0];
  await health.ask("POST", `/passes/${revoked.pass}/revoke`, { reason: "quarantine" });
  await until(() => receiver.known.get(revoked.declaration).revoked, "a pass taken back is told");
  const listed = JSON.parse(await server.truyvet("hook", "list", "--data", server.file("data")));
  assert.deepEqual([listed.length, listed[0].hook, listed[0].secret], [1, hook, undefined]);
  await server.truyvet("hook", "remove", hook, "--data", server.file("data"));
  const { pass, declaration } = notices[1];
  await health.ask("POST", `/passes/${pass}/revoke`, { reason: "quarantine" });
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(receiver.known.get(declaration).revoked, false, "who was removed hears nothing more");
});

for (const [view, language] of [[PHONE, "vi"], [DESK, "en"]]) {
  test(`an administrator adds a system, sees that nobody is there, tries it again and removes it: ${view.name}`, async () => {
    const client = await Client.official(at.server, "administrator");
    const page = await at.browser.open(at.server, { view, language, client, expects: [422] });
    await page.go("/hooks");
    await page.see("#none");
    await pickArea(page, "area", "phuong sai gon");
    await page.type("#url", "http://ward.example/told");
    await page.press("#add [type=submit]");
    await page.says("[data-field=url] .flaw", "flaw_url_form");
    await inspect(page, "hooks-flaw");
    await page.page.$eval("#url", (field) => (field.value = ""));
    await page.type("#url", "http://127.0.0.1:9/told"); // nothing listens there
    await page.press("#add [type=submit]");
    await page.see("#made");
    assert.match(await page.text("#secret"), /^whsec_.{40,}$/);
    await inspect(page, "hooks-secret");
    await page.press("#secret-kept");
    await page.see("#rows [id^=retry-]", 20_000);
    await page.says("#rows .state", "trouble_unreachable");
    await inspect(page, "hooks");
    await page.press("#rows [id^=retry-]");
    await page.see("#done");
    await page.press("#rows [id^=remove-]");
    await page.see("#ask");
    await inspect(page, "hooks-remove");
    await page.press("#ask-yes");
    await page.see("#none");
    await page.close();
  });
}

/** Declares until the server says that it has it; the number of the declaration. */
async function declare(citizen, person) {
  for (;;) {
    try {
      return (await citizen.declare(person)).declaration;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100)); // it is being started anew
    }
  }
}
