// Confirmed scans: none is lost, none is told twice, whatever stops the browser, the server or the network.

import assert from "node:assert/strict";
import { test } from "node:test";

import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { ByteBuffer } from "flatbuffers";

import { expandMissing } from "../src/checkpoint/aboard";
import { deviceFor, devices, hasNotGiven, registered, renew } from "../src/checkpoint/device";
import { acknowledged, confirm, confirmedBefore, numberAside, settle, takeScans, undo, waiting } from "../src/checkpoint/queue";
import { Server } from "../src/checkpoint/server";
import { asked, inOne, openStore, readState } from "../src/checkpoint/store";
import type { Decision } from "../src/checkpoint/store";
import { afterAnswer, sendWaiting } from "../src/checkpoint/sync";
import type { Answer } from "../src/checkpoint/sync";
import { Frame, ScanBatch, SignedBatch } from "../src/generated/truyvet/wire";

const NOW = 1628164800000;

/** Scans of one device by seq, as PROTOCOL.md says. */
class Enrolled {
  taken = new Map<number, string>();
  lost: number[] = [];

  get durable(): number {
    let durable = 0;
    while (this.taken.has(durable + 1) || this.lost.includes(durable + 1)) durable++;
    return durable;
  }
}

/** A gateway, whose first device has the number 7. */
class Gateway {
  devices = new Map<number, Enrolled>([[7, new Enrolled()]]);
  numbers = new Map<string, number>();
  answers: Answer[] = [];
  calls = 0;
  loseAnswers = 0;
  /** Devices that are not known any more, or revoked. */
  gone = new Set<number>();
  /** Devices whose number has been given to another key. */
  givenAway = new Set<number>();
  /** What happens while a batch is on its way, and while its answer is. */
  meanwhile: () => Promise<unknown> = async () => undefined;

  get taken(): Map<number, string> {
    return this.of(7).taken;
  }

  get lost(): number[] {
    return this.of(7).lost;
  }

  get durable(): number {
    return this.of(7).durable;
  }

  of(device: number): Enrolled {
    const enrolled = this.devices.get(device) ?? new Enrolled();
    this.devices.set(device, enrolled);
    return enrolled;
  }

  register = async (publicKey: string) => {
    const device = this.numbers.get(publicKey) ?? this.numbers.size + 7;
    this.numbers.set(publicKey, device);
    const next = this.of(device).durable + 1;
    return { device, next_seq: String(next), site: "HN-01", site_name: "Chốt 1", now: NOW };
  };

  send = async (device: number, frame: Uint8Array): Promise<Answer> => {
    await this.meanwhile();
    const answer = this.answer(device, frame);
    await this.meanwhile();
    return answer;
  };

  private answer(device: number, frame: Uint8Array): Answer {
    this.calls++;
    const told = this.answers.shift();
    if (told) return told;
    if (this.gone.has(device)) return { kind: "unknown_device" };
    if (this.givenAway.has(device)) return { kind: "bad_signature" };
    const signed = Frame.getRootAsFrame(new ByteBuffer(frame)).body(new SignedBatch()) as SignedBatch;
    const batch = ScanBatch.getRootAsScanBatch(new ByteBuffer(Uint8Array.from(signed.batchArray() ?? [])));
    const first = Number(batch.firstSeq());
    const own = this.of(device);
    if (first > own.durable + 1) return { kind: "gap", expectedSeq: own.durable + 1 };
    for (let i = 0; i < Number(batch.lost()); i++) own.lost.push(first + i);
    const codes = batch.codesArray() ?? new Uint8Array();
    let at = 0;
    for (let i = 0; i < batch.codeBytesLength(); i++) {
      const length = batch.codeBytes(i) ?? 0;
      const subject = new TextDecoder().decode(codes.subarray(at, at + length));
      if (!own.taken.has(first + i)) own.taken.set(first + i, subject);
      at += length;
    }
    if (this.loseAnswers-- > 0) return { kind: "unreachable" };
    return { kind: "taken", durableSeq: own.durable, refused: [] };
  }
}

async function begin(gateway = new Gateway()) {
  const factory = new IDBFactory();
  const store = await openStore(factory);
  const device = await registered(store, "HN-01", gateway.register);
  const passes = async (subject: string, at = NOW, decision: Decision = 0) =>
    confirm(store, { slot: device.slot, site: "HN-01", subject, pass: `pass of ${subject}`, at, decision });
  const send = () => sendWaiting(store, gateway.send, () => NOW);
  const register = () => registered(store, "HN-01", gateway.register);
  return { factory, store, device, gateway, passes, send, register };
}

