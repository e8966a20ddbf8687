// What an officer types at the border, and what it means. Pure.

import { instantOf } from "../country-time";
import type { Flaw, Sex } from "../contract";
import type { Values } from "../declaration";
import { birthDateTyped } from "../paper/values";
import type { Arrival, Carriage, CarriageKind, Crossing, Quarantine } from "./contract";

const DAY_MS = 86_400_000;

/** What all came on. */
export function carriageOf(landing: Values): Carriage {
  const number = (landing["number"] ?? "").trim();
  return {
    kind: (landing["kind"] || "flight") as CarriageKind,
    ...(number === "" ? {} : { number }),
    date: landing["date"] ?? "",
  };
}

/** How those who came on it are asked for; on foot, whoever arrived at the site: see `wasOn`. */
export function listQuery(landing: Values): URLSearchParams {
  const { kind, number = "", date } = carriageOf(landing);
  return new URLSearchParams(kind === "on_foot" ? { site: landing["site"] ?? "" } : { kind, carriage: number, date });
}

/** Whether somebody of such a list came so: what carries a number is asked for by it, who walked is found by the day. */
export function wasOn({ carriage }: Crossing, { kind, date }: Carriage): boolean {
  return kind !== "on_foot" || (carriage.kind === "on_foot" && carriage.date === date);
}

/** The arrival that the two forms make. */
export function arrivalOf(landing: Values, values: Values): Arrival {
  const given = (name: string): string => (values[name] ?? "").trim();
  const seat = given("seat");
  const phone = given("phone");
  const arrivedAt = instantOf(landing["arrived_at"]);
  return {
    traveller: {
      name: given("name"),
      birth_date: birthDateTyped(given("birth_date")),
      sex: given("sex") as Sex,
      nationality: given("nationality"),
      passport: { number: given("passport"), country: given("country") },
      ...(phone === "" ? {} : { phone }),
    },
    crossing: {
      site: landing["site"] ?? "",
      arrived_at: arrivedAt,
      carriage: carriageOf(landing),
      ...(seat === "" ? {} : { seat }),
      from: landing["from"] ?? "",
      quarantine: { ...placeOf(landing, values), until: arrivedAt + daysOf(landing) * DAY_MS },
    },
  };
}

function placeOf(landing: Values, values: Values): Omit<Quarantine, "until"> {
  const stay = values["stay"] || landing["facility"] || "";
  if (stay !== "home") return stay === "" ? {} : { facility: stay };
  const address = (values["address"] ?? "").trim();
  return { home: { area: values["home_area"] ?? "", ...(address === "" ? {} : { address }) } };
}

/** What is told once for a list, as its parameters. */
export function listOf(landing: Values): Record<string, string> {
  const { kind, number, date } = carriageOf(landing);
  return {
    site: landing["site"] ?? "",
    kind,
    ...(number === undefined ? {} : { carriage: number }),
    date,
    from: landing["from"] ?? "",
    arrived_at: String(instantOf(landing["arrived_at"])),
    ...(landing["facility"] ? { facility: landing["facility"] } : {}),
    days: String(daysOf(landing)),
  };
}

/** What must be there before anybody can be entered. */
export function landingFlaws(landing: Values): Flaw[] {
  const missing = (name: string, field: string): Flaw[] =>
    (landing[name] ?? "").trim() === "" ? [{ field, code: "missing" }] : [];
  const days = /^\d{1,2}$/.test((landing["days"] ?? "").trim()) ? [] : [{ field: "crossing.quarantine.until", code: "time" }];
  return [
    ...missing("site", "crossing.site"),
    ...(landing["kind"] === "on_foot" ? [] : missing("number", "crossing.carriage.number")),
    ...missing("date", "crossing.carriage.date"),
    ...missing("arrived_at", "crossing.arrived_at"),
    ...missing("from", "crossing.from"),
    ...days,
  ];
}

/** What the next person's form begins with: the seat beside, the same country and facility; a home is one person's. */
export function forNext({ seat = "", country = "", stay = "", document_seen = "" }: Values): Values {
  return { seat: nextSeat(seat), country, nationality: country, stay: stay === "home" ? "" : stay, document_seen };
}

/** The seat beside this one: "12A" becomes "12B", and behind the last the next row begins. "" where it is no seat. */
export function nextSeat(seat: string): string {
  const known = /^(\d{1,3})([A-HJ-K])$/.exec(seat.trim().toUpperCase());
  if (!known) return "";
  const [, row = "", letter = ""] = known;
  const place = SEATS.indexOf(letter);
  const next = place < 0 ? undefined : SEATS[place + 1];
  return next === undefined ? `${Number(row) + 1}A` : row + next;
}

function daysOf(landing: Values): number {
  return Number(landing["days"] ?? "");
}

/** Letters of a row of six; of a wider one the rest is typed. */
const SEATS = "ABCDEF";
