// Who is aboard a vehicle that was scanned: as the server has just told, or the lists do, or asked for later.

import type { Checked } from "./check";
import { aboardOf } from "./lists";
import type { Lists } from "./lists";
import { missingAboard, numberAboard } from "./queue";

/** Asks who was aboard at an instant, by the number of the vehicle's pass. */
export type AskAboard = (pass: string, at: number) => Promise<string[]>;

/** What is kept of those aboard with a confirmed scan; nothing where it is no vehicle's. */
export function aboardIn({ vehicle, pass }: Checked, lists: Lists, now: number): { aboard?: string[] | null } {
  if (vehicle) return { aboard: [...new Set(vehicle.aboard.map(({ subject }) => subject))] };
  return pass?.isVehicle ? { aboard: aboardOf(lists, pass.number, now) } : {};
}

/**
 * Numbers scans of those whom this phone did not know aboard; whether none is missing now. What one vehicle's
 * answer is, the others do not wait for.
 */
export async function expandMissing(database: IDBDatabase, ask: AskAboard): Promise<boolean> {
  let isWhole = true;
  for (const scan of await missingAboard(database, VEHICLES_AT_ONCE)) {
    const aboard = await ask(scan.pass, scan.at).catch(() => null);
    if (aboard) await numberAboard(database, scan, aboard);
    isWhole = isWhole && aboard !== null;
  }
  return isWhole;
}

const VEHICLES_AT_ONCE = 100;