const subjects = (gateway: Gateway, device = 7) =>
  [...gateway.of(device).taken].sort(([a], [b]) => a - b).map(([, subject]) => subject);

/** All that the gateway has, of whichever device. */
const everywhere = (gateway: Gateway) => [...gateway.devices.keys()].flatMap((device) => subjects(gateway, device));

test("scans are numbered from 1 without gaps, sent, and deleted once durable", async () => {
  const { store, gateway, passes, send } = await begin();
  for (const subject of ["A", "B", "C"]) await passes(subject);
  await settle(store);
  assert.equal((await waiting(store)).scans, 3);
  assert.equal(await send(), "sent");
  assert.deepEqual([...gateway.taken], [[1, "A"], [2, "B"], [3, "C"]]);
  assert.deepEqual(await waiting(store), { scans: 0, refused: 0 });
});

test("what is undone never had a number", async () => {
  const { store, gateway, passes, send } = await begin();
  await passes("A");
  await passes("B");
  assert.equal((await undo(store))?.subject, "B");
  assert.equal(await undo(store), null, "A has its number");
  await passes("C");
  await settle(store);
  await send();
  assert.deepEqual(subjects(gateway), ["A", "C"]);
  assert.deepEqual((await readState(store, "recent"))?.map(({ pass }) => pass), ["pass of A", "pass of C"]);
});

test("a scan confirmed as the browser is closed is numbered when it opens again", async () => {
  const { factory, store, gateway, passes } = await begin();
  await passes("A");
  store.close();
  const again = await openStore(factory);
  assert.equal((await waiting(again)).scans, 1);
  await settle(again);
  await sendWaiting(again, gateway.send, () => NOW);
  assert.deepEqual(subjects(gateway), ["A"]);
});

test("a browser killed at any step of confirming leaves each scan in one place", async () => {
  for (let kill = 1; kill < 30; kill++) {
    const { store, device, passes } = await begin();
    await passes("A");
    const isDone = await killedAfter(kill, () => passes("B")).then(() => true, () => false);
    const { pending, numbered, next } = await inOne(store, ["pending", "scans", "devices"], "readonly", async (t) => ({
      pending: (await asked(t.objectStore("pending").getAll())).map(({ subject }) => subject),
      numbered: (await asked(t.objectStore("scans").getAll())).map(({ subject }) => subject),
      next: (await asked(t.objectStore("devices").get(device.slot))).nextSeq,
    }));
    assert.deepEqual([pending, numbered, next], isDone ? [["B"], ["A"], 2] : [["A"], [], 1], `after ${kill}`);
    if (isDone) return;
  }
  assert.fail("confirming never ended");
});

/** Runs `work`, and lets its transaction fail at its request `count`. */
async function killedAfter(count: number, work: () => Promise<unknown>): Promise<void> {
  const names = ["get", "getAll", "put", "add", "clear", "delete"] as const;
  const kept = names.map((name) => [name, IDBObjectStore.prototype[name]] as const);
  let left = count;
  for (const [name, real] of kept) {
    IDBObjectStore.prototype[name] = function (this: IDBObjectStore, ...values: unknown[]) {
      if (--left === 0) throw new DOMException("the phone is off", "QuotaExceededError");
      return (real as (...values: unknown[]) => IDBRequest).apply(this, values);
    } as never;
  }
  try {
    await work();
  } finally {
    for (const [name, real] of kept) IDBObjectStore.prototype[name] = real as never;
  }
}

test("two tabs that confirm at once never give the same number twice", async () => {
  const { factory, store, device, gateway } = await begin();
  const other = await openStore(factory);
  const many = Array.from({ length: 40 }, (_, i) => ({
    slot: device.slot, site: "HN-01", subject: `S${i}`, pass: `${i}`, at: NOW + i, decision: 0 as const,
  }));
  await Promise.all(many.map((scan, i) => confirm(i % 2 ? store : other, scan)));
  await settle(other);
  await Promise.all([store, other].map((tab) => sendWaiting(tab, gateway.send, () => NOW)));
  assert.equal(new Set(subjects(gateway)).size, 40);
  assert.equal(gateway.durable, 40);
  assert.equal((await waiting(store)).scans, 0);
});

