// Batches as bytes, held against the vectors of schemas/PROTOCOL.md.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ByteBuffer } from "flatbuffers";

import { cut, lostFrame, scanFrame } from "../src/checkpoint/batch";
import { joined } from "../src/checkpoint/bytes";
import { verify } from "../src/checkpoint/ed25519";
import type { Scan } from "../src/checkpoint/store";
import { Body, Direction, Frame, ScanBatch, SignedBatch } from "../src/generated/truyvet/wire";
import { bytesOfHex, page, vector } from "./vectors";

const PROTOCOL = page("PROTOCOL.md");
const PUBLIC_KEY = bytesOfHex(vector(PROTOCOL, "hex public-key"));
const KEY = { seed: bytesOfHex(vector(PROTOCOL, "hex secret-key")) };
const SENDER = { device: 7, key: KEY, sentAt: 1628208000500 };

function scan(seq: number, subject: string, at: number, decision: 0 | 1 | 2 = 0): Scan {
  return { slot: 1, seq, site: "HN-01", subject, pass: "", at, decision };
}

const SCANS = [
  scan(41, "P-0001", 1628207990000, 0), scan(42, "29A-123.45", 1628207985000, 1), scan(43, "điểm", 1628207999999, 2),
];

/** What a frame says, and whether its signature is good. */
async function read(frame: Uint8Array) {
  const outer = Frame.getRootAsFrame(new ByteBuffer(frame));
  assert.equal(outer.bodyType(), Body.SignedBatch);
  const signed = outer.body(new SignedBatch()) as SignedBatch;
  const bytes = Uint8Array.from(signed.batchArray() ?? []);
  const signature = Uint8Array.from(signed.signatureArray() ?? []);
  const prefixed = joined(new TextEncoder().encode("truyvet/1 batch\n"), bytes);
  const isGood = await verify(PUBLIC_KEY, prefixed, signature);
  const batch = ScanBatch.getRootAsScanBatch(new ByteBuffer(bytes));
  const said = {
    device: batch.device(), site: batch.site(), first: batch.firstSeq(), sent: batch.sentAtMs(),
    base: batch.baseMs(), offsets: [...(batch.offsetMsArray() ?? [])],
    lengths: [...(batch.codeBytesArray() ?? [])], codes: [...(batch.codesArray() ?? [])],
    verdicts: [...(batch.verdictsArray() ?? [])], lost: batch.lost(),
  };
  return { isGood, said, batch, bytes, signature };
}

function framed(heading: string): Uint8Array {
  return bytesOfHex(vector(PROTOCOL, heading)).subarray(4);
}

test("the page's own batch is read, and its signature is good", async () => {
  const { isGood, bytes, signature } = await read(framed("hex signed-batch"));
  assert.ok(isGood);
  assert.deepEqual(bytes, bytesOfHex(vector(PROTOCOL, "hex scan-batch")));
  assert.deepEqual(signature, bytesOfHex(vector(PROTOCOL, "hex batch-signature")));
});

test("a batch made here says what the page's says, but that people pass a checkpoint", async () => {
  const [ours, theirs] = [await read(await scanFrame(SENDER, SCANS)), await read(framed("hex signed-batch"))];
  assert.ok(ours.isGood);
  assert.deepEqual(ours.said, theirs.said);
  assert.equal(ours.batch.directionsLength(), 0);
  assert.equal(theirs.batch.directions(0), Direction.In);
});

test("directions go along where people are scanned in and out, and a scan kept without one passes by", async () => {
  const { batch } = await read(await scanFrame(SENDER, SCANS.map((one, at) => (at === 2 ? one : { ...one, direction: at === 0 ? 1 : 2 }))));
  assert.deepEqual([...(batch.directionsArray() ?? [])], [Direction.In, Direction.Out, Direction.Pass]);
  const all = await read(await scanFrame(SENDER, SCANS.map((one) => ({ ...one, direction: 0 as const }))));
  assert.equal(all.batch.directionsLength(), 0, "left out when all pass by");
});

test("verdicts are left out when all have passed", async () => {
  const { said } = await read(await scanFrame(SENDER, SCANS.map((one) => ({ ...one, decision: 0 as const }))));
  assert.deepEqual(said.verdicts, []);
});

test("the numbers inside a frame lie as they would by themselves", async () => {
  const frame = await scanFrame(SENDER, SCANS);
  const { bytes } = await read(frame);
  const at = Buffer.from(frame).indexOf(Buffer.from(bytes));
  assert.equal(at % 8, 0);
});

test("a declaration of lost scans says what the page's says", async () => {
  const ours = await read(await lostFrame(SENDER, { site: "HN-01", firstSeq: 41, count: 260 }));
  assert.ok(ours.isGood);
  assert.deepEqual(ours.said, (await read(framed("hex lost-batch"))).said);
});

test("a batch ends where the site changes, where times are too far apart, and where it is full", () => {
  const many = Array.from({ length: 9 }, (_, i) => scan(i + 1, "S", 1000 + i));
  assert.equal(cut(many, 4).length, 4);
  assert.equal(cut(many, 40).length, 9);
  assert.equal(cut(many.map((one) => ({ ...one, site: one.seq > 6 ? "HN-02" : "HN-01" })), 40).length, 6);
  assert.equal(cut(many.map((one) => ({ ...one, at: one.seq === 3 ? 2 ** 33 : one.at })), 40).length, 2);
  assert.equal(cut([], 4).length, 0);
});

test("a full batch is far below the longest frame that the gateway takes", async () => {
  const full = Array.from({ length: 500 }, (_, i) => scan(i + 1, "M2GT58X4MPKAFA59", 1628207990000 + i, 1));
  assert.ok((await scanFrame(SENDER, full)).length < 20_000);
});
