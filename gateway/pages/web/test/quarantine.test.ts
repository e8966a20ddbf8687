// In which order quarantine is read, and what a diary's form says.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { OrderRow } from "../src/quarantine/contract";
import { alarmsWith, daysLeft, entryOf, heard, inOrder, isWanted, readTemperature, remarksOf } from "../src/quarantine/rules";

const NOW = 1_629_400_000_000;
const DAY_MS = 86_400_000;

function row(order: string, state: OrderRow["state"], breaches = 0): OrderRow {
  const area = { code: "W", name: "W", path: "" };
  const about = { kind: "home", reason: "contact", by: "mai", subject: "S" } as const;
  return { order, state, breaches, area, from: 0, until: 1, made_at: 0, entries: 0, ...about };
}

const numbers = (rows: OrderRow[]): string[] => rows.map(({ order }) => order);

test("the broken come first, then the newest, each once", () => {
  // One apart beyond what a double can tell apart.
  const [old, young] = ["1886000000000000001", "1886000000000000002"] as const;
  const rows = [row(old, "open"), row(young, "open"), row("7", "breached", 1), row(young, "open")];
  assert.deepEqual(numbers(inOrder(rows)), ["7", young, old]);
});

test("an order that has just been broken moves up, and one that is no longer wanted goes", () => {
  const shown = [row("2", "open"), row("1", "open")];
  assert.deepEqual(numbers(heard(shown, "open", row("1", "breached", 1))), ["1", "2"]);
  assert.deepEqual(numbers(heard(shown, "open", row("1", "ended", 1))), ["2"]);
  assert.deepEqual(numbers(heard([], "breached", row("1", "ended", 1))), ["1"]);
  assert.ok(isWanted("ended", row("1", "ended")) && !isWanted("open", row("1", "ended")));
  assert.ok(isWanted("open", row("1", "planned")) && !isWanted("breached", row("1", "open")));
});

test("the last day counts", () => {
  assert.equal(daysLeft(NOW + 14 * DAY_MS, NOW), 14);
  assert.equal(daysLeft(NOW + 1, NOW), 1);
  assert.equal(daysLeft(NOW, NOW + 5), 0);
});

test("a temperature is read as people write it", () => {
  assert.equal(readTemperature(" 36,8 "), 36.8);
  assert.equal(readTemperature("37"), 37);
  for (const wrong of ["", "368", "36.8.1", "-36", "ba bảy", "3e1"]) assert.equal(readTemperature(wrong), null, wrong);
});

test("each broken order has one alarm, the newest first, and so many that one can look at them", () => {
  const first = alarmsWith([row("1", "breached", 1)], row("2", "breached", 1));
  assert.deepEqual(numbers(first), ["2", "1"]);
  const again = alarmsWith(first, row("1", "breached", 2));
  assert.deepEqual(again.map(({ order, breaches }) => [order, breaches]), [["1", 2], ["2", 1]]);
  const many = Array.from({ length: 50 }, (_, i) => row(String(i), "breached", 1)).reduce(alarmsWith, [] as OrderRow[]);
  assert.deepEqual([many.length, many[0]?.order], [20, "49"]);
});

test("of an order for many it is told what the answers to its questions do not say", () => {
  const made = { tried: true, cut: false, ordered: 1, ordered_before: 0, areas: 1, not_ordered: [] };
  assert.deepEqual(remarksOf(made), []);
  assert.deepEqual(remarksOf({ ...made, unknown: [], incomplete: [] }), []);
  const remarks = remarksOf({ ...made, cut: true, unknown: ["A", "B"], incomplete: [{ from: 0, to: 1 }] });
  assert.deepEqual(remarks, [["order_cut", {}], ["order_incomplete", {}], ["order_unknown", { codes: "A, B" }]]);
});

test("an entry that says nothing is none: being well is ticked", () => {
  const silent = { temperature_c: "", symptoms: "", test: "", test_day: "2021-08-19", note: " " };
  assert.deepEqual(entryOf(silent, NOW), { wrong: { field: "symptoms", code: "missing" } });
  assert.deepEqual(entryOf({ ...silent, symptoms: "none" }, NOW), {});
  assert.deepEqual(entryOf({ ...silent, temperature_c: "36,8" }, NOW), { temperature_c: 36.8 });
});

test("what is left empty is left out, and a test is of the day that is told", () => {
  const values = { temperature_c: "38,2", symptoms: "fever cough", test: "pcr_positive", test_day: "2021-08-18", note: " Mệt " };
  assert.deepEqual(entryOf(values, NOW), {
    temperature_c: 38.2,
    symptoms: ["fever", "cough"],
    test: { kind: "pcr", result: "positive", taken_at: Date.UTC(2021, 7, 17, 17) },
    note: "Mệt",
  });
  assert.deepEqual(entryOf({ temperature_c: "368" }, NOW), { wrong: { field: "temperature_c", code: "form" } });
  assert.deepEqual(entryOf({ ...values, test_day: "" }, NOW), { wrong: { field: "test.taken_at", code: "missing" } });
  assert.deepEqual(entryOf({ ...values, test_day: "2021-08-21" }, NOW), { wrong: { field: "test.taken_at", code: "time" } });
});
