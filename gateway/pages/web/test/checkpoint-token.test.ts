// The token of a pass, held against the vectors of schemas/PASS.md; numbers and codes too.

import assert from "node:assert/strict";
import { test } from "node:test";

import { verifyAsync } from "@noble/ed25519";

import { Unreachable } from "../src/api";
import { toBase64 } from "../src/checkpoint/bytes";
import { check } from "../src/checkpoint/check";
import type { Means } from "../src/checkpoint/check";
import { readLists } from "../src/checkpoint/lists";
import { readPassNumber, passNumber, subjectCode } from "../src/checkpoint/numbers";
import { checkToken, looksLikeToken } from "../src/checkpoint/token";
import { bytesOfHex, page, vector } from "./vectors";

const PASS = page("PASS.md");
const KEY = { id: 1, publicKey: bytesOfHex(vector(PASS, "pass public-key")), from: 1627776000000, until: null };
const SKEW_MS = 60_000;

const rows = [...PASS.matchAll(/^\| `([\w-]+)` \| (\d{13}) \| `(\w+)` \|/gm)];

test("the page has its table of vectors", () => assert.equal(rows.length, 15));

for (const [, name = "", now = "", outcome = ""] of rows) {
  test(`the token ${name} at ${now} is ${outcome}`, async () => {
    const checked = await checkToken(vector(PASS, `pass ${name}`), [KEY], Number(now), SKEW_MS);
    assert.equal(checked.outcome, outcome);
  });
}

test("a valid token tells its facts", async () => {
  const { pass } = await checkToken(vector(PASS, "pass valid"), [KEY], 1628164800000, SKEW_MS);
  assert.deepEqual(pass, {
    number: "04HMA-SW9NF-6YYA", subject: "M2GT58X4MPKAFA59", issuedAt: 1628121600000,
    validUntil: 1628380800000, isVerified: true, isVehicle: false, hasCompanions: false,
  });
});

test("a key speaks only for what was issued while it was in use", async () => {
  const valid = vector(PASS, "pass valid");
  const of = (key: object) => checkToken(valid, [{ ...KEY, ...key }], 1628164800000, SKEW_MS);
  assert.equal((await of({ until: 1628121600000 })).outcome, "unknown_key");
  assert.equal((await of({ until: 1628121600001 })).outcome, "valid");
  assert.equal((await of({ from: 1628121600001 })).outcome, "unknown_key");
});

test("every beginning of a token is truncated, and every longer text damaged", async () => {
  const valid = vector(PASS, "pass valid").trim();
  for (let length = 0; length < valid.length; length++) {
    assert.equal((await checkToken(valid.slice(0, length), [KEY], 0, 0)).outcome, "truncated", `${length}`);
  }
  assert.equal((await checkToken(`${valid}A`, [KEY], 0, 0)).outcome, "damaged");
  assert.equal((await checkToken(valid + "A".repeat(1000), [KEY], 0, 0)).outcome, "damaged");
});

test("no changed character of a token is ever believed", async () => {
  const valid = vector(PASS, "pass valid").trim();
  for (let at = 5; at < valid.length; at++) {
    const other = valid.charAt(at) === "B" ? "C" : "B";
    const changed = valid.slice(0, at) + other + valid.slice(at + 1);
    const { outcome, pass } = await checkToken(changed, [KEY], 1628164800000, SKEW_MS);
    assert.equal(pass, null, `${at}`);
    assert.ok(["bad_signature", "unknown_key", "unknown_version", "damaged"].includes(outcome), outcome);
  }
});

test("an input method's letters damage a token and are not misread", async () => {
  const typed = vector(PASS, "pass valid").trim().replace("AA", "Â");
  assert.equal((await checkToken(typed, [KEY], 1628164800000, SKEW_MS)).outcome, "damaged");
  assert.ok(looksLikeToken("\ttvp1:aeaa"));
});

test("verification without the browser's help is as strict", async () => {
  const message = new TextEncoder().encode("x");
  const neutral = new Uint8Array(32).fill(0);
  neutral[0] = 1; // a point of small order, for which one signature fits every message
  const signature = new Uint8Array(64);
  signature[0] = 1;
  assert.equal(await verifyAsync(signature, message, neutral, { zip215: false }).catch(() => false), false);
});

test("numbers of passes are written and read as the page says", () => {
  const numbers = [...PASS.matchAll(/^\| 0x([0-9a-f]{16}) \| `([0-9A-Z-]+)` \|/gm)];
  assert.equal(numbers.length, 4);
  for (const [, hex = "", number = ""] of numbers) {
    assert.equal(passNumber(bytesOfHex(hex)), number);
    assert.equal(readPassNumber(number), number);
    assert.equal(readPassNumber(` ${number.toLowerCase().replace(/-/g, " ")} `), number);
  }
  assert.equal(readPassNumber("O4HMA SW9NF 6YYA"), "04HMA-SW9NF-6YYA");
  assert.equal(readPassNumber("04HMA-SW9NF-6YYU"), null);
  assert.equal(subjectCode(bytesOfHex("a0a1a2a3a4a5a6a7a8a9")), "M2GT58X4MPKAFA59");
});

test("a number with one wrong character, or two that changed places, is no number", () => {
  const number = "04HMASW9NF6YYA";
  for (let at = 0; at < number.length; at++) {
    for (const other of "0123456789ABCDEFGHJKMNPQRSTVWXYZ") {
      if (other === number.charAt(at)) continue;
      assert.equal(readPassNumber(number.slice(0, at) + other + number.slice(at + 1)), null);
    }
    const swapped = number.slice(0, at) + number.charAt(at + 1) + number.charAt(at) + number.slice(at + 2);
    if (swapped !== number && at + 1 < number.length) assert.equal(readPassNumber(swapped), null);
  }
});

test("with lists that were cut, or a clock that was set back, a pass is green once the server says so, and to be looked at where it cannot be asked", async () => {
  const keys = [{ id: 1, public_key: toBase64(KEY.publicKey), from: KEY.from }];
  const answer = { now: 1628164800000, revoked: [], watch: [], keys };
  const shown = async (isCut: boolean, ask: Means["ask"], isTimeLost = false) => {
    const lists = readLists({ answer: { ...answer, is_cut: isCut }, etag: null, checkedAt: answer.now });
    const means = { lists: () => lists, now: () => answer.now, isTimeLost: () => isTimeLost, ask, refreshLists: async () => false };
    const seen: string[][] = [];
    await check({ kind: "token", token: vector(PASS, "pass valid") }, means, ({ findings }) => void seen.push(findings));
    return seen;
  };
  const offline = () => Promise.reject(new Unreachable());
  const online = async () => ({ verdict: "valid" });
  assert.deepEqual(await shown(false, offline), [["valid"], ["valid"]]);
  assert.deepEqual(await shown(true, offline), [[], ["ask_server"]]);
  assert.deepEqual(await shown(true, online), [[], ["valid"]]);
  assert.deepEqual(await shown(false, offline, true), [[], ["ask_server"]], "nor where the clock was set back");
  assert.deepEqual(await shown(false, online, true), [[], ["valid"]]);
});