test("an answer that was lost is no scan told twice", async () => {
  const { store, gateway, passes, send } = await begin();
  await passes("A");
  await settle(store);
  gateway.loseAnswers = 1;
  assert.equal(await send(), "unreachable");
  assert.equal((await waiting(store)).scans, 1);
  await passes("B");
  await settle(store);
  assert.equal(await send(), "sent");
  assert.deepEqual(subjects(gateway), ["A", "B"]);
});

for (const answer of [
  { kind: "sign_in" }, { kind: "forbidden" }, { kind: "busy", retryAfterMs: 1000 }, { kind: "unreachable" },
  { kind: "rejected" }, { kind: "gap", expectedSeq: 1 }, { kind: "taken", durableSeq: 0, refused: [] },
] as Answer[]) {
  test(`${answer.kind} keeps every scan`, async () => {
    const { store, gateway, passes, send } = await begin();
    await passes("A");
    await settle(store);
    gateway.answers = [answer];
    assert.notEqual(await send(), "sent");
    assert.equal((await waiting(store)).scans, 1);
    assert.equal(gateway.calls, 1);
    assert.equal(await send(), "sent");
    assert.deepEqual(subjects(gateway), ["A"]);
  });
}

test("scans that the server keeps aside are told, and not sent again", async () => {
  const { store, gateway, passes, send } = await begin();
  await passes("A");
  await passes("B");
  await settle(store);
  gateway.answers = [{ kind: "taken", durableSeq: 2, refused: [{ seq: 1, reason: "time_in_future" }] }];
  assert.equal(await send(), "sent");
  assert.deepEqual(await waiting(store), { scans: 0, refused: 1 });
});

test("a server restored from an older backup is told which scans it lost", async () => {
  const { store, gateway, passes, send } = await begin();
  for (const subject of ["A", "B", "C"]) await passes(subject);
  await settle(store);
  await send();
  gateway.taken.delete(2);
  gateway.taken.delete(3);
  await passes("D");
  await settle(store);
  assert.equal(await send(), "sent");
  assert.deepEqual(gateway.lost, [2, 3]);
  assert.deepEqual(subjects(gateway), ["A", "D"]);
});

test("where the server has numbers that were never given here, what is held is sent by a new device", async () => {
  const { store, device, gateway, passes, send, register } = await begin();
  await passes("A", NOW, 1);
  await settle(store);
  for (let seq = 1; seq <= 5; seq++) gateway.taken.set(seq, `other ${seq}`);
  assert.equal(await send(), "unregistered");
  assert.deepEqual(await waiting(store), { scans: 1, refused: 0 });
  const [old, fresh] = await devices(store);
  assert.deepEqual([old?.isRetired, old?.successor], [true, fresh?.slot]);
  assert.deepEqual([fresh?.site, fresh?.siteName, fresh?.number, fresh?.durableSeq], ["HN-01", "Chốt 1", null, 0]);
  assert.notEqual(old?.publicKey, fresh?.publicKey);
  assert.equal(await readState(store, "current"), fresh?.slot);
  await confirm(store, { slot: device.slot, site: "HN-01", subject: "B", pass: "B", at: NOW, decision: 0 });
  await settle(store);
  const [first] = await takeScans(store, fresh?.slot ?? 0, 1);
  assert.deepEqual(first, { slot: fresh?.slot, seq: 1, site: "HN-01", subject: "A", pass: "pass of A", at: NOW, decision: 1 });
  await register();
  assert.equal(await send(), "sent");
  assert.deepEqual(subjects(gateway, 8), ["A", "B"]);
  assert.equal(gateway.taken.size, 5, "nothing was sent under numbers of others");
});

test("a registration that tells of numbers never given here begins with a new device", async () => {
  const { store, gateway, passes, send, register } = await begin();
  await passes("A");
  await settle(store);
  for (let seq = 1; seq <= 5; seq++) gateway.taken.set(seq, `other ${seq}`);
  assert.equal((await register()).number, null);
  assert.equal((await register()).number, 8);
  assert.equal(await send(), "sent");
  assert.deepEqual(subjects(gateway, 8), ["A"]);
});

