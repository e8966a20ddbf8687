// Between the form, where every field is a text under the path that the server's errors use, and the
// declaration as it is sent. Pure.

import { instantOf, localTime } from "./country-time";
import type { Companion, Declaration, IdDocument, LabTest, Residence, Symptom, Vehicle } from "./contract";

/** Texts by field: `person.name`, `journey.to`, `health.symptoms` (separated by spaces) ... */
export type Values = Record<string, string>;

const PLACES = ["present", "temporary"] as const;
export const DOCUMENT = "person.documents[0]";

/** The declaration that these values make; `now` stands for "at once". */
export function declarationOf(values: Values, now: number): Declaration {
  const companions = companionsOf(values);
  return {
    person: {
      name: given(values["person.name"]),
      birth_date: given(values["person.birth_date"]),
      sex: given(values["person.sex"]) as Declaration["person"]["sex"],
      nationality: values["person.nationality"] || "VN",
      documents: [documentOf(values, DOCUMENT)],
      permanent: residenceOf(values, "person.permanent"),
      ...Object.fromEntries(
        PLACES.filter((place) => values[`person.${place}.same`] !== "yes").map((place) => [
          place,
          residenceOf(values, `person.${place}`),
        ]),
      ),
    },
    journey: {
      from: given(values["journey.from"]),
      to: given(values["journey.to"]),
      departs_at: values["journey.when"] === "later" ? instantOf(values["journey.departs_at"]) : now,
      purpose: given(values["journey.purpose"]) as Declaration["journey"]["purpose"],
      ...optional("route", values["journey.route"]),
      ...optional("purpose_note", values["journey.purpose_note"]),
      ...vehicleOf(values),
    },
    health: {
      symptoms: wordsOf(values["health.symptoms"]).filter((word) => word !== "none") as Symptom[],
      exposure: given(values["health.exposure"]) as Declaration["health"]["exposure"],
      vaccine_doses: Number(values["health.vaccine_doses"] || 0),
      ...testOf(values),
    },
    ...(companions.length > 0 ? { companions } : {}),
  };
}

/** The values that show this declaration again; what must be told anew is left out. */
export function valuesOf(declaration: Declaration, now: number): Values {
  const { person, journey, health } = declaration;
  const document = person.documents[0];
  const values: Values = {
    "person.name": person.name,
    "person.birth_date": person.birth_date,
    "person.sex": person.sex,
    "person.nationality": person.nationality,
    "journey.from": journey.from,
    "journey.to": journey.to,
    "journey.when": "now",
    "journey.purpose": journey.purpose,
    "journey.route": journey.route ?? "",
    "journey.purpose_note": journey.purpose_note ?? "",
    "journey.vehicle.kind": journey.vehicle?.kind ?? "",
    "journey.vehicle.plate": journey.vehicle?.plate ?? "",
    "health.vaccine_doses": String(health.vaccine_doses),
    ...residenceValues("person.permanent", person.permanent),
  };
  if (document) Object.assign(values, documentValues(DOCUMENT, document));
  for (const place of PLACES) {
    const residence = person[place];
    values[`person.${place}.same`] = residence ? "" : "yes";
    if (residence) Object.assign(values, residenceValues(`person.${place}`, residence));
  }
  (declaration.companions ?? []).forEach((companion, i) => {
    values[`companions[${i}].name`] = companion.name;
    values[`companions[${i}].birth_date`] = companion.birth_date;
    if (companion.document) Object.assign(values, documentValues(`companions[${i}].document`, companion.document));
  });
  if (health.test && now - health.test.taken_at < TEST_KEPT_MS) {
    values["health.test.kind"] = health.test.kind;
    values["health.test.result"] = health.test.result;
    values["health.test.taken_at"] = localTime(health.test.taken_at).slice(0, 10);
  }
  return values;
}

/** How many companions the values name. */
export function companionCount(values: Values): number {
  const indexes = Object.keys(values).map((name) => /^companions\[(\d+)\]/.exec(name)?.[1]);
  return Math.max(0, ...indexes.map((index) => (index === undefined ? 0 : Number(index) + 1)));
}

function companionsOf(values: Values): Companion[] {
  return Array.from({ length: companionCount(values) }, (_, i) => {
    const path = `companions[${i}]`;
    const document = documentOf(values, `${path}.document`);
    return {
      name: given(values[`${path}.name`]),
      birth_date: given(values[`${path}.birth_date`]),
      ...(document.number ? { document } : {}),
    };
  });
}

function documentOf(values: Values, path: string): IdDocument {
  const kind = (values[`${path}.kind`] || "citizen_id") as IdDocument["kind"];
  const country = kind === "passport" ? values[`${path}.country`] : "";
  return { kind, number: given(values[`${path}.number`]), ...optional("country", country) };
}

function documentValues(path: string, document: IdDocument): Values {
  return {
    [`${path}.kind`]: document.kind,
    [`${path}.number`]: document.number,
    [`${path}.country`]: document.country ?? "",
  };
}

function residenceOf(values: Values, path: string): Residence {
  return { area: given(values[`${path}.area`]), ...optional("address", values[`${path}.address`]) };
}

function residenceValues(path: string, residence: Residence): Values {
  return { [`${path}.area`]: residence.area, [`${path}.address`]: residence.address ?? "" };
}

function vehicleOf(values: Values): { vehicle?: Vehicle } {
  const kind = values["journey.vehicle.kind"] as Vehicle["kind"] | "" | undefined;
  return kind ? { vehicle: { kind, ...optional("plate", values["journey.vehicle.plate"]) } } : {};
}

function testOf(values: Values): { test?: LabTest } {
  const kind = values["health.test.kind"];
  if (!kind || kind === "none") return {};
  const taken_at = instantOf(values["health.test.taken_at"]);
  const result = given(values["health.test.result"]) as LabTest["result"];
  return { test: { kind: kind as LabTest["kind"], result, taken_at } };
}

function optional<K extends string>(name: K, text: string | undefined): { [key in K]?: string } {
  const words = given(text);
  return words === "" ? {} : ({ [name]: words } as { [key in K]: string });
}

function wordsOf(text: string | undefined): string[] {
  return given(text).split(" ").filter(Boolean);
}

function given(text: string | undefined): string {
  return (text ?? "").trim();
}

/** A test older than this says nothing on a new journey. */
const TEST_KEPT_MS = 7 * 86_400_000;
