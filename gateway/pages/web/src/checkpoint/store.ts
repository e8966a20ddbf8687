// What the phone keeps, in IndexedDB. A transaction that has been awaited is on disk.
//
//   devices  slot                 -> Device      this browser as a device of a site, with its key
//   scans    [slot, seq]          -> Scan        confirmed, numbered, not yet durable at the server
//   pending  slot                 -> Confirmed   confirmed just now, may still be undone, not yet numbered
//   missing  [slot, seq]          -> Scan        of a vehicle, numbered; those aboard are still to be asked for
//   aside    [slot, seq]          -> Scan        set aside by an older version of this page; numbered again as it opens
//   refused  [slot, seq]          -> Refused     the server keeps it aside for its operator
//   state    name                 -> lists, clock, current slot, passes confirmed a moment ago
//
// No name and no number of a document is ever kept here.

import type { KeptTime } from "./clock";
import type { SecretKey } from "./ed25519";
import type { KeptLists } from "./lists";

/** What the officer decided; the numbers are the wire's. */
export type Decision = 0 | 1 | 2;
export const PASSED = 0;
export const REFUSED = 1;
export const CORRECTED = 2;

/** Which way somebody went; the numbers are the wire's. */
export type Direction = 0 | 1 | 2;
export const PASS = 0;
export const IN = 1;
export const OUT = 2;

/** This browser as a device of one site. */
export interface Device {
  slot?: number;
  site: string;
  siteName: string;
  /** Whether people are scanned in and out there; absent in what an older version kept. */
  isVenue?: boolean;
  key: SecretKey;
  /** base64 */
  publicKey: string;
  /** Its number at the server; `null` before the server has given one. */
  number: number | null;
  /** The seq of the next scan. */
  nextSeq: number;
  /** The highest seq of which the server said that all up to it is durable. */
  durableSeq: number;
  /** No longer used for new scans; what it holds is still sent. */
  isRetired: boolean;
  /** Slot of the device that numbers in its place, and to which all that it held has gone. */
  successor?: number;
  /** It has taken the place of one that the server took nothing more from. */
  isRenewal?: boolean;
}

/** A scan as the officer confirmed it. */
export interface Confirmed {
  slot: number;
  site: string;
  subject: string;
  /** Number of the pass. */
  pass: string;
  /** The server's time, unix milliseconds. */
  at: number;
  decision: Decision;
  /** At a venue: in or out. Absent: passed by, also in what an older version kept. */
  direction?: Direction;
  /**
   * Codes of those aboard, where it is a vehicle's: each is a scan of its own. `null`: not known on this phone,
   * to be asked for when the server can be reached.
   */
  aboard?: string[] | null;
}

/** A numbered scan. It never changes. */
export interface Scan extends Confirmed {
  seq: number;
}

/** A scan that the server did not take; nothing of it is kept but this. */
export interface Refused {
  slot: number;
  seq: number;
  reason: string;
}

/** Which pass was confirmed when, to ask before the same is confirmed again. */
export interface Recent {
  pass: string;
  at: number;
  decision: Decision;
  direction?: Direction;
}

/** The single values under `state`. */
export interface State {
  lists: KeptLists;
  clock: KeptTime;
  current: number;
  recent: Recent[];
  /** How the officer's switch stands. */
  direction: Direction;
}

export type StoreName = "devices" | "scans" | "pending" | "missing" | "aside" | "refused" | "state";

/** Opens the phone's store. */
export function openStore(factory: IDBFactory = indexedDB): Promise<IDBDatabase> {
  const request = factory.open("truyvet-checkpoint", 2);
  request.onupgradeneeded = ({ oldVersion }) => {
    const database = request.result;
    database.createObjectStore("missing", { keyPath: ["slot", "seq"] });
    if (oldVersion > 0) return;
    database.createObjectStore("devices", { keyPath: "slot", autoIncrement: true });
    database.createObjectStore("scans", { keyPath: ["slot", "seq"] });
    database.createObjectStore("pending", { keyPath: "slot" });
    database.createObjectStore("aside", { keyPath: ["slot", "seq"] });
    database.createObjectStore("refused", { keyPath: ["slot", "seq"] });
    database.createObjectStore("state");
  };
  return asked(request).then((database) => {
    // A later version of this page, in another tab, must not wait for this one.
    database.onversionchange = () => database.close();
    return database;
  });
}

/**
 * Runs `work` in one transaction over these stores, and gives its answer once all is on disk. Where `work`
 * throws, nothing of it happened. It must await nothing but requests of its own transaction.
 */
export async function inOne<T>(
  database: IDBDatabase, stores: StoreName[], mode: "readonly" | "readwrite",
  work: (transaction: IDBTransaction) => Promise<T>,
): Promise<T> {
  // "strict": an answer only when the disk has it; a phone's battery may be out at any time.
  const transaction = database.transaction(stores, mode, { durability: "strict" });
  const done = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException("aborted", "AbortError"));
  });
  done.catch(() => undefined);
  try {
    const answer = await work(transaction);
    await done;
    return answer;
  } catch (reason) {
    abort(transaction);
    throw reason;
  }
}

/** The answer of one request. */
export function asked<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new DOMException("failed", "UnknownError"));
  });
}

/** A single value. */
export function readState<K extends keyof State>(database: IDBDatabase, name: K): Promise<State[K] | undefined> {
  return inOne(database, ["state"], "readonly", (transaction) => stateIn(transaction, name));
}

/** A single value, within a transaction over `state`. */
export function stateIn<K extends keyof State>(
  transaction: IDBTransaction, name: K,
): Promise<State[K] | undefined> {
  return asked(transaction.objectStore("state").get(name)) as Promise<State[K] | undefined>;
}

/** Keeps a single value; `undefined` forgets it. */
export async function writeState<K extends keyof State>(
  database: IDBDatabase, name: K, value: State[K] | undefined,
): Promise<void> {
  await inOne(database, ["state"], "readwrite", async (transaction) => {
    const state = transaction.objectStore("state");
    if (value === undefined) await asked(state.delete(name));
    else await asked(state.put(value, name));
  });
}

/** Whether the phone has no room left. */
export function isFull(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "QuotaExceededError";
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // It was over already.
  }
}
