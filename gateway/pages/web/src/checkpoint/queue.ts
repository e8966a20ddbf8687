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
// the same number twice.

import { asked, inOne, stateIn } from "./store";
import { PASS } from "./store";
import type { Confirmed, Device, Direction, Recent, Refused, Scan } from "./store";

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
  return inOne(database, ["scans", "pending", "missing", "refused", "aside"], "readonly", async (transaction) => {
    const count = (store: string): Promise<number> => asked(transaction.objectStore(store).count());
    const pending = (await asked(transaction.objectStore("pending").getAll())) as Confirmed[];
    const unnumbered = pending.reduce((sum, { aboard }) => sum + 1 + (aboard?.length ?? 0), 0);
    const scans = (await count("scans")) + unnumbered + (await count("missing"));
    return { scans, refused: await count("refused"), aside: await count("aside") };
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

/** Gives scans of one device the next numbers, and answers them with these. */
async function number(transaction: IDBTransaction, scans: Confirmed[]): Promise<Scan[]> {
  const devices = transaction.objectStore("devices");
  const numbered: Scan[] = [];
  for (const scan of scans) {
    const device = (await asked(devices.get(scan.slot))) as Device;
    const own = { ...scan, seq: device.nextSeq };
    // `add` and not `put`: a number that is taken already stops the whole transaction.
    await asked(transaction.objectStore("scans").add(own));
    await asked(devices.put({ ...device, nextSeq: device.nextSeq + 1 }));
    numbered.push(own);
  }
  return numbered;
}

function allOf(slot: number): IDBKeyRange {
  return IDBKeyRange.bound([slot, 0], [slot, Number.MAX_SAFE_INTEGER]);
}

/** The same pass within this time is asked about. */
const AGAIN_MS = 2 * 60_000;
