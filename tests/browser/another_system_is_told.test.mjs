// Another system has itself told of the journeys of a ward. It checks what comes with the library that
// Standard Webhooks has for it, fails now and then, and must know everything in the end, though the server is
// killed again and again.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { Webhook } from "standardwebhooks";

import { Client } from "./client.mjs";
import { AWAY, REGISTERED, Server, until } from "./server.mjs";

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

let server;
const receiver = new Receiver();
before(async () => {
  server = await Server.start(["hook_retry_ms = 100", "declarations_a_day = 1000"]);
  await receiver.open();
});
after(async () => {
  receiver.close();
  await server?.stop();
});

test("it knows every journey in the end, though the server is killed as they are made", async () => {
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
