// What follows from orders: which are wanted, in which order they are read, what a diary's form says. Pure.

import type { Flaw, LabTest, Symptom } from "../contract";
import { instantOf } from "../country-time";
import type { Values } from "../declaration";
import type { BulkOrdered, Entry, OrderRow } from "./contract";

export type Wanted = "open" | "breached" | "ended";

/** A text by its name, with what is filled in. */
export type Remark = [name: string, values: Record<string, string>];

const DAY_MS = 86_400_000;
/** More nobody looks at one by one: the list has them all. */
const ALARMS_MAX = 20;

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

/** The alarms with one more, the newest first: one for each order. */
export function alarmsWith(alarms: readonly OrderRow[], fresh: OrderRow): OrderRow[] {
  return [fresh, ...alarms.filter(({ order }) => order !== fresh.order)].slice(0, ALARMS_MAX);
}

/** What else is to be told of an order for many: what the answers to its questions do not say. */
export function remarksOf({ cut, unknown = [], incomplete = [] }: BulkOrdered): Remark[] {
  const remarks: Remark[] = [];
  if (cut) remarks.push(["order_cut", {}]);
  if (incomplete.length > 0) remarks.push(["order_incomplete", {}]);
  if (unknown.length > 0) remarks.push(["order_unknown", { codes: unknown.join(", ") }]);
  return remarks;
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

/** The entry that a form says, sent at `now`, or which field is not as it must be. */
export function entryOf(values: Values, now: number): Entry | { wrong: Flaw } {
  const given = (name: string): string => (values[name] ?? "").trim();
  const entry: Entry = {};
  const typed = given("temperature_c");
  if (typed !== "") {
    const degrees = readTemperature(typed);
    if (degrees === null) return { wrong: { field: "temperature_c", code: "form" } };
    entry.temperature_c = degrees;
  }
  const ticked = given("symptoms").split(" ").filter(Boolean);
  const symptoms = ticked.filter((symptom) => symptom !== "none") as Symptom[];
  if (symptoms.length > 0) entry.symptoms = symptoms;
  const [kind, result] = given("test").split("_") as [LabTest["kind"] | "", LabTest["result"]?];
  if (kind && result) {
    const taken_at = instantOf(given("test_day"));
    if (taken_at === 0) return { wrong: { field: "test.taken_at", code: "missing" } };
    if (taken_at > now) return { wrong: { field: "test.taken_at", code: "time" } };
    entry.test = { kind, result, taken_at };
  }
  const note = given("note");
  if (note !== "") entry.note = note;
  // The server takes silence for being well, which somebody must have said.
  const isSilent = Object.keys(entry).length === 0 && ticked.length === 0;
  return isSilent ? { wrong: { field: "symptoms", code: "missing" } } : entry;
}
