// A batch and its answer as bytes of a WebTransport stream (PROTOCOL.md, section 11).

import { ByteBuffer } from "flatbuffers";

import { Ack, Body, Frame, Reason, Refusal, Scope } from "../generated/truyvet/wire";
import { joined } from "./bytes";
import type { Answer } from "./sync";

/** The bytes of a request: the ticket, the device, and the frame with its length. */
export function requestOf(ticket: Uint8Array, device: number, frame: Uint8Array): Uint8Array<ArrayBuffer> {
  return joined(ticket, u32(device), u32(frame.length), frame);
}

/** What the bytes of an answer say; `null` where they are none, or where only HTTPS can tell what is wrong. */
export function answerOf(bytes: Uint8Array): Answer | null {
  const refused: { seq: number; reason: string }[] = [];
  for (const frame of framesOf(bytes)) {
    if (frame.bodyType() === Body.Ack) {
      const ack = frame.body(new Ack()) as Ack;
      return { kind: "taken", durableSeq: Number(ack.durableSeq()), refused };
    }
    if (frame.bodyType() !== Body.Refusal) continue;
    const refusal = frame.body(new Refusal()) as Refusal;
    if (refusal.scope() !== Scope.Scans) return refusalOf(refusal);
    const reason = Reason[refusal.reason()] ?? "Unspecified";
    for (let i = 0; i < refusal.seqsLength(); i++) refused.push({ seq: Number(refusal.seqs(i)), reason });
  }
  return null;
}

function refusalOf(refusal: Refusal): Answer | null {
  const reason = refusal.reason();
  if (reason === Reason.NotSignedIn) return null;
  if (reason === Reason.SeqGap) return { kind: "gap", expectedSeq: Number(refusal.expectedSeq()) };
  if (reason === Reason.UnknownDevice || reason === Reason.RevokedDevice) return { kind: "unknown_device" };
  if (reason === Reason.BadSignature) return { kind: "bad_signature" };
  if (REJECTIONS.has(reason)) return { kind: "rejected" };
  const retryAfterMs = refusal.retryAfterMs();
  return { kind: "busy", retryAfterMs: retryAfterMs > 0 ? retryAfterMs : null };
}

/** The whole frames in `bytes`; what is cut off at their end is left out. */
function framesOf(bytes: Uint8Array): Frame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Frame[] = [];
  let at = 0;
  while (at + LENGTH_BYTES <= bytes.length) {
    const end = at + LENGTH_BYTES + view.getUint32(at, true);
    if (end > bytes.length) break;
    frames.push(Frame.getRootAsFrame(new ByteBuffer(bytes.slice(at + LENGTH_BYTES, end))));
    at = end;
  }
  return frames;
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

const LENGTH_BYTES = 4;
/** What sending the same again does not mend. */
const REJECTIONS = new Set([
  Reason.Malformed, Reason.TooLarge, Reason.SeqOverflow, Reason.UnexpectedFrame, Reason.WrongDevice,
]);
