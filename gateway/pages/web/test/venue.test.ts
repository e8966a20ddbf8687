// Venues: how full one is, its day as bars, a poster's address, a visitor's scan that is sent once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem, Unreachable } from "../src/api";
import { Device, type KeptPass, type KeptVisit, type VisitLetter } from "../src/device";
import type { Cell, Visited } from "../src/venue/contract";
import type { PostVisit } from "../src/venue/visit";
import { MemoryStorage } from "./storage";

const words = { inside_full: "{inside}/{capacity} full", inside_unbounded: "{inside} inside" };
const page = { getElementById: () => ({ textContent: JSON.stringify(words) }), documentElement: { lang: "en" } };
Object.assign(globalThis, { document: page });
const { fullnessOf, roomWords } = await import("../src/venue/room");
const { barsOf, hour, HEIGHT } = await import("../src/venue/bars");
const { bearerOut, bearersOf, deliverVisit, insideOf, likelyBearer, posterOf, writeVisit } = await import("../src/venue/visit");

const NOW = 1_628_164_800_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const POSTER = { site: "MK-1", seal: "AEAACAJDIVTYTK6N" };
const patience = { wait: async (): Promise<void> => undefined };

function pass(name: string, holder: string | undefined, until = NOW + HOUR): KeptPass {
  const of = holder === undefined ? {} : { holder };
  return { pass: name, token: `TVP1:${name}`, issued_at: NOW - HOUR, valid_until: until, revoked: false, registered: true, ...of };
}

function inside(who: string, pass: string): KeptVisit {
  return { who, poster: POSTER, name: "Chợ", way: "in", at: NOW, pass };
}

function cell(most: number): Cell {
  return { from: NOW, to: NOW + HOUR, entered: most, left: 0, most, inside: most };
}

test("a venue is nearly full from nine in ten on, full at its capacity, and always where nobody may be inside", () => {
  assert.deepEqual([0, 89, 90, 99, 100, 101].map((inside) => fullnessOf(inside, 100)), ["open", "open", "nearly", "nearly", "full", "full"]);
  assert.equal(fullnessOf(0, 0), "full");
  assert.equal(fullnessOf(1_000_000, undefined), "unbounded");
  assert.deepEqual([fullnessOf(0, 1), fullnessOf(1, 1)], ["open", "full"]);
  assert.equal(roomWords(0, 0), "0/0 full");
  assert.equal(roomWords(7, undefined), "7 inside");
});

test("bars stand on one line, none is higher than the picture, and the capacity is a line among them", () => {
  const { bars, line } = barsOf([cell(0), cell(50), cell(120)], 100);
  assert.deepEqual(bars.map(({ isOver }) => isOver), [false, false, true]);
  const feet = bars.map(({ y, height }) => Math.round(y + height));
  assert.equal(new Set(feet).size, 1);
  assert.ok(bars.every(({ y, height }) => y >= 0 && y + height <= HEIGHT));
  assert.ok(line !== null && line > (bars[2]?.y ?? 0) && line < (bars[1]?.y ?? 0));
  assert.equal(barsOf([cell(3)], undefined).line, null);
  assert.deepEqual(barsOf([], 0).bars, []);
  assert.equal(barsOf([cell(0)], 0).bars[0]?.height, 0, "nothing is divided by nobody");
  assert.equal(hour(Date.UTC(2026, 10, 28, 17)), "00:00", "in the time of the country");
});

test("a poster's address is read whatever stands in the code, and anything else is none", () => {
  assert.deepEqual(posterOf("#MK-1.AEAACAJDIVTYTK6N"), POSTER);
  assert.deepEqual(posterOf("#Ch%E1%BB%A3%2E1.AEAACAJDIVTYTK6N"), { ...POSTER, site: "Chợ.1" });
  for (const other of ["", "#", "#MK-1", "#.AEAACAJDIVTYTK6N", "#MK-1.short", "#%E1.AEAACAJDIVTYTK6N", "#MK-1.aeaacajdivtytk6n"]) {
    assert.equal(posterOf(other), null, other);
  }
});

test("each holder has the newest valid pass, and where none is valid the old ones do to get out", () => {
  const passes = [pass("3", "Mai"), pass("2", "An"), pass("1", "Mai"), pass("0", "Old", NOW)];
  assert.deepEqual(bearersOf(passes, [], NOW).map((one) => one.pass), ["3", "2"]);
  assert.deepEqual(bearersOf([pass("0", undefined, NOW)], [], NOW).map((one) => one.pass), ["0"]);
  assert.deepEqual(bearersOf([], [], NOW), []);
  assert.deepEqual(bearersOf(passes, [inside("Old", "0")], NOW).map((one) => one.pass), ["3", "2", "0"], "inside with a pass that is over");
  assert.equal(bearerOut(passes, inside("Mai", "1"))?.pass, "1", "the pass of the way in");
});

test("of a family everybody's visit is kept, also when a pass is renewed, and ends with their own way out", () => {
  const device = new Device(new MemoryStorage());
  device.keepVisit(inside("Mai", "1"));
  device.keepVisit(inside("An", "2"));
  assert.deepEqual(insideOf(device.visits, NOW).map(({ who }) => who), ["An", "Mai"], "the newest first");
  device.keepVisit({ ...inside("An", "2"), way: "out" });
  assert.deepEqual(insideOf(device.visits, NOW).map(({ who }) => who), ["Mai"]);
  device.keepVisit({ ...inside("Mai", "3"), way: "out" });
  assert.deepEqual(insideOf(device.visits, NOW), []);
  assert.deepEqual(insideOf([inside("Mai", "1")], NOW + 12 * HOUR), [], "nobody is inside for longer than the server counts");
});

