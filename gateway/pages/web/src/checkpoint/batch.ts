// Scans as the wire has them: a ScanBatch, signed, in a Frame (PROTOCOL.md, sections 4 to 6.5).

import { Builder } from "flatbuffers";

import { Body, Frame, ScanBatch, SignedBatch } from "../generated/truyvet/wire";
import { joined } from "./bytes";
import { sign } from "./ed25519";
import type { SecretKey } from "./ed25519";
import { PASS, PASSED } from "./store";
import type { Scan } from "./store";

/** Who sends, and when. */
export interface Sender {
  device: number;
  key: SecretKey;
  /** Unix milliseconds. */
  sentAt: number;
}

/** Scans acknowledged once that the server has lost, and this phone no longer has. */
export interface Lost {
  site: string;
  firstSeq: number;
  count: number;
}

/** As many of the scans, from the first on, as may go in one batch: one site, times near each other. */
export function cut(scans: Scan[], most: number): Scan[] {
  const [first] = scans;
  if (!first) return [];
  let earliest = first.at;
  let latest = first.at;
  const end = scans.slice(0, most).findIndex((scan, index) => {
    earliest = Math.min(earliest, scan.at);
    latest = Math.max(latest, scan.at);
    return scan.site !== first.site || scan.seq !== first.seq + index || latest - earliest > OFFSET_MAX_MS;
  });
  return scans.slice(0, end < 0 ? most : end);
}

/** The bytes of a frame with these scans: at least one, as `cut` leaves them. */
export function scanFrame(sender: Sender, scans: Scan[]): Promise<Uint8Array<ArrayBuffer>> {
  const [first] = scans;
  if (!first) throw new RangeError("a batch has scans");
  const builder = new Builder(1024);
  const site = builder.createString(first.site);
  const base = Math.min(...scans.map(({ at }) => at));
  const codes = scans.map(({ subject }) => new TextEncoder().encode(subject));
  const offsets = ScanBatch.createOffsetMsVector(builder, scans.map(({ at }) => at - base));
  const lengths = ScanBatch.createCodeBytesVector(builder, codes.map(({ length }) => length));
  const texts = ScanBatch.createCodesVector(builder, joined(...codes));
  const isAllPassed = scans.every(({ decision }) => decision === PASSED);
  const verdicts = isAllPassed ? 0 : ScanBatch.createVerdictsVector(builder, scans.map((s) => s.decision));
  const ways = scans.map(({ direction }) => direction ?? PASS);
  const directions = ways.every((way) => way === PASS) ? 0 : ScanBatch.createDirectionsVector(builder, ways);
  ScanBatch.startScanBatch(builder);
  addHead(builder, sender, site, first.seq, base);
  ScanBatch.addOffsetMs(builder, offsets);
  ScanBatch.addCodeBytes(builder, lengths);
  ScanBatch.addCodes(builder, texts);
  ScanBatch.addDirections(builder, directions);
  ScanBatch.addVerdicts(builder, verdicts);
  builder.finish(ScanBatch.endScanBatch(builder));
  return signedFrame(sender, builder.asUint8Array());
}

/** The bytes of a frame that declares scans lost. */
export function lostFrame(sender: Sender, lost: Lost): Promise<Uint8Array<ArrayBuffer>> {
  const builder = new Builder(256);
  const site = builder.createString(lost.site);
  ScanBatch.startScanBatch(builder);
  addHead(builder, sender, site, lost.firstSeq, sender.sentAt);
  ScanBatch.addLost(builder, BigInt(lost.count));
  builder.finish(ScanBatch.endScanBatch(builder));
  return signedFrame(sender, builder.asUint8Array());
}

function addHead(builder: Builder, sender: Sender, site: number, firstSeq: number, base: number): void {
  ScanBatch.addDevice(builder, sender.device);
  ScanBatch.addSite(builder, site);
  ScanBatch.addFirstSeq(builder, BigInt(firstSeq));
  ScanBatch.addSentAtMs(builder, BigInt(sender.sentAt));
  ScanBatch.addBaseMs(builder, BigInt(base));
}

async function signedFrame(sender: Sender, batch: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const signature = await sign(sender.key, joined(DOMAIN, batch));
  const builder = new Builder(batch.length + 256);
  // The bytes inside are a buffer of their own, whose numbers must lie as they would by themselves.
  builder.startVector(1, batch.length, 8);
  for (let at = batch.length - 1; at >= 0; at--) builder.addInt8(batch[at] as number);
  const bytes = builder.endVector();
  const proof = SignedBatch.createSignatureVector(builder, signature);
  const signed = SignedBatch.createSignedBatch(builder, bytes, proof);
  builder.finish(Frame.createFrame(builder, Body.SignedBatch, signed));
  return joined(builder.asUint8Array());
}

const DOMAIN = new TextEncoder().encode("truyvet/1 batch\n");
const OFFSET_MAX_MS = 2 ** 32 - 1;
