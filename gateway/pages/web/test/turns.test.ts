// Questions that are asked anew while an answer is awaited.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { once, soon, Turns } from "../src/turns";

/** A question that is answered when the test says so. */
function asked<T>(): { answer: Promise<T>; say: (answer: T) => void; fail: (why: Error) => void } {
  let say: (answer: T) => void = () => undefined;
  let fail: (why: Error) => void = () => undefined;
  const answer = new Promise<T>((resolve, reject) => ([say, fail] = [resolve, reject]));
  return { answer, say, fail };
}

test("a slow answer about A does not take the place of the one about B", async () => {
  const turns = new Turns();
  const [a, b] = [asked<string>(), asked<string>()];
  const shown = Promise.all([turns.take(() => a.answer), turns.take(() => b.answer)]);
  b.say("B");
  a.say("A");
  assert.deepEqual(await shown, [undefined, "B"]);
});

test("a failure that nobody waits for is told to nobody, the last one is", async () => {
  const turns = new Turns();
  const [a, b, c] = [asked<string>(), asked<string>(), asked<string>()];
  const first = turns.take(() => a.answer);
  const second = turns.take(() => b.answer);
  a.fail(new Error("A"));
  b.fail(new Error("B"));
  assert.equal(await first, undefined);
  await assert.rejects(second, /B/);
  const third = turns.take(() => c.answer);
  turns.end();
  c.say("C");
  assert.equal(await third, undefined, "it was put away");
});

test("what is asked once is asked again after a failure alone", async () => {
  let times = 0;
  const ask = once(async () => {
    if (++times === 1) throw new Error("no network");
    return times;
  });
  await assert.rejects(ask());
  assert.deepEqual([await ask(), await ask()], [2, 2]);
});

test("many words of change within a moment are one question, and the next ones another", async () => {
  let times = 0;
  const again = soon(() => times++, 10);
  for (let i = 0; i < 20; i++) again();
  await pause(30);
  assert.equal(times, 1);
  again();
  await pause(30);
  assert.equal(times, 2);
});
