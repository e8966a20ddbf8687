// Why something about an order was not done, in words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem, Unreachable } from "../src/api";

const words = { order_over: "over", not_one_abroad: "no home here", refused: "refused", unreachable: "no answer" };
const page = { getElementById: () => ({ textContent: JSON.stringify(words) }), documentElement: { lang: "en" } };
Object.assign(globalThis, { document: page });
const { orderTrouble } = await import("../src/quarantine/trouble");

test("a refusal to order is not taken for an order that is over", () => {
  const conflict = (body: Record<string, unknown>): Problem => new Problem("conflict", 409, [], null, body);
  assert.equal(orderTrouble(conflict({})), "over");
  assert.equal(orderTrouble(conflict({ why: "abroad" })), "no home here");
  assert.equal(orderTrouble(conflict({ why: "a word of a later server" })), "refused");
  assert.equal(orderTrouble(new Unreachable()), "no answer");
});
