// Confirmed scans: kept the moment the officer presses, numbered a few seconds later, deleted when durable.
//
//   confirm --> pending --(5 s, the next confirm, or the page opening again)--> scans[seq] --durable--> gone
//                  |
//                undo
//
// One scan of a vehicle's pass is numbered as one of the vehicle and one of each person aboard, together. Where
// the phone does not know who is aboard, the vehicle's is numbered and noted as `missing` them; what the server
// answers for the instant of the scan is numbered later, in the transaction that takes the note away.
//
// A number is for ever (PROTOCOL.md, 6.4), so undoing is only possible before there is one. Each arrow is
// one transaction: whatever stops the browser, a scan is in exactly one place, and two tabs cannot give
// the same number twice. Where a device can deliver no more, what it holds is numbered under the device that
// takes its place, in one transaction too (`renew` in device.ts).

import { asked, inOne, stateIn } from "./store";
import { PASS } from "./store";
import type { Confirmed, Device, Direction, Recent, Refused, Scan } from "./store";

/** What waits on the phone. */
export interface Waiting {
  /** Confirmed and not yet durable at the server. */
  scans: number;
  /** Kept by the server for its operator, not in its answers. */
  refused: number;
}

/** Keeps a confirmed scan; the one before it is numbered. Both happen, or neither. */
export function confirm(database: IDBDatabase, scan: Confirmed): Promise<void> {
  return inOne(database, ["pending", "scans", "devices", "missing", "state"], "readwrite", async (transaction) => {
    await numberPending(transaction);
    await asked(transaction.objectStore("pending").put(scan));
    const recent = (await stateIn(transaction, "recent")) ?? [];
    const still = recent.filter(({ at }) => Math.abs(scan.at - at) < AGAIN_MS);
    const { pass, at, decision, direction = PASS } = scan;
    await asked(transaction.objectStore("state").put([...still, { pass, at, decision, direction }], "recent"));
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
  return inOne(database, ["pending", "scans", "devices", "missing"], "readwrite", numberPending);
}

/** The vehicles' scans whose people are still to be asked for, at most `most`. */
export function missingAboard(database: IDBDatabase, most: number): Promise<Scan[]> {
  return inOne(database, ["missing"], "readonly", (transaction) => {
    return asked(transaction.objectStore("missing").getAll(undefined, most)) as Promise<Scan[]>;
  });
}

/** Numbers a scan of each who was aboard, once: where the note is gone, another tab has done it. */
export function numberAboard(database: IDBDatabase, scan: Scan, aboard: string[]): Promise<void> {
  return inOne(database, ["missing", "scans", "devices"], "readwrite", async (transaction) => {
    const missing = transaction.objectStore("missing");
    const place = [scan.slot, scan.seq];
    if ((await asked(missing.count(place))) === 0) return;
    await number(transaction, aboard.map((subject) => ({ ...scan, subject })));
    await asked(missing.delete(place));
  });
}

/** When and how the same pass was confirmed the same way within the last two minutes; `null` when it was not. */
export function confirmedBefore(recent: Recent[], pass: string, now: number, direction: Direction = PASS): Recent | null {
  const isSame = (one: Recent): boolean => one.pass === pass && (one.direction ?? PASS) === direction;
  const same = recent.filter((one) => isSame(one) && Math.abs(now - one.at) < AGAIN_MS);
  return same[same.length - 1] ?? null;
}

/** The device's next scans to send, at most `most`, in order of seq. */
export function takeScans(database: IDBDatabase, slot: number, most: number): Promise<Scan[]> {
  return inOne(database, ["scans"], "readonly", (transaction) => scansIn(transaction, slot, most));
}

/**
 * The device and its next scans to send, as they are at one instant: what is numbered between two looks would
 * be sent under numbers that the device, as it was read, has not given yet.
 */
export function takeBatch(
  database: IDBDatabase, slot: number, most: number,
): Promise<{ device: Device & { slot: number }; scans: Scan[] }> {
  return inOne(database, ["devices", "scans"], "readonly", async (transaction) => {
    const device = await asked(transaction.objectStore("devices").get(slot));
    return { device, scans: await scansIn(transaction, slot, most) };
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

/** Numbers all that a device holds anew, under the device that takes its place: each scan as it is, once. */
export async function renumber(transaction: IDBTransaction, slot: number): Promise<void> {
  const held = await scansIn(transaction, slot);
  await asked(transaction.objectStore("scans").delete(allOf(slot)));
  await number(transaction, held);
}

/**
 * Numbers what an older version of this page has set aside and would never have sent. It cannot be told which
 * of it the server has already: that may be there twice afterwards, and nothing is missing.
 */
export function numberAside(database: IDBDatabase): Promise<void> {
  return inOne(database, ["aside", "scans", "devices"], "readwrite", async (transaction) => {
    const aside = transaction.objectStore("aside");
    await number(transaction, (await asked(aside.getAll())) as Scan[]);
    await asked(aside.clear());
  });
}

/** What waits on the phone, of all its devices. */
export function waiting(database: IDBDatabase): Promise<Waiting> {
  return inOne(database, ["scans", "pending", "missing", "refused"], "readonly", async (transaction) => {
    const count = (store: string): Promise<number> => asked(transaction.objectStore(store).count());
    const pending = (await asked(transaction.objectStore("pending").getAll())) as Confirmed[];
    const unnumbered = pending.reduce((sum, { aboard }) => sum + 1 + (aboard?.length ?? 0), 0);
    const scans = (await count("scans")) + unnumbered + (await count("missing"));
    return { scans, refused: await count("refused") };
  });
}

async function numberPending(transaction: IDBTransaction): Promise<void> {
  const pending = transaction.objectStore("pending");
  for (const { aboard, ...scan } of (await asked(pending.getAll())) as Confirmed[]) {
    const [first] = await number(transaction, [scan, ...(aboard ?? []).map((subject) => ({ ...scan, subject }))]);
    if (aboard === null) await asked(transaction.objectStore("missing").add(first));
  }
  await asked(pending.clear());
}

/** Gives scans the next numbers of their devices, and answers them with these. */
async function number(transaction: IDBTransaction, scans: Confirmed[]): Promise<Scan[]> {
  const devices = transaction.objectStore("devices");
  const numbered: Scan[] = [];
  for (const scan of scans) {
    const device = await inUse(devices, scan.slot);
    const own = { ...scan, slot: device.slot, seq: device.nextSeq };
    // `add` and not `put`: a number that is taken already stops the whole transaction.
    await asked(transaction.objectStore("scans").add(own));
    await asked(devices.put({ ...device, nextSeq: device.nextSeq + 1 }));
    numbered.push(own);
  }
  return numbered;
}

/** The device that numbers for this slot: its own, or the one that has taken its place. */
export async function inUse(devices: IDBObjectStore, slot: number): Promise<Device & { slot: number }> {
  let device = await asked(devices.get(slot));
  while (device.successor !== undefined) device = await asked(devices.get(device.successor));
  return device;
}

function scansIn(transaction: IDBTransaction, slot: number, most?: number): Promise<Scan[]> {
  return asked(transaction.objectStore("scans").getAll(allOf(slot), most)) as Promise<Scan[]>;
}

function allOf(slot: number): IDBKeyRange {
  return IDBKeyRange.bound([slot, 0], [slot, Number.MAX_SAFE_INTEGER]);
}

/** The same pass within this time is asked about. */
const AGAIN_MS = 2 * 60_000;
