// The declaration as one reads it through before it is sent.

import { knownPath } from "./areas";
import type { Declaration, Person, Residence } from "./contract";
import { element } from "./dom";
import { countryName } from "./fields";
import { birthDate, day, moment } from "./format";
import { text } from "./texts";

type Line = [label: string, value: string];

/** One group of facts for each step, each with a button that goes back there. */
export function reviewOf(declaration: Declaration, goTo: (step: number) => void): HTMLElement[] {
  const groups: [step: number, lines: Line[]][] = [
    [2, personLines(declaration.person)],
    [3, journeyLines(declaration)],
    [4, healthLines(declaration)],
  ];
  return groups.map(([step, lines]) => {
    const title = text(`review_${step}`);
    const change = element("button", { type: "button", class: "quiet", "aria-label": `${text("change")}: ${title}` }, text("change"));
    change.addEventListener("click", () => goTo(step));
    return element("section", { class: "review" }, element("div", { class: "row" }, element("h3", {}, title), change), factsOf(lines));
  });
}

/** A list of labels and values; empty values are left out. */
export function factsOf(lines: Line[]): HTMLDListElement {
  const told = lines.filter(([, value]) => value !== "");
  return element("dl", { class: "facts" }, ...told.map(([label, value]) => element("div", {}, element("dt", {}, label), element("dd", {}, value))));
}

/** Who it is; the name first. */
export function personLines(person: Person): Line[] {
  const document = person.documents[0];
  return [
    [text("name"), person.name],
    [text("birth_date"), birthDate(person.birth_date)],
    [text("sex"), person.sex ? text(`sex_${person.sex}`) : ""],
    [text("nationality"), countryName(person.nationality)],
    [document ? text(`document_${document.kind}`) : "", document?.number ?? ""],
    [text("permanent"), residence(person.permanent)],
    [text("present"), residence(person.present)],
    [text("temporary"), residence(person.temporary)],
  ];
}

/** What is taken over from the last declaration without being asked again. */
export function knownLines(declaration: Declaration): Line[] {
  const asked = ["from", "to", "departs_at", "symptoms", "exposure"].map((name) => text(name));
  const { person } = declaration;
  const lines = [...personLines(person), ...journeyLines(declaration), ...healthLines(declaration)];
  return lines.filter(([label]) => !asked.includes(label));
}

function journeyLines({ journey, companions = [] }: Declaration): Line[] {
  const vehicle = journey.vehicle ? [text(`vehicle_${journey.vehicle.kind}`), journey.vehicle.plate] : [];
  return [
    [text("from"), knownPath(journey.from)],
    [text("to"), knownPath(journey.to)],
    [text("departs_at"), moment(journey.departs_at)],
    [text("purpose"), joined(text(`purpose_${journey.purpose}`), journey.purpose_note)],
    [text("vehicle"), joined(...vehicle)],
    [text("route"), journey.route ?? ""],
    [text("companions"), companions.map((one) => `${one.name} (${birthDate(one.birth_date)})`).join(", ")],
  ];
}

function healthLines({ health }: Declaration): Line[] {
  const { symptoms, exposure, test } = health;
  const tested = test ? [text(`test_${test.kind}`), text(`result_${test.result}`), day(test.taken_at)] : [];
  return [
    [text("symptoms"), symptoms.map((one) => text(`symptom_${one}`)).join(", ") || text("none")],
    [text("exposure"), text(`exposure_${exposure}`)],
    [text("doses"), String(health.vaccine_doses)],
    [text("test"), joined(...tested)],
  ];
}

function residence(at: Residence | undefined): string {
  return at ? joined(at.address, knownPath(at.area)) : "";
}

function joined(...parts: (string | undefined)[]): string {
  return parts.filter(Boolean).join(", ");
}
