// Asking again: when, how long after, and when not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem, Unreachable } from "../src/api";
import { delayMs, untilAnswered } from "../src/retry";

function problem(status: number, retryAfterMs: number | null = null): Problem {
  return new Problem("", status, [], retryAfterMs, {});
}

test("waits get longer up to half a minute and are never all the same", () => {
  const longest = [0, 1, 2, 3, 4, 5, 50].map((attempt) => delayMs(attempt, 1));
  assert.deepEqual(longest, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  assert.equal(delayMs(2, 0), 3000);
});

test("no network and a busy server are asked again, as late as the server says", async () => {
  const failures = [new Unreachable(), problem(503), problem(429, 7000)];
  const waits: number[] = [];
  const ask = async (): Promise<string> => {
    const failure = failures.shift();
    if (failure) throw failure;
    return "answered";
  };
  const answer = await untilAnswered(ask, { wait: async (ms) => void waits.push(ms) });
  assert.equal(answer, "answered");
  assert.equal(waits.length, 3);
  assert.equal(waits[2], 7000);
});

test("a refusal is told at once", async () => {
  let asked = 0;
  const ask = async (): Promise<void> => {
    asked += 1;
    throw problem(422);
  };
  await assert.rejects(untilAnswered(ask, { wait: async () => undefined }), { status: 422 });
  assert.equal(asked, 1);
});

test("where somebody waits, it ends after so many failures", async () => {
  let asked = 0;
  const ask = async (): Promise<void> => {
    asked += 1;
    throw new Unreachable();
  };
  await assert.rejects(untilAnswered(ask, { wait: async () => undefined, attempts: 3 }), Unreachable);
  assert.equal(asked, 3);
});
