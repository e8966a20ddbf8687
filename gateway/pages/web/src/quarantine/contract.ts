// The shapes of quarantine orders under /api/v1/orders. Times are unix milliseconds.

import type { AreaName, LabTest, Symptom } from "../contract";

export type OrderState = "planned" | "open" | "breached" | "ended";
export type OrderReason = "contact" | "red_area" | "abroad" | "case";
export type PlaceKind = "home" | "facility";
export type NotOrdered = "no_record" | "abroad" | "already_ordered" | "vehicle" | "damaged";

/** A scan elsewhere. */
export interface Seen {
  at: number;
  site: string;
  site_name: string;
}

export interface OrderRow {
  order: string;
  subject: string;
  state: OrderState;
  kind: PlaceKind;
  area: AreaName & { path: string };
  site?: string;
  site_name?: string;
  reason: OrderReason;
  from: number;
  until: number;
  ended?: { at: number; by: string; how: "completed" | "lifted" | "replaced"; next?: string; note?: string };
  by: string;
  made_at: number;
  breaches: number;
  last_breach?: Seen;
  entries: number;
}

export interface Facility {
  site: string;
  name: string;
  kind: string;
  area: string;
}

export interface Entry {
  at?: number;
  temperature_c?: number;
  symptoms?: Symptom[];
  test?: LabTest;
  note?: string;
}

export interface WrittenEntry extends Entry {
  number: number;
  written_at: number;
  by: string;
}

export interface Order extends OrderRow {
  address?: string;
  permitted: Facility[];
  origin?: string;
  diary: WrittenEntry[];
  broken_by: Seen[];
}

export interface OrderTerms {
  kind: PlaceKind;
  site?: string;
  reason: OrderReason;
  until: number;
  origin?: string;
}

export interface BulkOrdered {
  tried: boolean;
  cut: boolean;
  ordered: number;
  ordered_before: number;
  areas: number;
  /** Codes in its questions that nobody knows. */
  unknown?: string[];
  /** Spans of time that the answers do not cover. */
  incomplete?: { from: number; to: number }[];
  not_ordered: { why: NotOrdered; subjects: number; list: string[] }[];
}
