// Confirmed scans: none is lost, none is told twice, whatever stops the browser, the server or the network.

import assert from "node:assert/strict";
import { test } from "node:test";

import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { ByteBuffer } from "flatbuffers";

import { deviceFor, devices, registered } from "../src/checkpoint/device";
import { acknowledged, confirm, confirmedBefore, settle, takeScans, undo, waiting } from "../src/checkpoint/queue";
import { asked, inOne, openStore, readState } from "../src/checkpoint/store";
import type { Decision } from "../src/checkpoint/store";
import { sendWaiting } from "../src/checkpoint/sync";
import type { Answer } from "../src/checkpoint/sync";
import { Frame, ScanBatch, SignedBatch } from "../src/generated/truyvet/wire";

const NOW = 1628164800000;

/** A gateway that keeps a device's scans by seq, as PROTOCOL.md says. */
class Gateway {
  taken = new Map<number, string>();
  lost: number[] = [];
  numbers = new Map<string, number>();
  answers: Answer[] = [];
  calls = 0;
  loseAnswers = 0;

  get durable(): number {
    let durable = 0;
    while (this.taken.has(durable + 1) || this.lost.includes(durable + 1)) durable++;
    return durable;
  }

  register = async (publicKey: string) => {
    const device = this.numbers.get(publicKey) ?? this.numbers.size + 7;
    this.numbers.set(publicKey, device);
    const next = device === 7 ? this.durable + 1 : 1;
    return { device, next_seq: String(next), site: "HN-01", site_name: "Chốt 1", now: NOW };
  };

  send = async (_device: number, frame: Uint8Array): Promise<Answer> => {
    this.calls++;
    const told = this.answers.shift();
    if (told) return told;
    const signed = Frame.getRootAsFrame(new ByteBuffer(frame)).body(new SignedBatch()) as SignedBatch;
    const batch = ScanBatch.getRootAsScanBatch(new ByteBuffer(Uint8Array.from(signed.batchArray() ?? [])));
    const first = Number(batch.firstSeq());
    if (first > this.durable + 1) return { kind: "gap", expectedSeq: this.durable + 1 };
    for (let i = 0; i < Number(batch.lost()); i++) this.lost.push(first + i);
    const codes = batch.codesArray() ?? new Uint8Array();
    let at = 0;
    for (let i = 0; i < batch.codeBytesLength(); i++) {
      const length = batch.codeBytes(i) ?? 0;
      const subject = new TextDecoder().decode(codes.subarray(at, at + length));
      if (!this.taken.has(first + i)) this.taken.set(first + i, subject);
      at += length;
    }
    if (this.loseAnswers-- > 0) return { kind: "unreachable" };
    return { kind: "taken", durableSeq: this.durable, refused: [] };
  };
}

async function begin(gateway = new Gateway()) {
  const factory = new IDBFactory();
  const store = await openStore(factory);
  const device = await registered(store, "HN-01", gateway.register);
  const passes = async (subject: string, at = NOW, decision: Decision = 0) =>
    confirm(store, { slot: device.slot, site: "HN-01", subject, pass: `pass of ${subject}`, at, decision });
  const send = () => sendWaiting(store, gateway.send, () => NOW);
  return { factory, store, device, gateway, passes, send };
}

const subjects = (gateway: Gateway) => [...gateway.taken].sort(([a], [b]) => a - b).map(([, subject]) => subject);

test("scans are numbered from 1 without gaps, sent, and deleted once durable", async () => {
  const { store, gateway, passes, send } = await begin();
  for (const subject of ["A", "B", "C"]) await passes(subject);
  await settle(store);
  assert.equal((await waiting(store)).scans, 3);
  assert.equal(await send(), "sent");
  assert.deepEqual([...gateway.taken], [[1, "A"], [2, "B"], [3, "C"]]);
  assert.deepEqual(await waiting(store), { scans: 0, refused: 0, aside: 0 });
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
async function killedAfter(count: number, work: () => Promise<void>): Promise<void> {
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
  assert.deepEqual(await waiting(store), { scans: 0, refused: 1, aside: 0 });
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

test("where the server has numbers that were never given here, nothing is sent under them", async () => {
  const gateway = new Gateway();
  const { store, passes, send } = await begin(gateway);
  await passes("A");
  await settle(store);
  for (let seq = 1; seq <= 5; seq++) gateway.taken.set(seq, `other ${seq}`);
  assert.equal(await send(), "sent");
  assert.deepEqual(await waiting(store), { scans: 0, refused: 0, aside: 1 });
  await passes("B");
  await settle(store);
  await send();
  assert.equal(gateway.taken.get(6), "B");
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
  assert.equal(await sendWaiting(store, gateway.send, () => NOW), "sent");
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
