// Vehicles: a trip from a form, and one scan that stands for everyone aboard, whatever stops the browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";

import { aboardIn, expandMissing } from "../src/checkpoint/aboard";
import type { Checked } from "../src/checkpoint/check";
import { deviceFor } from "../src/checkpoint/device";
import type { Lists } from "../src/checkpoint/lists";
import { aboardOf, readLists } from "../src/checkpoint/lists";
import { confirm, missingAboard, numberAboard, settle, takeScans, undo, waiting } from "../src/checkpoint/queue";
import { openStore } from "../src/checkpoint/store";
import { amended, findingsOf } from "../src/checkpoint/verdict";
import { aboardOf as peopleOf, tripOf, valuesOfAboard, without } from "../src/vehicle/form";

const NOW = 1628164800000;
const MANY = Array.from({ length: 60 }, (_, i) => `P${i}`);

async function begin() {
  const factory = new IDBFactory();
  const store = await openStore(factory);
  const { slot } = await deviceFor(store, "HN-01");
  const passes = (aboard?: string[] | null, at = NOW) =>
    confirm(store, { slot, site: "HN-01", subject: "V", pass: "pass of V", at, decision: 0, ...(aboard === undefined ? {} : { aboard }) });
  const numbered = async () => (await takeScans(store, slot, 500)).map(({ seq, subject }) => `${seq} ${subject}`);
  return { factory, store, slot, passes, numbered };
}

test("one scan of a coach is a scan of the vehicle and of sixty people, numbered together", async () => {
  const { store, slot, passes } = await begin();
  await passes(MANY);
  assert.equal((await waiting(store)).scans, 61);
  await settle(store);
  const scans = await takeScans(store, slot, 500);
  assert.deepEqual(scans.map(({ seq }) => seq), Array.from({ length: 61 }, (_, i) => i + 1));
  assert.deepEqual(scans.map(({ subject }) => subject), ["V", ...MANY]);
  assert.ok(scans.every((scan) => scan.at === NOW && !("aboard" in scan)));
  assert.equal((await waiting(store)).scans, 61);
});

test("what is undone is undone for everyone aboard", async () => {
  const { store, passes, numbered } = await begin();
  await passes(["A", "B"]);
  await undo(store);
  await settle(store);
  assert.deepEqual(await numbered(), []);
});

test("those aboard are asked for by the instant of the scan where the phone did not know them, once", async () => {
  const { factory, store, passes, numbered } = await begin();
  await passes(null);
  await passes(["C"], NOW + 1000);
  await settle(store);
  assert.deepEqual(await numbered(), ["1 V", "2 V", "3 C"]);
  assert.equal((await waiting(store)).scans, 4, "three numbered, and a vehicle whose people are missing");
  assert.equal(await expandMissing(store, () => Promise.reject(new Error("no network"))), false);
  assert.equal((await waiting(store)).scans, 4);
  store.close();
  const again = await openStore(factory);
  const asked: string[] = [];
  const ask = async (pass: string, at: number) => (asked.push(`${pass} ${at}`), ["A", "B"]);
  assert.equal(await expandMissing(again, ask), true);
  assert.equal(await expandMissing(again, ask), true);
  assert.deepEqual(asked, [`pass of V ${NOW}`]);
  const scans = await takeScans(again, 1, 500);
  assert.deepEqual(scans.map(({ seq, subject }) => `${seq} ${subject}`), ["1 V", "2 V", "3 C", "4 A", "5 B"]);
  assert.deepEqual(scans.map(({ at }) => at), [NOW, NOW, NOW + 1000, NOW, NOW].map((at, i) => (i === 1 ? NOW + 1000 : at)));
  assert.equal((await waiting(again)).scans, 5);
});

test("two tabs that learn who was aboard at once number them once", async () => {
  const { factory, store, passes } = await begin();
  await passes(null);
  await settle(store);
  const other = await openStore(factory);
  const [scan] = await missingAboard(store, 9);
  assert.ok(scan);
  await Promise.all([numberAboard(store, scan, ["A", "B"]), numberAboard(other, scan, ["A", "B"])]);
  assert.equal((await takeScans(store, 1, 500)).length, 3);
});

test("a browser killed at any step of learning who was aboard numbers all of them or none", async () => {
  for (let kill = 1; kill < 30; kill++) {
    const { store, passes, numbered } = await begin();
    await passes(null);
    await settle(store);
    const [scan] = await missingAboard(store, 9);
    assert.ok(scan);
    const isDone = await killedAfter(kill, () => numberAboard(store, scan, ["A", "B"])).then(() => true, () => false);
    assert.deepEqual(await numbered(), isDone ? ["1 V", "2 A", "3 B"] : ["1 V"], `after ${kill}`);
    assert.equal((await missingAboard(store, 9)).length, isDone ? 0 : 1);
    if (isDone) return;
  }
  assert.fail("it never ended");
});

