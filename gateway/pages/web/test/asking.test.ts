// Questions and presses that meet: what is done once, what comes too late, what comes page by page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { firstOf, type Listing } from "../src/listing";
import { singly } from "../src/singly";

test("work that is pressed again while it is done is done once, and after it again", async () => {
  const ends: (() => void)[] = [];
  const work = singly((name: string) => new Promise<void>((end) => {
    done.push(name);
    ends.push(end);
  }));
  const done: string[] = [];
  const first = work("a");
  await work("b");
  assert.deepEqual(done, ["a"]);
  ends[0]?.();
  await first;
  void work("c");
  assert.deepEqual(done, ["a", "c"]);
});

test("work that fails can be done again", async () => {
  let failures = 0;
  const work = singly(async () => {
    failures += 1;
    throw new Error("no");
  });
  await assert.rejects(work());
  await assert.rejects(work());
  assert.equal(failures, 2);
});

test("a list is asked page by page until so much of it is there, or all", async () => {
  const ALL = [...Array(7).keys()];
  const asked: [string | undefined, number][] = [];
  const page = async (after: string | undefined, wanted: number): Promise<Listing<number>> => {
    asked.push([after, wanted]);
    const [from, to] = [Number(after ?? 0), Number(after ?? 0) + Math.min(3, wanted)];
    return { rows: ALL.slice(from, to), next: to < ALL.length ? String(to) : undefined };
  };
  assert.deepEqual(await firstOf(5, page), { rows: [0, 1, 2, 3, 4], next: "5" });
  assert.deepEqual(asked, [[undefined, 5], ["3", 2]]);
  assert.deepEqual(await firstOf(Infinity, page), { rows: ALL, next: undefined });
});
