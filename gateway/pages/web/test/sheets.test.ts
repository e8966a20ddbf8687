// Passes on paper: how many pages, and which are printed together.

import assert from "node:assert/strict";
import { test } from "node:test";

import { batchesOf, sheetsOf } from "../src/paper/sheets";

test("eight passes take a page, and a flight of 400 is printed to its last page", () => {
  assert.deepEqual([0, 1, 8, 9, 400].map(sheetsOf), [0, 1, 1, 2, 50]);
  assert.deepEqual(batchesOf(sheetsOf(400)), [{ first: 1, count: 25 }, { first: 26, count: 25 }]);
  assert.deepEqual(batchesOf(26), [{ first: 1, count: 25 }, { first: 26, count: 1 }]);
  assert.deepEqual(batchesOf(0), []);
});