test("whoever is inside is likely to leave, and for somebody else it is one who is not inside", () => {
  const family = [pass("1", "Mai"), pass("2", "An"), pass("3", "Ba")];
  const likely = (visits: KeptVisit[], isOther: boolean) => likelyBearer(family, visits, POSTER, isOther)?.pass;
  assert.equal(likely([inside("An", "2")], false), "2");
  assert.equal(likely([inside("Mai", "1")], true), "2");
  assert.equal(likely([inside("Mai", "1"), inside("An", "2")], true), "3");
  assert.equal(likely([], false), "1");
  assert.equal(likely([{ ...inside("An", "2"), poster: { ...POSTER, site: "MK-2" } }], false), "1", "inside elsewhere");
  assert.equal(likely(family.map((one) => inside(one.holder ?? "", one.pass)), true), "1");
});

test("a scan has one key through failures and a reload, and is kept once it is answered", async () => {
  const storage = new MemoryStorage();
  const keys: string[] = [];
  writeVisit(new Device(storage), POSTER, "in", pass("1", "An"), NOW);
  const unlucky = async ({ key }: VisitLetter): Promise<Visited> => {
    keys.push(key);
    throw new Unreachable();
  };
  const closed = { wait: (): Promise<void> => new Promise(() => undefined) };
  void deliverVisit(new Device(storage), new Device(storage).visitLetter as VisitLetter, closed, unlucky, () => NOW);
  await new Promise(setImmediate);
  const device = new Device(storage);
  const send = async (letter: VisitLetter): Promise<Visited> => {
    keys.push(letter.key);
    if (keys.length < 3) throw new Problem("busy", 503, [], null, {});
    return { site: letter.poster.site, name: "Chợ", direction: letter.way, at: NOW };
  };
  await deliverVisit(device, device.visitLetter as VisitLetter, patience, send, () => NOW);
  assert.equal(new Set(keys).size, 1);
  assert.equal(device.visitLetter, null);
  assert.deepEqual(device.visits, [{ who: "An", poster: POSTER, name: "Chợ", way: "in", at: NOW, pass: "1" }]);
  const refuse = async (): Promise<Visited> => Promise.reject(new Problem("pass-revoked", 409, [], null, {}));
  const letter = writeVisit(device, POSTER, "in", pass("1", "An"), NOW);
  await assert.rejects(deliverVisit(device, letter, patience, refuse, () => NOW), { kind: "pass-revoked" });
  assert.equal(device.visitLetter, null, "what was refused is not sent again");
  assert.equal(device.visits[0]?.at, NOW, "and the visit before stays");
});

test("a scan is sent with the time it was pressed at, and not at all when that is long ago", async () => {
  const device = new Device(new MemoryStorage());
  const times: (number | undefined)[] = [];
  const take: PostVisit = async ({ poster, way }, at) => {
    times.push(at);
    return { site: poster.site, name: "Chợ", direction: way, at: at ?? 0 };
  };
  const sendAfter = (ms: number, send: PostVisit) => {
    const letter = writeVisit(device, POSTER, "in", pass("1", "An"), NOW);
    return deliverVisit(device, letter, patience, send, () => NOW + ms);
  };
  await sendAfter(9 * MINUTE, take);
  assert.deepEqual(times, [NOW]);
  await assert.rejects(sendAfter(11 * MINUTE, take), { kind: "too-old" });
  const { at: _, ...older } = writeVisit(device, POSTER, "in", pass("1", "An"), NOW);
  await assert.rejects(deliverVisit(device, older as VisitLetter, patience, take, () => NOW), { kind: "too-old" }, "of an older version");
  assert.deepEqual(times, [NOW], "neither was sent");
  assert.equal(device.visitLetter, null);

  // Each attempt looks at the clock: offline for a quarter of an hour it is given up by itself.
  let now = NOW;
  const offline: PostVisit = async () => {
    now += 4 * MINUTE;
    throw new Unreachable();
  };
  const letter = writeVisit(device, POSTER, "in", pass("1", "An"), NOW);
  await assert.rejects(deliverVisit(device, letter, patience, offline, () => now), { kind: "too-old" });
  assert.equal(now, NOW + 12 * MINUTE);

  // To the server it is old though it was pressed just now: the phone's clock is slow.
  const strict: PostVisit = async (letter, at) => {
    if (at !== undefined) throw new Problem("too-old", 409, [], null, {});
    return take(letter, at);
  };
  await sendAfter(1_000, strict);
  assert.deepEqual(times, [NOW, undefined]);
  await assert.rejects(sendAfter(5 * MINUTE, strict), { kind: "too-old" });
});

test("a scan that is called off while it waits is neither sent again nor kept", async () => {
  const device = new Device(new MemoryStorage());
  let sent = 0;
  const offline: PostVisit = async () => {
    sent += 1;
    throw new Unreachable();
  };
  const calling = new AbortController();
  const waits = { wait: async (): Promise<void> => calling.abort(), signal: calling.signal };
  const letter = writeVisit(device, POSTER, "in", pass("1", "An"), NOW);
  await assert.rejects(deliverVisit(device, letter, waits, offline, () => NOW), Unreachable);
  assert.equal(sent, 1);
  assert.equal(device.visitLetter, null);
  assert.deepEqual(device.visits, []);
});
