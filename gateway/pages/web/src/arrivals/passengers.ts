// Who came on a flight, a vehicle or a ship, by seat: what their passes are, and where they stay until when. On foot
// nobody came with anybody: there it is who walked over at the site, the newest first.

import { call } from "../api";
import { at, element, say, show } from "../dom";
import { showFlaws } from "../flaws";
import { birthDate, end } from "../format";
import { firstOf, type Listing } from "../listing";
import { printAll } from "../paper/print";
import { hasText, text } from "../texts";
import { troubleOf } from "../trouble";
import { Turns } from "../turns";
import type { ArrivalShown, Carriage } from "./contract";
import { landingNow, landingValues } from "./landing";
import { carriageOf, listQuery, wasOn } from "./values";

/** A list, and how far it is shown. */
interface Shown extends Listing<ArrivalShown> {
  carriage: Carriage;
  query: string;
}

let shown: Shown | null = null;
const turns = new Turns();

export function startPassengers(): void {
  at("show-passengers").addEventListener("click", () => void load());
  at("more-passengers").addEventListener("click", () => void more());
  at("print-passengers").addEventListener("click", () => void print());
}

/** Shows those of the carriage in the form; tells what is missing there. */
export async function load(): Promise<void> {
  if (landingValues() !== null) await follow();
}

/** Shows those of the carriage in the form as it is now, and nobody while that is not known: who is shown came on it. */
export async function follow(): Promise<void> {
  const landing = landingNow();
  const [carriage, query] = landing === null ? [null, ""] : [carriageOf(landing), String(listQuery(landing))];
  if (shown?.query !== query) clear();
  if (carriage !== null) await ask({ carriage, query, rows: [] });
}

async function more(): Promise<void> {
  if (shown?.next !== undefined) await ask(shown);
}

/** Asks for the page behind what is shown. */
async function ask(before: Shown): Promise<void> {
  try {
    const found = await turns.take(() => page(before, before.next));
    if (found === undefined) return;
    shown = { ...before, rows: [...before.rows, ...found.rows], next: found.next };
    showAll(shown);
  } catch (failure) {
    showFlaws([], troubleOf(failure));
  }
}

async function page({ carriage, query }: Shown, after: string | undefined, limit?: number): Promise<Listing<ArrivalShown>> {
  const asked = new URLSearchParams(query);
  if (after !== undefined) asked.set("after", after);
  if (limit !== undefined) asked.set("limit", String(limit));
  const { arrivals, next } = await call<{ arrivals: ArrivalShown[]; next?: string }>("GET", `/arrivals?${asked}`);
  return { rows: arrivals.filter(({ crossing }) => wasOn(crossing, carriage)), next };
}

/** Prints all who came on it, however few of them are shown. */
async function print(): Promise<void> {
  const of = shown;
  if (of === null) return;
  const count = async (): Promise<number> => (await firstOf(Infinity, (after) => page(of, after, ROWS_MAX))).rows.length;
  await printAll(`/arrivals/sheets/{sheet}?${of.query}`, count, at("passenger-batches"));
}

function clear(): void {
  shown = null;
  turns.end();
  say(at("passengers-said"), "");
  at("seat-rows").replaceChildren();
  at("passenger-batches").replaceChildren();
  for (const part of ["seats", "nobody", "more-passengers", "print-passengers"]) show(at(part), false);
}

function showAll({ carriage, rows, next }: Shown): void {
  const { kind, number = text(kind), date } = carriage;
  say(at("passengers-said"), rows.length > 0 ? text("on_carriage", { carriage: number, day: birthDate(date), n: rows.length }) : "");
  at("seat-rows").replaceChildren(...rows.map(rowOf));
  show(at("seats"), rows.length > 0);
  show(at("nobody"), rows.length === 0);
  show(at("more-passengers"), next !== undefined);
  show(at("print-passengers"), rows.length > 0 && kind !== "on_foot");
}

function rowOf(arrival: ArrivalShown): HTMLTableRowElement {
  const { name, birth_date, passport_country, passport_last4, state, revoked, pass, crossing } = arrival;
  const about = [birthDate(birth_date), `${passport_country} …${passport_last4}`].join(" · ");
  const who = element("td", {}, element("strong", {}, name), element("p", { class: "note" }, about));
  const fields = (arrival.differs ?? []).map((field) => text(hasText(`field_${field}`) ? `field_${field}` : field));
  if (fields.length > 0) who.append(element("p", { class: "note differs" }, text("differs", { fields: fields.join(", ") })));
  const word = revoked ? text("pass_revoked") : text(`state_${state}`);
  const tone = revoked ? "revoked" : state === "verified" ? "valid" : "unverified";
  const passed = element("td", {}, element("span", { class: `state ${tone}` }, word), element("p", { class: "note" }, pass));
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, crossing.seat ?? "–"),
    who,
    passed,
    element("td", {}, arrival.quarantine_name),
    element("td", {}, end(crossing.quarantine.until)),
  );
}

/** As many as the server gives at once. */
const ROWS_MAX = 1_000;