test("numbers that were given during the round trip are this browser's own", async () => {
  const { store, device, passes } = await begin();
  await passes("A");
  await settle(store);
  const [before] = await devices(store);
  assert.ok(before);
  await passes("B");
  await settle(store);
  // As the server answers for a batch with both, sent by somebody who looked at the device before B.
  assert.deepEqual(afterAnswer({ kind: "taken", durableSeq: 2, refused: [] }, before, 1), { do: "renew", durableSeq: 2 });
  assert.equal(await renew(store, before, hasNotGiven(2)), false);
  assert.deepEqual((await takeScans(store, device.slot, 9)).map(({ subject }) => subject), ["A", "B"]);
});

test("whatever is confirmed while batches are under way, each scan arrives once, and in order", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const { store, gateway, passes, send } = await begin();
    const random = randomOf(seed);
    const confirmed: string[] = [];
    const passNow = async () => {
      confirmed.push(`S${confirmed.length}`);
      await passes(confirmed[confirmed.length - 1] as string);
      if (random() < 0.5) await settle(store);
    };
    gateway.meanwhile = async () => {
      if (random() < 0.3) await passNow();
    };
    for (let turn = 0; turn < 12; turn++) {
      gateway.loseAnswers = random() < 0.3 ? 1 : 0;
      const work = [passNow(), send()];
      // Another press falls into any moment of the sending.
      for (let ticks = Math.floor(random() * 12); ticks > 0; ticks--) await new Promise(setImmediate);
      await Promise.all([...work, passNow()]);
    }
    gateway.meanwhile = async () => undefined;
    gateway.loseAnswers = 0;
    await settle(store);
    assert.equal(await send(), "sent");
    assert.deepEqual(subjects(gateway).sort(), [...confirmed].sort(), `seed ${seed}`);
    assert.equal((await devices(store)).length, 1, `seed ${seed}`);
    assert.deepEqual(await waiting(store), { scans: 0, refused: 0 });
  }
});

/** Numbers from 0 to 1 that are the same each time (mulberry32). */
function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

test("a browser killed at any step of taking another device leaves each scan in one place", async () => {
  for (let kill = 1; kill < 60; kill++) {
    const { store, device, passes } = await begin();
    for (const subject of ["A", "B", "C"]) await passes(subject);
    await settle(store);
    const isDone = await killedAfter(kill, () => renew(store, device, () => true)).then(() => true, () => false);
    const [old, fresh] = await devices(store);
    assert.equal(old?.isRetired, isDone, `after ${kill}`);
    assert.equal((await takeScans(store, device.slot, 9)).length, isDone ? 0 : 3, `after ${kill}`);
    assert.equal(fresh !== undefined, isDone);
    if (!isDone) continue;
    assert.deepEqual((await takeScans(store, fresh?.slot ?? 0, 9)).map(({ seq }) => seq), [1, 2, 3]);
    assert.equal(await renew(store, device, () => true), false, "it happens once");
    return;
  }
  assert.fail("it never ended");
});

for (const [why, refuse] of [
  ["revoked or forgotten", (gateway: Gateway) => gateway.gone.add(7)],
  ["that has another's number", (gateway: Gateway) => gateway.givenAway.add(7)],
] as const) {
  test(`a browser ${why} is enrolled again, and sends what it holds`, async () => {
    const { factory, store, device, gateway, passes, send } = await begin();
    await passes("A");
    await settle(store);
    assert.equal(await send(), "sent");
    await passes("B", NOW + 1, 2);
    await passes("C", NOW + 2);
    refuse(gateway);
    assert.equal(await send(), "unregistered");
    await passes("D", NOW + 3);
    store.close();
    const again = await openStore(factory);
    await settle(again);
    const current = await readState(again, "current");
    assert.notEqual(current, device.slot);
    assert.equal((await devices(again)).find(({ slot }) => slot === current)?.number, null, "it registers at the next refresh");
    await registered(again, "HN-01", gateway.register);
    assert.equal(await sendWaiting(again, gateway.send, () => NOW), "sent");
    assert.deepEqual([subjects(gateway), subjects(gateway, 8)], [["A"], ["B", "C", "D"]]);
    assert.equal((await waiting(again)).scans, 0);
  });
}

test("a scan keeps its time, site and decision under its new number", async () => {
  const { store, gateway, passes, send } = await begin();
  await passes("A", NOW - 5, 2);
  await settle(store);
  gateway.gone.add(7);
  await send();
  const { slot = 0 } = (await devices(store))[1] ?? {};
  const scan = { slot, seq: 1, site: "HN-01", subject: "A", pass: "pass of A", at: NOW - 5, decision: 2 };
  assert.deepEqual(await takeScans(store, slot, 9), [scan]);
});

