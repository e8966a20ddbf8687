// Confirmed scans: kept the moment the officer presses, numbered a few seconds later, deleted when durable.
//
//   confirm --> pending --(5 s, the next confirm, or the page opening again)--> scans[seq] --durable--> gone
//                  |
//                undo
//
// A number is for ever (PROTOCOL.md, 6.4), so undoing is only possible before there is one. Each arrow is
// one transaction: whatever stops the browser, a scan is in exactly one place, and two tabs cannot give
// the same number twice.

import { asked, inOne, stateIn } from "./store";
import type { Confirmed, Device, Recent, Refused, Scan } from "./store";

/** What waits on the phone. */
export interface Waiting {
  /** Confirmed and not yet durable at the server. */
  scans: number;
  /** Kept by the server for its operator, not in its answers. */
  refused: number;
  /** Set aside on this phone, since the server has other scans under their numbers. */
  aside: number;
}

/** Keeps a confirmed scan; the one before it is numbered. Both happen, or neither. */
export function confirm(database: IDBDatabase, scan: Confirmed): Promise<void> {
  return inOne(database, ["pending", "scans", "devices", "state"], "readwrite", async (transaction) => {
    await numberPending(transaction);
    await asked(transaction.objectStore("pending").put(scan));
    const recent = (await stateIn(transaction, "recent")) ?? [];
    const still = recent.filter(({ at }) => Math.abs(scan.at - at) < AGAIN_MS);
    const { pass, at, decision } = scan;
    await asked(transaction.objectStore("state").put([...still, { pass, at, decision }], "recent"));
  });
}

/** Takes back what was confirmed last; `null` where it has its number already. */
export function undo(database: IDBDatabase): Promise<Confirmed | null> {
  return inOne(database, ["pending", "state"], "readwrite", async (transaction) => {
    const pending = transaction.objectStore("pending");
    const [last] = (await asked(pending.getAll())) as Confirmed[];
    if (!last) return null;
    await asked(pending.clear());
    const recent = (await stateIn(transaction, "recent")) ?? [];
    const others = recent.filter(({ pass, at }) => pass !== last.pass || at !== last.at);
    await asked(transaction.objectStore("state").put(others, "recent"));
    return last;
  });
}

/** Numbers what was confirmed and can no longer be undone. */
export function settle(database: IDBDatabase): Promise<void> {
  return inOne(database, ["pending", "scans", "devices"], "readwrite", numberPending);
}

/** When and how the same pass was confirmed within the last two minutes; `null` when it was not. */
export function confirmedBefore(recent: Recent[], pass: string, now: number): Recent | null {
  const same = recent.filter((one) => one.pass === pass && Math.abs(now - one.at) < AGAIN_MS);
  return same[same.length - 1] ?? null;
}

/** The device's next scans to send, at most `most`, in order of seq. */
export function takeScans(database: IDBDatabase, slot: number, most: number): Promise<Scan[]> {
  return inOne(database, ["scans"], "readonly", (transaction) => {
    const request = transaction.objectStore("scans").getAll(allOf(slot), most);
    return asked(request) as Promise<Scan[]>;
  });
}

/** The server has all scans of the device up to `durableSeq`, some of them refused. */
export function acknowledged(
  database: IDBDatabase, slot: number, durableSeq: number, refused: Omit<Refused, "slot">[],
): Promise<void> {
  return inOne(database, ["scans", "devices", "refused"], "readwrite", async (transaction) => {
    const devices = transaction.objectStore("devices");
    const device = (await asked(devices.get(slot))) as Device;
    await asked(devices.put({ ...device, durableSeq: Math.max(durableSeq, device.durableSeq) }));
    for (const one of refused) await asked(transaction.objectStore("refused").put({ ...one, slot }));
    await asked(transaction.objectStore("scans").delete(IDBKeyRange.bound([slot, 0], [slot, durableSeq])));
  });
}

/**
 * The server has scans up to `durableSeq` of this device, more than it ever numbered: what it holds may or
 * may not be among them, so it is set aside, and the numbers go on behind the server's.
 */
export function setAside(database: IDBDatabase, slot: number, durableSeq: number): Promise<void> {
  return inOne(database, ["scans", "devices", "aside"], "readwrite", async (transaction) => {
    const scans = transaction.objectStore("scans");
    const held = (await asked(scans.getAll(allOf(slot)))) as Scan[];
    for (const scan of held) await asked(transaction.objectStore("aside").put(scan));
    await asked(scans.delete(allOf(slot)));
    const devices = transaction.objectStore("devices");
    const device = (await asked(devices.get(slot))) as Device;
    await asked(devices.put({ ...device, durableSeq, nextSeq: durableSeq + 1 }));
  });
}

/** What waits on the phone, of all its devices. */
export function waiting(database: IDBDatabase): Promise<Waiting> {
  return inOne(database, ["scans", "pending", "refused", "aside"], "readonly", async (transaction) => {
    const count = (store: string): Promise<number> => asked(transaction.objectStore(store).count());
    const scans = (await count("scans")) + (await count("pending"));
    return { scans, refused: await count("refused"), aside: await count("aside") };
  });
}

async function numberPending(transaction: IDBTransaction): Promise<void> {
  const pending = transaction.objectStore("pending");
  const devices = transaction.objectStore("devices");
  for (const scan of (await asked(pending.getAll())) as Confirmed[]) {
    const device = (await asked(devices.get(scan.slot))) as Device;
    // `add` and not `put`: a number that is taken already stops the whole transaction.
    await asked(transaction.objectStore("scans").add({ ...scan, seq: device.nextSeq }));
    await asked(devices.put({ ...device, nextSeq: device.nextSeq + 1 }));
  }
  await asked(pending.clear());
}

function allOf(slot: number): IDBKeyRange {
  return IDBKeyRange.bound([slot, 0], [slot, Number.MAX_SAFE_INTEGER]);
}

/** The same pass within this time is asked about. */
const AGAIN_MS = 2 * 60_000;
