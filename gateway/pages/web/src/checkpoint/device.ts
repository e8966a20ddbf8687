// This browser as a device of a site. Each site that it has worked for has a device of its own, with a key
// and numbers of its own, so what was scanned at one site is never told as another's.

import { newKey } from "./ed25519";
import { inUse, renumber } from "./queue";
import { asked, inOne, stateIn, writeState } from "./store";
import type { Device } from "./store";

/** The server's answer to a registration. */
export interface Registered {
  device: number;
  /** A number as text. */
  next_seq: string;
  site: string;
  site_name: string;
  now: number;
}

/** Tells the server a public key (base64). */
export type Register = (publicKey: string) => Promise<Registered>;

/** A device with its slot, which the store gives. */
export type StoredDevice = Device & { slot: number };

/** All devices that this browser has been. */
export function devices(database: IDBDatabase): Promise<StoredDevice[]> {
  return inOne(database, ["devices"], "readonly", async (transaction) => {
    return (await asked(transaction.objectStore("devices").getAll())) as StoredDevice[];
  });
}

/**
 * The device for `site`, from now on the current one. It may number scans before the server knows it, which
 * is why its key is kept first: a registration that breaks off is gone on with, not begun again.
 */
export async function deviceFor(database: IDBDatabase, site: string): Promise<StoredDevice> {
  const known = (await devices(database)).find((device) => device.site === site && !device.isRetired);
  const device = known ?? (await keep(database, await fresh(site)));
  await writeState(database, "current", device.slot);
  return device;
}

/** Whether numbers that the server has, up to `durableSeq`, were never given by this device. */
export function hasNotGiven(durableSeq: number): (device: Device) => boolean {
  return ({ nextSeq }) => durableSeq >= nextSeq;
}

/**
 * Retires a device that can deliver no more, where `isMeant` still holds of it: all that it holds is numbered
 * anew under the site's next device, which is a new one if there is none, and is still to be made known to the
 * server. One transaction: it happens once, or not at all. Answers whether it has.
 *
 * Nothing is lost by it. Told twice are scans that the server has under their old numbers although this phone
 * could not know: of a browser whose store was set back to what it was before, what had been sent since; of a
 * revoked device, the batch whose answer was lost. A server that does not know the device has none of its scans,
 * and cannot be told which of them were acknowledged once: that needs the device's own numbers.
 */
export async function renew(
  database: IDBDatabase, old: StoredDevice, isMeant: (device: Device) => boolean,
): Promise<boolean> {
  // Before the transaction, which must wait for nothing else.
  const spare = await fresh(old.site);
  return inOne(database, ["devices", "scans", "state"], "readwrite", async (transaction) => {
    const store = transaction.objectStore("devices");
    const device = (await asked(store.get(old.slot))) as StoredDevice;
    if (device.successor !== undefined || !isMeant(device)) return false;
    const others = ((await asked(store.getAll())) as StoredDevice[]).filter(({ slot }) => slot !== device.slot);
    const next = others.find(({ site, isRetired }) => site === device.site && !isRetired)?.slot;
    const { slot: _, ...known } = device;
    // All that is known of the site goes along.
    const renewed: Device = { ...known, ...spare, site: device.site, siteName: device.siteName, isRenewal: true };
    const successor = next ?? ((await asked(store.add(renewed))) as number);
    await asked(store.put({ ...device, isRetired: true, successor }));
    await renumber(transaction, device.slot);
    const isCurrent = (await stateIn(transaction, "current")) === device.slot;
    if (isCurrent) await asked(transaction.objectStore("state").put(successor, "current"));
    return true;
  });
}

/** The device that numbers for this slot now. */
export function deviceInUse(database: IDBDatabase, slot: number): Promise<StoredDevice> {
  return inOne(database, ["devices"], "readonly", (transaction) => inUse(transaction.objectStore("devices"), slot));
}

/** Makes the site's device known to the server, and answers it as the server sees it. */
export async function registered(database: IDBDatabase, site: string, register: Register): Promise<StoredDevice> {
  const device = await deviceFor(database, site);
  const answer = await register(device.publicKey);
  const settled = await agree(database, device.slot, answer);
  // The server has forgotten the key, and a number belongs to one key for ever: begin with another.
  if (settled === null) return registered(database, site, register);
  const durableSeq = Number(answer.next_seq) - 1;
  // The one that takes its place is made known at the next turn.
  return (await renew(database, settled, hasNotGiven(durableSeq))) ? deviceFor(database, site) : settled;
}

/** Notes whether people are scanned in and out at the device's site. */
export function notedVenue(database: IDBDatabase, slot: number, isVenue: boolean): Promise<StoredDevice> {
  return inOne(database, ["devices"], "readwrite", async (transaction) => {
    const store = transaction.objectStore("devices");
    const device = { ...((await asked(store.get(slot))) as StoredDevice), isVenue };
    await asked(store.put(device));
    return device;
  });
}

async function fresh(site: string): Promise<Device> {
  const { secret, publicKey } = await newKey();
  const numbers = { number: null, nextSeq: 1, durableSeq: 0 };
  return { site, siteName: site, key: secret, publicKey, ...numbers, isRetired: false };
}

/** Takes over what the server says; `null` where it takes the key for another device than before. */
function agree(database: IDBDatabase, slot: number, answer: Registered): Promise<StoredDevice | null> {
  return inOne(database, ["devices"], "readwrite", async (transaction) => {
    const store = transaction.objectStore("devices");
    const device = (await asked(store.get(slot))) as StoredDevice;
    const isSame = device.number === null || device.number === answer.device;
    const settled = isSame
      ? { ...device, number: answer.device, site: answer.site, siteName: answer.site_name }
      : { ...device, isRetired: true };
    await asked(store.put(settled));
    return isSame ? settled : null;
  });
}

function keep(database: IDBDatabase, device: Device): Promise<StoredDevice> {
  return inOne(database, ["devices"], "readwrite", async (transaction) => {
    const slot = (await asked(transaction.objectStore("devices").add(device))) as number;
    return { ...device, slot };
  });
}
