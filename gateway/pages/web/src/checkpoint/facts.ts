// What was declared, as lines for the officer to compare with the document: what matters most first.

import { ZONE } from "../country-time";
import { element } from "../dom";
import { hasText, locale, text } from "../texts";
import type { Trip } from "../vehicle/contract";
import type { CheckAnswer, Facts } from "./server";
import type { Pass } from "./token";

/** A line: what it is, what it says, and whether the officer should look twice. */
export interface Line {
  label: string;
  value: string;
  isFlagged?: boolean;
}

/** The lines of a declaration. */
export function linesOfFacts(facts: Facts): Line[] {
  const { birth_date, sex, document_kind, document_number, vehicle, companions = [] } = facts;
  const born = [day(birth_date), sex && word("sex", sex)].filter(Boolean).join(" · ");
  const lines: (Line | null)[] = [
    line("fact_born", born),
    { label: word("document", document_kind), value: spaced(document_number) },
    line("fact_home", facts.residence_text || facts.home?.name),
    line("fact_journey", facts.from && facts.to && `${facts.from.name} → ${facts.to.name}`),
    line("fact_vehicle", vehicle && [word("vehicle", vehicle.kind), vehicle.plate].filter(Boolean).join(" · ")),
    line("fact_departs", facts.departs_at && moment(facts.departs_at)),
    line("fact_nationality", facts.nationality !== "VN" && facts.nationality),
    ...companions.map((one) => line("fact_companion", `${one.name} · ${day(one.birth_date)}`)),
  ];
  return [...linesOfHealth(facts), ...lines.filter((one) => one !== null)];
}

/** What stands out of somebody's health comes first; what does not is left out. */
function linesOfHealth({ symptoms = [], exposure, test }: Facts): Line[] {
  const lines: Line[] = [];
  const told = symptoms.map((symptom) => word("symptom", symptom)).join(", ");
  if (told !== "") lines.push({ label: text("fact_symptoms"), value: told, isFlagged: true });
  if (exposure && exposure !== "none") {
    lines.push({ label: text("fact_exposure"), value: word("exposure", exposure), isFlagged: true });
  }
  if (test) {
    const value = `${word("test", test.kind)} ${word("result", test.result)} · ${moment(test.taken_at)}`;
    lines.push({ label: text("fact_test"), value, isFlagged: test.result === "positive" });
  }
  return lines;
}

/** The lines of a vehicle's trip. */
export function linesOfVehicle({ vehicle, cargo, route, depot_name, decided, until }: Trip): Line[] {
  const lines = [
    line("fact_vehicle", [word("vehicle", vehicle.kind), vehicle.operator].join(" · ")),
    line("fact_seats", String(vehicle.seats)),
    line("fact_route", route.map(({ name }) => name).join(" → ")),
    line("fact_cargo", [word("cargo", cargo.kind), cargo.note].filter(Boolean).join(" · ")),
    line("fact_depot", [depot_name, decided && moment(decided.at)].filter(Boolean).join(" · ")),
    line("fact_remark", decided?.checklist.remark),
    line("fact_over", moment(until)),
  ];
  return lines.filter((one) => one !== null);
}

/** Everyone aboard, to be compared with their documents. */
export function peopleOf({ aboard }: Trip): HTMLElement {
  const rows = aboard.map(({ name, duty, birth_date, document }) => {
    const about = [word("duty", duty), day(birth_date), spaced(document.number)].join(" · ");
    return element("li", {}, element("strong", {}, name), element("span", {}, about));
  });
  return element("ol", { class: "people" }, ...rows);
}

/** All that the token itself says. */
export function linesOfPass(pass: Pass): Line[] {
  const lines = [
    { label: text("fact_number"), value: pass.number },
    { label: text("fact_issued"), value: moment(pass.issuedAt) },
    { label: text("fact_until"), value: moment(pass.validUntil) },
  ];
  if (pass.isVehicle) lines.push({ label: text("fact_kind"), value: text("fact_kind_vehicle") });
  if (pass.hasCompanions) lines.push({ label: text("fact_companions"), value: text("fact_companions_some") });
  return lines;
}

/** The list of lines. */
export function listOf(lines: Line[]): HTMLElement {
  const rows = lines.map(({ label, value, isFlagged }) =>
    element("div", { class: isFlagged ? "flagged" : null }, element("dt", {}, label), element("dd", {}, value)));
  return element("dl", { class: "facts" }, ...rows);
}

/** What tells one match from another. */
export function titleOfMatch({ facts, pass }: CheckAnswer): string {
  const journey = facts?.from && facts.to ? `${facts.from.name} → ${facts.to.name}` : "";
  const when = facts?.departs_at ? moment(facts.departs_at) : "";
  return [facts?.name, journey, when, facts ? "" : pass?.pass].filter(Boolean).join(" · ");
}

/** A word of the contract in the page's language; one that is not known here as it is. */
export function word(group: string, name: string): string {
  const key = `${group}_${name}`;
  return hasText(key) ? text(key) : name;
}

/** An instant as people here write it. */
export function moment(unixMs: number): string {
  return MOMENT.format(unixMs);
}

/** The time of day of an instant. */
export function clockTime(unixMs: number): string {
  return CLOCK.format(unixMs);
}

function line(label: string, value: string | false | 0 | undefined): Line | null {
  return value ? { label: text(label), value } : null;
}

/** A birth date: a whole day, or only a year. */
function day(date: string): string {
  const [, year, month, dayOfMonth] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(date) ?? [];
  return year === undefined ? date : `${dayOfMonth}/${month}/${year}`;
}

/** Groups of three are compared more easily. */
function spaced(number: string): string {
  return /^\d{9,12}$/.test(number) ? number.replace(/(\d{3})(?=\d)/g, "$1 ") : number;
}

const CLOCK = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", timeZone: ZONE });
const MOMENT = new Intl.DateTimeFormat(locale, {
  hour: "2-digit", minute: "2-digit", day: "2-digit", month: "2-digit", year: "numeric", timeZone: ZONE,
});
