// Sends what waits on the phone, in order, until the server has it all. Deciding is pure: `afterAnswer` says
// what an answer means; `sendWaiting` does it.
//
// Where the server has numbers that this browser never gave, its store was set back, or its key is in two
// browsers. What it holds goes to a new device, with a key of its own (`renew`): set aside it would never arrive.
// The same is done where the server does not know the device, has revoked it, or has given its number to another
// key: after a restore from an older backup all three happen to honest browsers.

import { cut, lostFrame, scanFrame } from "./batch";
import type { Lost } from "./batch";
import { devices, hasNotGiven, renew } from "./device";
import type { StoredDevice } from "./device";
import { acknowledged, takeBatch } from "./queue";
import type { Scan } from "./store";

/** The server's answer to a batch. */
export type Answer =
  | { kind: "taken"; durableSeq: number; refused: { seq: number; reason: string }[] }
  | { kind: "gap"; expectedSeq: number }
  /** Nobody is signed in, or nobody who may. */
  | { kind: "sign_in" }
  | { kind: "forbidden" }
  | { kind: "busy"; retryAfterMs: number | null }
  | { kind: "unreachable" }
  /** No such device, or a revoked one: nothing will ever be taken from it. */
  | { kind: "unknown_device" }
  /** The device has another key there. */
  | { kind: "bad_signature" }
  /** The server says that the batch itself is wrong. */
  | { kind: "rejected" };

/** Sends the bytes of a frame for a device. */
export type Send = (device: number, frame: Uint8Array<ArrayBuffer>) => Promise<Answer>;

/**
 * How sending ended; "sent": nothing waits any more; "unregistered": some waits until its device is known to the
 * server.
 */
export type Ended = "sent" | "unregistered" | "sign_in" | "forbidden" | "busy" | "unreachable" | "rejected" | "gap";

/** What to do about an answer. */
export type Step =
  | { do: "acknowledge"; durableSeq: number; refused: { seq: number; reason: string }[] }
  /** `null`: whatever its numbers are. */
  | { do: "renew"; durableSeq: number | null }
  | { do: "declare_lost"; lost: Lost }
  | { do: "stop"; ended: Ended };

/** What the answer means for a device whose lowest held seq is `held` (`null`: it holds none). */
export function afterAnswer(answer: Answer, device: StoredDevice, held: number | null): Step {
  if (answer.kind === "taken") {
    const { durableSeq, refused } = answer;
    if (durableSeq >= device.nextSeq) return { do: "renew", durableSeq };
    if (held !== null && durableSeq < held) return { do: "stop", ended: "busy" };
    return { do: "acknowledge", durableSeq, refused };
  }
  if (answer.kind === "unknown_device") return { do: "renew", durableSeq: null };
  if (answer.kind === "bad_signature") {
    // Were it the browser that signs wrongly, the next device would be refused too: one that has taken another's
    // place is given up only after it has delivered something.
    const isWorthIt = device.durableSeq > 0 || device.isRenewal !== true;
    return isWorthIt ? { do: "renew", durableSeq: null } : { do: "stop", ended: "rejected" };
  }
  if (answer.kind !== "gap") return { do: "stop", ended: answer.kind };
  const { expectedSeq } = answer;
  if (expectedSeq > device.nextSeq) return { do: "renew", durableSeq: expectedSeq - 1 };
  const firstHeld = held ?? device.nextSeq;
  // Acknowledged once, and deleted then: the server was restored from an older backup.
  const isAcknowledged = expectedSeq < firstHeld && firstHeld - 1 <= device.durableSeq;
  if (!isAcknowledged || expectedSeq < 1) return { do: "stop", ended: "gap" };
  const lost = { site: device.site, firstSeq: expectedSeq, count: firstHeld - expectedSeq };
  return { do: "declare_lost", lost };
}

/** Sends all that waits, of every device that this browser has been; `now` is the server's time. */
export async function sendWaiting(database: IDBDatabase, send: Send, now: () => number): Promise<Ended> {
  let worst: Ended = "sent";
  for (const device of await devices(database)) {
    const ended = await sendOf(database, device.slot, send, now);
    // What stops one site's device need not stop another's, but for the network.
    if (ended === "unreachable" || ended === "busy") return ended;
    if (ended !== "sent" && (worst === "sent" || ended !== "unregistered")) worst = ended;
  }
  return worst;
}

async function sendOf(database: IDBDatabase, slot: number, send: Send, now: () => number): Promise<Ended> {
  // Each turn makes the queue shorter, or the server's memory longer; the bound is for one that loses it.
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const { device, scans: held } = await takeBatch(database, slot, BATCH_SCANS);
    const scans = cut(held, BATCH_SCANS);
    if (scans.length === 0) return "sent";
    if (device.number === null) return "unregistered";
    const answer = await send(device.number, await frameOf(device, scans, now()));
    const step = afterAnswer(answer, device, scans[0]?.seq ?? null);
    const ended = await take(database, device, step, send, now);
    if (ended !== null) return ended;
  }
  return "busy";
}

/** Does a step; answers how sending ended, or `null` to go on. */
async function take(
  database: IDBDatabase, device: StoredDevice, step: Step, send: Send, now: () => number,
): Promise<Ended | null> {
  switch (step.do) {
    case "acknowledge":
      await acknowledged(database, device.slot, step.durableSeq, step.refused);
      return null;
    case "renew":
      // Another tab may have given these numbers during the round trip: then they are this browser's own.
      return (await renew(database, device, hasNotGiven(step.durableSeq ?? Infinity))) ? "unregistered" : null;
    case "declare_lost": {
      const sender = { device: device.number as number, key: device.key, sentAt: now() };
      const answer = await send(sender.device, await lostFrame(sender, step.lost));
      return answer.kind === "taken" ? null : "gap";
    }
    case "stop":
      return step.ended;
  }
}

function frameOf(device: StoredDevice, scans: Scan[], sentAt: number): Promise<Uint8Array<ArrayBuffer>> {
  return scanFrame({ device: device.number as number, key: device.key, sentAt }, scans);
}

const BATCH_SCANS = 500;
const TURNS_MAX = 1000;
