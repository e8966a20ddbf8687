// What can be told wrong before anything is sent, in the codes that the server uses too. Pure. The server
// checks everything again.

import type { Flaw } from "./contract";
import { companionCount, DOCUMENT, type Values } from "./declaration";

/** Flaws of one step of the declaration, from 1. */
export function flawsOfStep(step: number, values: Values, today: string): Flaw[] {
  const checks: Record<number, () => (Flaw | null)[]> = {
    1: () => [...documentFlaws(values, DOCUMENT), phoneFlaw(values)],
    2: () => personFlaws(values, today),
    3: () => journeyFlaws(values, today),
    4: () => healthFlaws(values),
  };
  return (checks[step]?.() ?? []).filter((flaw): flaw is Flaw => flaw !== null);
}

function personFlaws(values: Values, today: string): (Flaw | null)[] {
  return [
    required(values, "person.name"),
    birthDateFlaw(values, "person.birth_date", today),
    required(values, "person.sex"),
    required(values, "person.permanent.area"),
    ...["present", "temporary"]
      .filter((place) => values[`person.${place}.same`] !== "yes")
      .map((place) => required(values, `person.${place}.area`)),
  ];
}

function journeyFlaws(values: Values, today: string): (Flaw | null)[] {
  const companions = Array.from({ length: companionCount(values) }, (_, i) => `companions[${i}]`);
  return [
    required(values, "journey.from"),
    required(values, "journey.to"),
    values["journey.when"] === "later" ? required(values, "journey.departs_at") : null,
    required(values, "journey.purpose"),
    ...companions.flatMap((path) => [
      required(values, `${path}.name`),
      birthDateFlaw(values, `${path}.birth_date`, today),
      ...(values[`${path}.document.number`] ? documentFlaws(values, `${path}.document`) : []),
    ]),
  ];
}

function healthFlaws(values: Values): (Flaw | null)[] {
  const tested = values["health.test.kind"] === "pcr" || values["health.test.kind"] === "antigen";
  return [
    required(values, "health.symptoms"),
    required(values, "health.exposure"),
    required(values, "health.vaccine_doses"),
    ...(tested ? [required(values, "health.test.result"), required(values, "health.test.taken_at")] : []),
  ];
}

/** Flaws of the document at this path. */
export function documentFlaws(values: Values, path: string): (Flaw | null)[] {
  const field = `${path}.number`;
  const number = (values[field] ?? "").replace(/[\s.-]/g, "");
  if (number === "") return [{ field, code: "missing" }];
  const form = FORMS[values[`${path}.kind`] || "citizen_id"];
  return [form?.test(number) ? null : { field, code: "form" }];
}

function phoneFlaw(values: Values): Flaw | null {
  const phone = (values["phone"] ?? "").replace(/[\s().-]/g, "");
  if (phone === "") return { field: "phone", code: "missing" };
  return /^(0\d{8,10}|\+\d{8,15})$/.test(phone) ? null : { field: "phone", code: "form" };
}

/** `YYYY` or `YYYY-MM-DD`, not before 1900 and not after today. */
export function birthDateFlaw(values: Values, field: string, today: string): Flaw | null {
  const date = values[field] ?? "";
  if (date === "") return { field, code: "missing" };
  if (!isDate(date)) return { field, code: "form" };
  return "1900" <= date && date <= today.slice(0, date.length) ? null : { field, code: "time" };
}

function isDate(text: string): boolean {
  if (/^\d{4}$/.test(text)) return true;
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function required(values: Values, field: string): Flaw | null {
  return (values[field] ?? "").trim() === "" ? { field, code: "missing" } : null;
}

const FORMS: Record<string, RegExp> = {
  citizen_id: /^\d{12}$/,
  old_id: /^\d{9}$/,
  passport: /^[a-z0-9]{5,15}$/i,
};
