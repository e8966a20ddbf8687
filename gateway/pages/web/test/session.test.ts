// Without an answer nobody knows whether there is a session, nor whether it has ended.

import assert from "node:assert/strict";
import { test } from "node:test";

import { endSession, knownSession } from "../src/session";

/** Answers in this order: a status, or no answer at all. Gives what was asked. */
function answered(...answers: (number | "none")[]): string[] {
  const asked: string[] = [];
  const fetch = async (url: string, { method }: RequestInit): Promise<Response> => {
    asked.push(`${method} ${url}`);
    const status = answers.shift();
    if (status === undefined || status === "none") throw new TypeError("Failed to fetch");
    const body = status === 204 ? null : JSON.stringify({ kind: "local" });
    return new Response(body, { status });
  };
  Object.assign(globalThis, { fetch });
  return asked;
}

function patience(): { waits: number; wait: () => Promise<void>; onWaiting: () => void } {
  const counted = { waits: 0, wait: async () => undefined, onWaiting: () => void counted.waits++ };
  return counted;
}

test("no network is not taken for being signed out: it is asked until the server has answered", async () => {
  answered("none", 503, 200);
  const patient = patience();
  assert.deepEqual(await knownSession(patient), { kind: "local" });
  assert.equal(patient.waits, 2);
  answered("none", 401);
  assert.equal(await knownSession(patience()), null);
});

test("a session has ended when the server says so, not before", async () => {
  const asked = answered("none", 502, 204);
  const patient = patience();
  await endSession(patient);
  assert.deepEqual(asked, Array(3).fill("DELETE /api/v1/session"));
  assert.equal(patient.waits, 2, "which is said meanwhile");
  answered(401);
  await endSession(patience());
  answered(403);
  await assert.rejects(endSession(patience()));
});
