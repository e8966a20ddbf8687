// A question to the engine is what was asked, and an order what follows from its answer.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem, Unreachable } from "../src/api";
import { addressOf, askedOf, flawOf, namedBy, originOf, refusalOf, type Form } from "../src/trace/asked";

const FORM: Form = {
  kind: "contacts", code: "3ZK7Q2VHB0A1M4XD", from: "2021-08-01T00:00:00", to: "2021-08-15T00:00:00",
  window_minutes: "15", generations: "2", overlap_minutes: "30",
};

test("what the form says later changes neither the answer's address nor whom an order names", () => {
  const form = { ...FORM };
  const asked = askedOf(form, "subject", ["contacts", "stays"]);
  const before = [addressOf(asked, "contacts"), namedBy(asked), originOf(asked)];
  Object.assign(form, { kind: "passed", code: "HN-01", from: "2020-01-01T00:00:00", window_minutes: "600" });
  assert.deepEqual([addressOf(asked, "contacts"), namedBy(asked), originOf(asked)], before);
  assert.deepEqual(Object.keys(namedBy(asked)), ["contacts", "stays"]);
  assert.deepEqual(namedBy(asked)["contacts"], {
    subject: FORM.code, from: new Date(FORM.from).toISOString(), to: new Date(FORM.to).toISOString(), window: "15m",
  });
  assert.equal(originOf(asked), `contacts + stays, subject ${FORM.code}, window 15m, ${new Date(FORM.from).toISOString()} – ${new Date(FORM.to).toISOString()}`);
});

test("only a question about stays says how long they must have been together", () => {
  const overlap = (kind: string): string | undefined => namedBy(askedOf({ ...FORM, kind }, "subject", ["stays"]))["stays"]?.["overlap"];
  assert.deepEqual([overlap("stays"), overlap("contacts")], ["1800000ms", undefined]);
  assert.equal(namedBy(askedOf({ ...FORM, kind: "chain" }, "seed", ["chain"]))["chain"]?.["generations"], "2");
});

test("what is wrong is told at its field, without the server's words", () => {
  assert.equal(flawOf(FORM), null);
  assert.deepEqual(flawOf({ ...FORM, code: " " }), { field: "code", code: "missing" });
  assert.deepEqual(flawOf({ ...FORM, to: FORM.from }), { field: "to", code: "before_from" });
  const problem = (status: number): Problem => new Problem("", status, [], null, { detail: "write a whole number" });
  assert.deepEqual([400, 413, 504, 503].map((status) => refusalOf(problem(status))), ["question_wrong", "question_too_large", "question_too_long", null]);
  assert.equal(refusalOf(new Unreachable()), null);
});
