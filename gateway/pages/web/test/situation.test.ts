// What is shown of the epidemic situation, the way over the map by arrow keys, and what the device keeps.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { AreaSituation, JourneySituation, Level } from "../src/contract";
import { Device } from "../src/device";
import { nearest } from "../src/situation/nearest";
import { byLevel, isAnythingKnown, questionOf, shownOf } from "../src/situation/places";
import shapes from "../src/situation/vn.json";
import { MemoryStorage } from "./storage";

const same = (text: string) => ({ vi: text, en: text });
const level = (code: string): Level => ({
  code, sign: "*", ink: "#000000", ground: "#ffffff", name: same(code), about: same(code), note: same(code), arrivals: {},
});
const LEVELS = ["green", "yellow", "red"].map(level);
const area = (code: string, of?: string): AreaSituation => ({ code, name: code, path: "", ...(of ? { level: of } : {}) });

test("a journey is asked about as a whole, and by what is chosen of it before", () => {
  assert.equal(questionOf("A", "B", null), "/situation/journey?from=A&to=B");
  assert.equal(questionOf("A&", "B", 5), "/situation/journey?from=A%26&to=B&at=5");
  assert.equal(questionOf("A", "", null), "/situation?area=A");
  assert.equal(questionOf("", "B", null), "/situation?area=B");
  assert.equal(questionOf("", "", 5), null);
});

test("places between stand together by their level, the gravest first, those without one last", () => {
  const groups = byLevel([area("a", "green"), area("b"), area("c", "red"), area("d", "green")], LEVELS);
  assert.deepEqual(groups.map((group) => [group.level, group.areas.map(({ code }) => code)]), [
    ["red", ["c"]],
    ["green", ["a", "d"]],
    [undefined, ["b"]],
  ]);
});

test("what arrivals need is told of a whole journey alone", () => {
  const journey: JourneySituation = { from: area("a", "red"), to: area("b"), between: [], levels: LEVELS, arrivals: { home_days: 7 } };
  assert.deepEqual(shownOf(journey, true).arrivals, { home_days: 7 });
  assert.equal(shownOf(journey, true).through, null);
  const red = LEVELS.map((known) => (known.code === "red" ? { ...known, arrivals: { home_days: 7 } } : known));
  const through = { ...journey, arrivals: {}, between: [area("c", "red"), area("d", "green"), area("e")], levels: red, arrivals_through: { home_days: 7 } };
  assert.deepEqual(shownOf(through, true).through, { areas: [area("c", "red")], arrivals: { home_days: 7 } });
  const half = shownOf({ areas: [area("b", "red")], levels: LEVELS }, false);
  assert.equal(half.arrivals, null);
  assert.equal(half.ends[0]?.part, "to");
  assert.ok(isAnythingKnown(half));
  assert.ok(!isAnythingKnown(shownOf({ ...journey, from: area("a") }, true)));
});

test("arrow keys lead to every area of the map, and never where none lies", () => {
  const [first] = shapes.areas;
  const reached = new Set([first?.code ?? ""]);
  for (const code of reached) {
    for (const key of ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]) {
      const next = nearest(shapes.areas, code, key);
      assert.notEqual(next, code);
      if (next) reached.add(next);
    }
  }
  assert.equal(reached.size, shapes.areas.length);
  assert.equal(nearest(shapes.areas, first?.code ?? "", "Home"), null);
  assert.equal(nearest([{ code: "a", at: [0, 0] }], "a", "ArrowUp"), null);
});

test("the last answers are kept, of each question the newest, and go when one is forgotten", () => {
  const device = new Device(new MemoryStorage());
  for (let i = 0; i < 20; i++) device.keepSituation({ query: `/situation?area=${i}`, at: i, answer: { i } });
  device.keepSituation({ query: "/situation?area=19", at: 99, answer: {} });
  assert.equal(device.situation("/situation?area=19")?.at, 99);
  assert.equal(device.situation("/situation?area=8")?.at, 8);
  assert.equal(device.situation("/situation?area=7"), null);
  device.forget();
  assert.equal(device.situation("/situation?area=19"), null);
});