/** Runs `work`, and lets its transaction fail at its request `count`. */
async function killedAfter(count: number, work: () => Promise<void>): Promise<void> {
  const names = ["get", "put", "add", "delete", "count"] as const;
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

const LISTS: Lists = readLists({
  answer: {
    now: NOW, revoked: [], watch: [{ subject: "B", reason: "case" }], keys: [],
    vehicles: [{ pass: "P-1", aboard: ["A", "B"] }, { pass: "P-2", aboard: ["C"] }],
  },
  etag: null,
  checkedAt: NOW,
});

test("without a network the lists say who is aboard while they are fresh", () => {
  assert.deepEqual(aboardOf(LISTS, "P-2", NOW + 599_999), ["C"]);
  assert.equal(aboardOf(LISTS, "P-2", NOW + 600_000), null, "crews change: it is asked later");
  assert.equal(aboardOf(LISTS, "P-3", NOW), null);
  const checked = { pass: { number: "P-2", isVehicle: true }, vehicle: null } as unknown as Checked;
  assert.deepEqual(aboardIn(checked, LISTS, NOW), { aboard: ["C"] });
  const person = { pass: { number: "P-2", isVehicle: false }, vehicle: null } as unknown as Checked;
  assert.deepEqual(aboardIn(person, LISTS, NOW), {}, "a person's pass is one scan");
  const told = { pass: null, vehicle: { aboard: [{ subject: "X" }, { subject: "X" }] } } as unknown as Checked;
  assert.deepEqual(aboardIn(told, LISTS, NOW), { aboard: ["X"] }, "who has two documents is one subject");
});

test("a vehicle is judged without a network by its seal and by everyone aboard", () => {
  const pass = (number: string, isVerified: boolean) => ({
    number, subject: "V", issuedAt: NOW, validUntil: NOW + 1, isVerified, isVehicle: true, hasCompanions: true,
  });
  const found = (number: string, isVerified: boolean) =>
    findingsOf({ outcome: "valid", pass: pass(number, isVerified) }, LISTS, NOW);
  assert.deepEqual(found("P-9", false), ["not_sealed"]);
  assert.deepEqual(found("P-9", true), ["valid"]);
  assert.deepEqual(found("P-2", false), ["valid"], "sealed since its code was printed");
  assert.deepEqual(found("P-1", true), ["watch"], "somebody aboard is watched");
  assert.deepEqual(amended(["not_sealed"], "valid"), ["valid"]);
  assert.deepEqual(amended(["valid"], "not_sealed"), ["not_sealed"]);
});

test("a form is a trip, and those aboard go back into it", () => {
  const values = {
    "vehicle.plate": " 51b 12345 ", "vehicle.kind": "bus", "vehicle.operator": "Một", "vehicle.seats": "45", depot: "D1",
    "route[0]": "P1", "route[1]": "", "route[2]": "P2", departs_at: "2021-08-05T12:00", until: "", "cargo.kind": "passengers",
    "aboard[0].name": "Lái", "aboard[0].document.kind": "citizen_id", "aboard[0].document.number": "001", "aboard[0].sex": "male",
    "aboard[0].duty": "crew", "aboard[0].birth_date": "1990", "aboard[0].document.country": "VN",
    "aboard[1].name": "Khách", "aboard[1].document.kind": "passport", "aboard[1].document.number": "B1", "aboard[1].duty": "passenger",
    "aboard[1].document.country": "LA", "aboard[1].phone": "090", "aboard[1].sex": "female", "aboard[1].birth_date": "1991",
  };
  const trip = tripOf(values);
  assert.deepEqual(trip.route, ["P1", "P2"]);
  assert.equal(trip.until, 0, "no time is told as wrong");
  assert.equal(trip.vehicle.seats, 45);
  assert.equal(trip.aboard[0]?.duty, "driver", "the first drives");
  assert.deepEqual(trip.aboard[1]?.document, { kind: "passport", number: "B1", country: "LA" });
  assert.deepEqual(peopleOf(valuesOfAboard(trip.aboard)), trip.aboard);
  assert.deepEqual(peopleOf(without(values, "aboard", 0)).map(({ name }) => name), ["Khách"]);
});

test("what a phone kept before there were vehicles is still there", async () => {
  const factory = new IDBFactory();
  const first = factory.open("truyvet-checkpoint", 1);
  await new Promise<void>((resolve, reject) => {
    first.onupgradeneeded = () => {
      first.result.createObjectStore("devices", { keyPath: "slot", autoIncrement: true });
      for (const name of ["scans", "aside", "refused"]) first.result.createObjectStore(name, { keyPath: ["slot", "seq"] });
      first.result.createObjectStore("pending", { keyPath: "slot" }).put({ slot: 1, subject: "A", at: NOW });
      first.result.createObjectStore("state");
    };
    first.onsuccess = () => resolve();
    first.onerror = () => reject(first.error);
  });
  first.result.close();
  const store = await openStore(factory);
  assert.equal((await waiting(store)).scans, 1);
  assert.deepEqual(await missingAboard(store, 9), []);
});