test("a browser that signs wrongly does not enrol for ever", async () => {
  const { store, gateway, passes, send, register } = await begin();
  await passes("A");
  await settle(store);
  for (const device of [7, 8, 9]) gateway.givenAway.add(device);
  assert.equal(await send(), "unregistered");
  await register();
  assert.equal(await send(), "rejected");
  await register();
  assert.equal(await send(), "rejected");
  assert.equal((await devices(store)).length, 2);
  assert.equal((await waiting(store)).scans, 1);
});

test("those aboard who are learnt of after the device was given up are numbered by the one in its place", async () => {
  const { store, device, gateway, send, register } = await begin();
  await confirm(store, { slot: device.slot, site: "HN-01", subject: "V", pass: "1", at: NOW, decision: 0, aboard: null });
  await settle(store);
  gateway.gone.add(7);
  await send();
  await register();
  await expandMissing(store, async () => ["A", "B"]);
  assert.equal(await send(), "sent");
  assert.deepEqual(subjects(gateway, 8), ["V", "A", "B"]);
});

test("a device of another site waits for that site's officer, and stops nobody else", async () => {
  const { store, gateway, passes, send } = await begin();
  await passes("A");
  await settle(store);
  gateway.gone.add(7);
  await send();
  const other = await registered(store, "HN-02", async (key) => ({ ...(await gateway.register(key)), site: "HN-02" }));
  await confirm(store, { slot: other.slot, site: "HN-02", subject: "B", pass: "2", at: NOW, decision: 0 });
  await settle(store);
  assert.equal(await send(), "unregistered");
  assert.deepEqual(everywhere(gateway), ["B"]);
  assert.equal(await readState(store, "current"), other.slot);
  await registered(store, "HN-01", gateway.register);
  assert.equal(await send(), "sent");
  assert.deepEqual(everywhere(gateway).sort(), ["A", "B"]);
});

test("however often devices are given up, nothing is lost, and what was not half-way is there once", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { store, gateway, passes, send, register } = await begin();
    const random = randomOf(seed);
    const losesAnswers = seed % 2 === 0;
    const confirmed: string[] = [];
    for (let turn = 0; turn < 15; turn++) {
      const subject = `S${turn}`;
      confirmed.push(subject);
      if (losesAnswers && random() < 0.3) gateway.loseAnswers = 1;
      await Promise.all([passes(subject), send()]);
      if (random() < 0.3) gateway.gone.add(Math.max(...gateway.devices.keys()));
      if (random() < 0.4) await register();
    }
    gateway.loseAnswers = 0;
    await settle(store);
    await send();
    await register();
    assert.equal(await send(), "sent", `seed ${seed}`);
    const arrived = everywhere(gateway);
    const expected = losesAnswers ? [...new Set(arrived)].sort() : arrived.sort();
    assert.deepEqual(expected, [...confirmed].sort(), `seed ${seed}`);
  }
});

test("what an older version has set aside is numbered again as the page opens", async () => {
  const { store, device, gateway, passes, send } = await begin();
  await passes("B");
  await inOne(store, ["aside"], "readwrite", async (transaction) => {
    const { slot } = device;
    await asked(transaction.objectStore("aside").put({ slot, seq: 4, site: "HN-01", subject: "A", pass: "1", at: NOW, decision: 0 }));
  });
  await numberAside(store);
  await numberAside(store);
  await settle(store);
  assert.equal(await send(), "sent");
  assert.deepEqual(subjects(gateway), ["A", "B"]);
});

test("after the store was lost the browser is a new device", async () => {
  const { gateway } = await begin();
  const { device } = await begin(gateway);
  assert.equal(device.number, 8);
});

test("a registration that broke off is gone on with under the same key", async () => {
  const gateway = new Gateway();
  const store = await openStore(new IDBFactory());
  await assert.rejects(registered(store, "HN-01", () => Promise.reject(new Error("no network"))));
  const device = await deviceFor(store, "HN-01");
  await confirm(store, { slot: device.slot, site: "HN-01", subject: "A", pass: "1", at: NOW, decision: 0 });
  await settle(store);
  assert.equal(await sendWaiting(store, gateway.send, () => NOW), "unregistered");
  assert.equal((await waiting(store)).scans, 1, "kept until the device has a number");
  await registered(store, "HN-01", gateway.register);
  await sendWaiting(store, gateway.send, () => NOW);
  assert.deepEqual(subjects(gateway), ["A"]);
  assert.equal((await devices(store)).length, 1);
});

