// What was sent without an answer is the same request when it is sent again, also by the page loaded anew.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem, Unreachable } from "../src/api";
import { leftOf, paperRequest, sentOf } from "../src/paper/values";
import { readDraft, writeDraft } from "../src/tab-draft";
import { isRefusal, requestOf, type Unanswered } from "../src/unanswered";
import { tripOf } from "../src/vehicle/form";
import { MemoryStorage } from "./storage";

const AT = 1_628_164_830_000;
const MINUTE = 60_000;
const PAPER = { "person.name": "Mai", "person.documents[0].number": "079190012345", "journey.when": "now" };

/** A page that sends these values and gets no answer; the request that the tab keeps. */
function sentWithoutAnswer(page: string, values: Record<string, string>, request: Unanswered): Unanswered | null {
  Object.assign(globalThis, { sessionStorage: new MemoryStorage(), localStorage: new MemoryStorage() });
  writeDraft(page, "mai", { values, places: {}, sent: request });
  return readDraft(page, "mai")?.sent ?? null;
}

function problem(status: number, kind = ""): Problem {
  return new Problem(kind, status, [], null, {});
}

test("a trip whose answer was lost is the same trip after a reload, and another once something is changed", () => {
  const values = { "vehicle.plate": "51B-1", departs_at: "2021-08-05T12:00", "aboard[0].name": "Lái" };
  const content = (of: Record<string, string>) => JSON.stringify(tripOf(of));
  const first = requestOf(content(values), null, AT);
  const kept = sentWithoutAnswer("vehicle", values, first);
  assert.deepEqual(requestOf(content({ ...values }), kept, AT + MINUTE), first);
  assert.notEqual(requestOf(content({ ...values, "vehicle.plate": "51B-2" }), kept, AT).key, first.key);
  assert.notEqual(requestOf(content(values), null, AT).key, first.key, "nobody else's tab has it");
});

test("a paper without a departure is the same declaration a minute and a reload later, while no answer came", () => {
  const first = paperRequest(PAPER, null, AT);
  const kept = sentWithoutAnswer("paper", PAPER, first);
  const again = paperRequest({ ...PAPER }, kept, AT + 5 * MINUTE);
  assert.deepEqual(again, first);
  assert.deepEqual(sentOf(PAPER, false, again.at), sentOf(PAPER, false, first.at));
  assert.equal(sentOf(PAPER, false, again.at).declaration.journey.departs_at, AT - 30_000, "whole minutes");
  assert.notEqual(paperRequest({ ...PAPER, "person.name": "Lan" }, kept, AT).key, first.key);
  assert.equal(paperRequest(PAPER, null, AT + MINUTE).at, AT + MINUTE, "once answered, now is now");
});

test("insisting against the register is the same paper, so that a lost answer to it makes no second one", () => {
  const first = paperRequest(PAPER, null, AT);
  const left = leftOf(first, problem(409, "register-disagrees"));
  assert.deepEqual(left, first);
  assert.deepEqual(paperRequest(PAPER, left, AT + MINUTE), first);
  assert.equal(sentOf(PAPER, true, first.at).accept_mismatches, true);
});

test("only the server's refusal ends a request: not a lost network, a busy server or an ended session", () => {
  for (const failure of [new Unreachable(), new Error("?"), problem(503), problem(429), problem(401)]) {
    assert.equal(isRefusal(failure), false);
  }
  const request = paperRequest(PAPER, null, AT);
  for (const failure of [problem(422), problem(409, "two-people"), problem(403)]) assert.equal(leftOf(request, failure), null);
  assert.deepEqual(leftOf(request, new Unreachable()), request);
});
