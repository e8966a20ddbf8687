// The API without a browser: what a test must prepare, and what it looks up afterwards.

import { randomUUID } from "node:crypto";

import { AWAY, HOME, PASSWORD } from "./server.mjs";

const HOUR_MS = 3_600_000;

/** One caller with its session. */
export class Client {
  #cookie = "";

  constructor(server) {
    this.server = server;
  }

  /** An official of the server's accounts, signed in. */
  static async official(server, account) {
    const client = new Client(server);
    await client.ask("POST", "/session", { account, password: PASSWORD });
    return client;
  }

  /** A citizen with this card, who has typed the one-time code. */
  static async citizen(server, number, phone) {
    const client = new Client(server);
    const document = { kind: "citizen_id", number };
    await client.ask("POST", "/codes", { document, phone });
    await client.ask("POST", "/codes/redeem", { document, phone, code: await server.code() });
    return client;
  }

  /** The answer's JSON. Throws when the server refuses. */
  async ask(method, path, body) {
    const response = await this.fetch(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  async fetch(method, path, body) {
    const headers = { "content-type": "application/json", "idempotency-key": randomUUID() };
    if (this.#cookie) headers.cookie = this.#cookie;
    const request = { method, headers, body: body && JSON.stringify(body) };
    const response = await fetch(`${this.server.url}/api/v1${path}`, request);
    const cookie = response.headers.get("set-cookie");
    if (cookie) this.#cookie = cookie.split(";")[0];
    return response;
  }

  /** The session, for a browser. */
  get cookie() {
    const [name, ...value] = this.#cookie.split("=");
    return { name, value: value.join("="), url: this.server.url, httpOnly: true };
  }

  /** Declares a journey of this person, and answers what the server made of it. */
  declare(person, changes = {}) {
    return this.ask("POST", "/declarations", { declaration: declarationOf(person, changes), accept_unverified: true });
  }
}

/** A pass for a journey of this citizen, with the code of the subject that an officer is told. */
export async function passOf(server, person, phone) {
  const citizen = await Client.citizen(server, person.number, phone);
  const { pass } = await citizen.declare(person);
  const officer = await Client.official(server, "officer");
  const { facts } = await officer.ask("POST", "/checkpoint/check", { token: pass.token });
  return { token: pass.token, pass: pass.pass, subject: facts.subject };
}

/** A journey from Hà Nội to Hồ Chí Minh City, now. */
export function declarationOf({ number, name, birth_date, sex }, changes = {}) {
  return {
    person: {
      name,
      birth_date,
      sex,
      nationality: "VN",
      documents: [{ kind: "citizen_id", number }],
      permanent: { area: HOME, address: "Số 8, ngõ 12" },
    },
    journey: {
      from: HOME,
      to: AWAY,
      departs_at: Date.now() + HOUR_MS,
      purpose: "work",
      vehicle: { kind: "motorbike", plate: "29-X1 123.45" },
    },
    health: { symptoms: [], exposure: "none", vaccine_doses: 2 },
    ...changes,
  };
}
