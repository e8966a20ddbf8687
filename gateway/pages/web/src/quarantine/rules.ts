// What follows from orders: which are wanted, in which order they are read, what a diary's form says. Pure.

import type { LabTest, Symptom } from "../contract";
import type { Values } from "../declaration";
import type { Entry, OrderRow } from "./contract";

export type Wanted = "open" | "breached" | "ended";

const DAY_MS = 86_400_000;

/** Whether a list has this order. */
export function isWanted(wanted: Wanted, row: OrderRow): boolean {
  if (wanted === "breached") return row.breaches > 0;
  return (row.state === "ended") === (wanted === "ended");
}

/** Each order once, those that are broken first, then the newest. */
export function inOrder(rows: readonly OrderRow[]): OrderRow[] {
  const once = [...new Map(rows.map((row) => [row.order, row])).values()];
  const rank = (row: OrderRow): number => (row.state === "breached" ? 0 : 1);
  return once.sort((a, b) => rank(a) - rank(b) || (BigInt(a.order) < BigInt(b.order) ? 1 : -1));
}

/** The list with an order that has just been heard of. */
export function heard(rows: readonly OrderRow[], wanted: Wanted, fresh: OrderRow): OrderRow[] {
  const others = rows.filter(({ order }) => order !== fresh.order);
  return inOrder(isWanted(wanted, fresh) ? [fresh, ...others] : others);
}

/** How many days are left, the last one counted. */
export function daysLeft(until: number, now: number): number {
  return Math.max(0, Math.ceil((until - now) / DAY_MS));
}

/** The end of an order of so many days from now. */
export function untilAfter(days: number, now: number): number {
  return now + days * DAY_MS;
}

/** "36,8" and "36.8" are the same; `null` for what is no number. */
export function readTemperature(typed: string): number | null {
  const text = typed.trim().replace(",", ".");
  return /^\d{2}(\.\d+)?$/.test(text) ? Number(text) : null;
}

/** The entry that a form says, or the name of the field that is not as it must be. */
export function entryOf(values: Values, now: number): Entry | { wrong: string } {
  const entry: Entry = {};
  const typed = (values["temperature_c"] ?? "").trim();
  if (typed !== "") {
    const degrees = readTemperature(typed);
    if (degrees === null) return { wrong: "temperature_c" };
    entry.temperature_c = degrees;
  }
  const symptoms = (values["symptoms"] ?? "").split(" ").filter(Boolean);
  if (symptoms.length > 0) entry.symptoms = symptoms as Symptom[];
  const [kind, result] = (values["test"] ?? "").split("_");
  if (kind && result) entry.test = { kind, result, taken_at: now } as LabTest;
  const note = (values["note"] ?? "").trim();
  if (note !== "") entry.note = note;
  return entry;
}
