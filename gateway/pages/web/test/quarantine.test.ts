// In which order quarantine is read, and what a diary's form says.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { OrderRow } from "../src/quarantine/contract";
import { daysLeft, entryOf, heard, inOrder, isWanted, readTemperature } from "../src/quarantine/rules";

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

test("what is left empty is left out, and one may just be well", () => {
  assert.deepEqual(entryOf({ temperature_c: "", symptoms: "", test: "", note: " " }, NOW), {});
  const values = { temperature_c: "38,2", symptoms: "fever cough", test: "pcr_positive", note: " Mệt " };
  assert.deepEqual(entryOf(values, NOW), {
    temperature_c: 38.2,
    symptoms: ["fever", "cough"],
    test: { kind: "pcr", result: "positive", taken_at: NOW },
    note: "Mệt",
  });
  assert.deepEqual(entryOf({ temperature_c: "368" }, NOW), { wrong: "temperature_c" });
});
