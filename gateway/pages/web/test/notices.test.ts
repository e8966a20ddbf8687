// How notices are kept in order as they are heard.

import assert from "node:assert/strict";
import { test } from "node:test";

import { boundsOf, heard, inOrder, isWanted, mayArrive, type Notice, type Wanted } from "../src/notices";

const ALL: Wanted = { side: "", state: "" };

function notice(declaration: string, rest: Partial<Notice> = {}): Notice {
  const area = { code: "A", name: "A", path: "" };
  const times = { departs_at: 0, declared_at: 0, valid_until: 0 };
  const ids = { declaration, pass: "P", subject: "S", from: area, to: area };
  return { ...ids, ...times, side: "coming", state: "expected", revoked: false, companions: 0, passages: 0, ...rest };
}

const numbers = (notices: Notice[]): string[] => notices.map(({ declaration }) => declaration);

test("what is heard takes its place by number, and is there once", () => {
  // One apart beyond what a double can tell apart.
  const [old, middle, young] = ["1886000000000000001", "1886000000000000002", "1886000000000000003"] as const;
  const shown = [notice(young), notice(old)];
  assert.deepEqual(numbers(heard(shown, ALL, notice(middle))), [young, middle, old]);
  assert.deepEqual(numbers(heard(shown, ALL, notice("9"))), [young, old, "9"]);
  const passed = heard(shown, ALL, notice(old, { state: "under_way" }));
  assert.deepEqual(passed.map(({ state }) => state), ["expected", "under_way"]);
});

test("pages that overlap have each journey once, as it was told last", () => {
  const pages = [notice("3"), notice("1"), notice("2"), notice("3", { state: "arrived" })];
  assert.deepEqual(inOrder(pages).map(({ declaration, state }) => [declaration, state]), [["3", "arrived"], ["2", "expected"], ["1", "expected"]]);
});

test("what is not wanted is left out, also when it has just become so", () => {
  const wanted: Wanted = { side: "coming", state: "expected" };
  const shown = [notice("2"), notice("1")];
  assert.deepEqual(numbers(heard(shown, wanted, notice("1", { state: "arrived" }))), ["2"]);
  assert.deepEqual(numbers(heard(shown, wanted, notice("3", { side: "leaving" }))), ["2", "1"]);
  assert.equal(isWanted({ side: "leaving", state: "" }, notice("1", { side: "within" })), true);
});

test("those that come may be said to have arrived, once", () => {
  assert.equal(mayArrive(notice("1")), true);
  assert.equal(mayArrive(notice("1", { side: "leaving" })), false);
  assert.equal(mayArrive(notice("1", { state: "arrived" })), false);
});

test("a day goes from midnight to midnight of the country", () => {
  const bounds = boundsOf("2021-08-20");
  assert.equal(bounds?.from, Date.UTC(2021, 7, 19, 17));
  assert.equal(bounds?.to, Date.UTC(2021, 7, 20, 17));
  assert.equal(boundsOf(""), null);
});