test("a key that the server takes for another device is given up, and its scans stay under it", async () => {
  const { store, gateway, passes } = await begin();
  await passes("A");
  await settle(store);
  gateway.numbers = new Map([["somebody", 1], ["else", 2]]);
  const device = await registered(store, "HN-01", gateway.register);
  const [old, fresh] = await devices(store);
  assert.equal(old?.isRetired, true);
  assert.notEqual(old?.publicKey, fresh?.publicKey);
  assert.equal(fresh?.slot, device.slot);
  assert.equal((await takeScans(store, old?.slot ?? 0, 9)).length, 1);
});

test("each site has a device of its own", async () => {
  const { store } = await begin();
  const other = await deviceFor(store, "HN-02");
  assert.equal((await devices(store)).length, 2);
  assert.equal(await readState(store, "current"), other.slot);
  assert.equal((await deviceFor(store, "HN-02")).slot, other.slot);
});

test("the same pass is known for two minutes", async () => {
  const { store, passes } = await begin();
  await passes("A", NOW, 1);
  const recent = (await readState(store, "recent")) ?? [];
  assert.equal(confirmedBefore(recent, "pass of A", NOW + 119_999)?.decision, 1);
  assert.equal(confirmedBefore(recent, "pass of A", NOW + 120_000), null);
  assert.equal(confirmedBefore(recent, "pass of B", NOW), null);
});

test("a direction stays with its scan and everyone aboard, and going out is not going in again", async () => {
  const { store, device } = await begin();
  const scan = { slot: device.slot, site: "HN-01", pass: "pass of V", at: NOW, decision: 0 as const };
  await confirm(store, { ...scan, subject: "V", direction: 1, aboard: ["A", "B"] });
  await confirm(store, { ...scan, subject: "V", at: NOW + 1, direction: 2 });
  await settle(store);
  const scans = await takeScans(store, device.slot, 9);
  assert.deepEqual(scans.map(({ subject, direction }) => [subject, direction]), [["V", 1], ["A", 1], ["B", 1], ["V", 2]]);
  const recent = (await readState(store, "recent")) ?? [];
  assert.equal(confirmedBefore(recent, "pass of V", NOW + 2, 1)?.at, NOW);
  assert.equal(confirmedBefore(recent, "pass of V", NOW + 2, 2)?.at, NOW + 1);
  assert.equal(confirmedBefore(recent, "pass of V", NOW + 2), null, "nobody passed by");
});

test("an acknowledgement that is repeated, or older, takes nothing", async () => {
  const { store, device, passes } = await begin();
  for (const subject of ["A", "B", "C"]) await passes(subject);
  await settle(store);
  await acknowledged(store, device.slot, 2, []);
  await acknowledged(store, device.slot, 1, []);
  assert.deepEqual((await takeScans(store, device.slot, 9)).map(({ seq }) => seq), [3]);
  assert.equal((await devices(store))[0]?.durableSeq, 2);
});

test("over HTTPS the server's word for a device that it does not know is told from a wrong address", async () => {
  const answerTo = async (status: number, body: unknown) => {
    const real = globalThis.fetch;
    globalThis.fetch = async () => new Response(JSON.stringify(body), { status });
    try {
      return await new Server(() => undefined).send(7, new Uint8Array(1));
    } finally {
      globalThis.fetch = real;
    }
  };
  assert.deepEqual(await answerTo(404, { type: "/problems/not-found" }), { kind: "unknown_device" });
  assert.deepEqual(await answerTo(404, {}), { kind: "rejected" });
  const wrong = { type: "/problems/wrong-usage" };
  assert.deepEqual(await answerTo(400, { ...wrong, detail: "BadSignature: not this key; correct the batch" }), { kind: "bad_signature" });
  assert.deepEqual(await answerTo(400, { ...wrong, detail: "Malformed: no batch; correct the batch" }), { kind: "rejected" });
  assert.deepEqual(await answerTo(401, { type: "/problems/sign-in-needed" }), { kind: "sign_in" });
});
