// A list that changes while somebody looks at it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LiveList, type Page } from "../src/live-list";

/** A row by its number, and what was heard of it. */
interface Row {
  number: number;
  word: string;
}

const rowsFrom = (first: number, count: number): Row[] => Array.from({ length: count }, (_, i) => ({ number: first - i, word: "" }));

function inOrder(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [row.number, row])).values()].sort((a, b) => b.number - a.number);
}

/** A server with rows 1 to `count`, whose answers come when the test says so, if `isHeld`. */
function started(count: number, lead: Row[] = []) {
  const shown: { numbers: number[]; words: string; hasMore: boolean }[] = [];
  const asked: string[] = [];
  const held: (() => void)[] = [];
  const server = { isHeld: false, isBroken: false, count };
  const page = async (limit: number, before = "none"): Promise<Page<Row>> => {
    asked.push(`${limit} before ${before}`);
    const { isBroken } = server;
    const first = before === "none" ? server.count : Number(before) - 1;
    const rows = rowsFrom(first, Math.min(limit, first));
    if (server.isHeld) await new Promise<void>((resolve) => held.push(resolve));
    if (isBroken) throw new Error("no network");
    const last = rows[rows.length - 1]?.number ?? 1;
    return { rows, next: last > 1 ? String(last) : undefined };
  };
  const list = new LiveList<Row>({
    page,
    lead: async () => lead,
    inOrder,
    heard: (rows, fresh) => (fresh.word === "gone" ? rows.filter(({ number }) => number !== fresh.number) : inOrder([...rows, fresh])),
    show: (rows, hasMore) => shown.push({ numbers: rows.map(({ number }) => number), words: rows.map(({ word }) => word).join(""), hasMore }),
  });
  return { list, server, asked, last: () => shown[shown.length - 1], release: () => held.splice(0).forEach((go) => go()) };
}

test("asked again it has as many rows as somebody has gone on to, and what came meanwhile", async () => {
  const { list, server, asked, last } = started(400);
  await list.load();
  for (let i = 0; i < 4; i++) await list.more();
  assert.equal(last()?.numbers.length, 250);
  server.count += 3;
  asked.length = 0;
  await list.again();
  assert.deepEqual(asked, ["200 before none", "50 before 204"]);
  assert.deepEqual([last()?.numbers[0], last()?.numbers.length, last()?.hasMore], [403, 250, true]);
});

test("rows that lead the list, however old, make it no longer each time", async () => {
  const { list, asked, last } = started(400, [{ number: 7, word: "broken" }]);
  await list.load();
  await list.again();
  asked.length = 0;
  await list.again();
  assert.deepEqual(asked, ["50 before none"]);
  assert.equal(last()?.numbers.length, 51);
});

test("a row that is heard of while an older answer is on its way is not overwritten by it", async () => {
  const { list, server, last, release } = started(3);
  server.isHeld = true;
  const loading = list.load();
  list.hear({ number: 2, word: "broken" });
  release();
  await loading;
  assert.equal(last()?.words, "broken");
  server.isHeld = false;
  await list.again();
  assert.equal(last()?.words, "", "an answer that was asked for later knows better");
});

test("what has gone does not come back with the next page", async () => {
  const { list, server, last, release } = started(60);
  server.isHeld = true;
  const loading = list.load();
  list.hear({ number: 40, word: "broken" });
  release();
  await loading;
  list.hear({ number: 40, word: "gone" });
  server.isHeld = false;
  await list.more();
  assert.equal(last()?.numbers.includes(40), false);
});

test("a page that somebody has asked for is not lost to a change that is heard of meanwhile", async () => {
  const { list, server, last, release } = started(400);
  await list.load();
  server.isHeld = true;
  const more = list.more();
  const again = list.again();
  server.isHeld = false;
  release();
  await Promise.all([more, again]);
  assert.equal(last()?.numbers.length, 100);
});

test("an answer to a question of before is not shown, and its failure is nobody's", async () => {
  const { list, server, last, release } = started(3);
  server.isHeld = server.isBroken = true;
  const first = list.load();
  server.isHeld = server.isBroken = false;
  await list.load();
  release();
  await first;
  assert.deepEqual(last()?.numbers, [3, 2, 1]);
});
