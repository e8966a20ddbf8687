// What an official types quickly, and what it means. Pure.

import { Problem } from "../api";
import type { Declaration, DocumentKind, Sex } from "../contract";
import { declarationOf, DOCUMENT, type Values } from "../declaration";
import { isRefusal, requestOf, type Unanswered } from "../unanswered";

/** What the twelve digits of a citizen id tell about its holder. */
export interface CitizenFacts {
  sex: Sex;
  year: number;
  /** Code of the province where the birth was registered, in the tree of 2021. */
  province: string;
}

/** Facts of a citizen id; `null` where it is none. Whether the province exists, the server knows. */
export function citizenFacts(number: string): CitizenFacts | null {
  const digits = /^0(\d\d)(\d)(\d\d)\d{6}$/.exec(compact(number));
  if (!digits) return null;
  const century = Number(digits[2]);
  const year = 1900 + 100 * Math.floor(century / 2) + Number(digits[3]);
  if (century > 3) return null;
  return { sex: century % 2 === 0 ? "male" : "female", year, province: `VN21-${digits[1]}` };
}

/** The kind of a document by the form of its number, as tables have it. */
export function kindOf(number: string): DocumentKind {
  const digits = compact(number);
  if (/^\d{12}$/.test(digits)) return "citizen_id";
  if (/^\d{9}$/.test(digits)) return "old_id";
  return /[a-z]/i.test(digits) ? "passport" : "citizen_id";
}

/** "1990-03-02" for "2/3/1990", "02031990" or "1990-03-02"; a year alone stays one; anything else as it is. */
export function birthDateTyped(typed: string): string {
  const text = typed.trim();
  const dayFirst = /^(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})$/.exec(text) ?? /^(\d\d)(\d\d)(\d{4})$/.exec(text);
  if (!dayFirst) return text;
  const [, day = "", month = "", year = ""] = dayFirst;
  return [year, month.padStart(2, "0"), day.padStart(2, "0")].join("-");
}

/** The values of the form as those of a declaration. */
export function declared(typed: Values): Values {
  return {
    ...typed,
    "person.birth_date": birthDateTyped(typed["person.birth_date"] ?? ""),
    "person.present.same": "yes",
    "person.temporary.same": "yes",
    "journey.when": typed["journey.departs_at"] ? "later" : "now",
    "health.symptoms": typed["health.symptoms"] || "none",
    [`${DOCUMENT}.number`]: compact(typed[`${DOCUMENT}.number`] ?? ""),
  };
}

/** What is sent of one paper. */
export interface Sent {
  declaration: Declaration;
  phone?: string;
  document_seen: boolean;
  accept_mismatches: boolean;
}

/** What these values say; `now`, to the minute, is the departure where none was typed. */
export function sentOf(values: Values, acceptMismatches: boolean, now: number): Sent {
  return {
    declaration: declarationOf(values, Math.floor(now / MINUTE_MS) * MINUTE_MS),
    ...(values["phone"] ? { phone: values["phone"] } : {}),
    document_seen: values["document_seen"] === "yes",
    accept_mismatches: acceptMismatches,
  };
}

/**
 * The request for these values: the one before, with its key and its time, while that says the same. Whether
 * mismatches are accepted makes no other paper of it.
 */
export function paperRequest(values: Values, last: Unanswered | null, now: number): Unanswered {
  return requestOf(JSON.stringify(sentOf(values, false, 0)), last, now);
}

/** What is left to be answered after this failure: nothing once it was refused, but by the register's word alone. */
export function leftOf(request: Unanswered, failure: unknown): Unanswered | null {
  const isDisagreement = failure instanceof Problem && failure.kind === "register-disagrees";
  return isRefusal(failure) && !isDisagreement ? null : request;
}

/** What the next person's form begins with: the journey of the last one, and whether documents are compared. */
export function forNext(values: Values): Values {
  return Object.fromEntries(KEPT.map((name) => [name, values[name] ?? ""]));
}

function compact(number: string): string {
  return number.replace(/[\s.-]/g, "");
}

const MINUTE_MS = 60_000;
const KEPT = ["journey.from", "journey.to", "journey.departs_at", "journey.purpose", "journey.vehicle.kind", "document_seen"];
