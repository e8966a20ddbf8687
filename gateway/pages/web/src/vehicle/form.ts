// A trip between the texts of a form and the shape that the API takes. Pure.

import type { IdDocument } from "../contract";
import { instantOf } from "../country-time";
import type { Values } from "../declaration";
import type { Aboard, CargoKind, DeclaredTrip, Duty } from "./contract";

/** The trip that the values of the form say. */
export function tripOf(values: Values): DeclaredTrip {
  const note = value(values, "cargo.note");
  return {
    vehicle: {
      plate: value(values, "vehicle.plate"),
      kind: value(values, "vehicle.kind") as DeclaredTrip["vehicle"]["kind"],
      operator: value(values, "vehicle.operator"),
      seats: wholeNumber(value(values, "vehicle.seats")),
    },
    depot: value(values, "depot"),
    route: routeOf(values),
    // What is no time is told as out of the times that make sense.
    departs_at: instantOf(value(values, "departs_at")),
    until: instantOf(value(values, "until")),
    cargo: { kind: value(values, "cargo.kind") as CargoKind, ...(note === "" ? {} : { note }) },
    aboard: aboardOf(values),
  };
}

/** Codes of the areas on the route, those left empty passed over. */
export function routeOf(values: Values): string[] {
  return indexes(values, "route").map((i) => value(values, `route[${i}]`)).filter(Boolean);
}

/** Everyone aboard, the driver first. */
export function aboardOf(values: Values): Aboard[] {
  return indexes(values, "aboard").map((i) => one(values, `aboard[${i}]`, i === 0));
}

/** The texts of the form for these people. */
export function valuesOfAboard(aboard: Aboard[]): Values {
  const values: Values = {};
  aboard.forEach(({ duty, name, birth_date, sex, document, phone }, i) => {
    const told = {
      duty, name, birth_date, sex, phone: phone ?? "",
      "document.kind": document.kind, "document.number": document.number, "document.country": document.country ?? "VN",
    };
    for (const [field, text] of Object.entries(told)) values[`aboard[${i}].${field}`] = text;
  });
  return values;
}

/** The values without entry `index` of a list; those after it move up. */
export function without(values: Values, list: string, index: number): Values {
  const kept = Object.entries(values).flatMap(([name, text]): [string, string][] => {
    const found = name.startsWith(`${list}[`) ? /^\w+\[(\d+)\](.*)$/.exec(name) : null;
    if (!found) return [[name, text]];
    const i = Number(found[1]);
    if (i === index) return [];
    return [[`${list}[${i > index ? i - 1 : i}]${found[2]}`, text]];
  });
  return Object.fromEntries(kept);
}

/** How many entries a list has. */
export function countOf(values: Values, list: string): number {
  return indexes(values, list).length;
}

function one(values: Values, path: string, isDriver: boolean): Aboard {
  const phone = value(values, `${path}.phone`);
  const kind = (value(values, `${path}.document.kind`) || "citizen_id") as IdDocument["kind"];
  const country = value(values, `${path}.document.country`);
  return {
    duty: isDriver ? "driver" : ((value(values, `${path}.duty`) || "crew") as Duty),
    name: value(values, `${path}.name`),
    birth_date: value(values, `${path}.birth_date`),
    sex: (value(values, `${path}.sex`) || "other") as Aboard["sex"],
    document: {
      kind,
      number: value(values, `${path}.document.number`),
      ...(kind === "passport" && country !== "" ? { country } : {}),
    },
    ...(phone === "" ? {} : { phone }),
  };
}

function indexes(values: Values, list: string): number[] {
  const found = Object.keys(values).map((name) => (name.startsWith(`${list}[`) ? /\[(\d+)\]/.exec(name)?.[1] : undefined));
  return [...new Set(found.filter((index) => index !== undefined).map(Number))].sort((a, b) => a - b);
}

function value(values: Values, name: string): string {
  return (values[name] ?? "").trim();
}

/** What is no number is told as too few. */
function wholeNumber(text: string): number {
  return /^\d{1,2}$/.test(text) ? Number(text) : 0;
}
