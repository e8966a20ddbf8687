// Who came on a flight, a vehicle or a ship, by seat: what their passes are, and where they stay until when.

import { call } from "../api";
import { at, element, say, show } from "../dom";
import { showFlaws } from "../flaws";
import { birthDate, end } from "../format";
import { PAGES_AT_ONCE, printSheets } from "../paper/print";
import { hasText, text } from "../texts";
import { troubleOf } from "../trouble";
import type { ArrivalShown, Carriage } from "./contract";
import { landingValues } from "./landing";
import { carriageOf } from "./values";

let shown: ArrivalShown[] = [];
let carriage: Carriage | null = null;

export function startPassengers(): void {
  at("show-passengers").addEventListener("click", () => void load());
  at("more-passengers").addEventListener("click", (event) => void load((event.currentTarget as HTMLElement).dataset["after"]));
  at("print-passengers").addEventListener("click", () => {
    if (carriage) void printSheets(`/arrivals/sheets/{sheet}?${queryOf(carriage)}`, 1, Math.min(PAGES_AT_ONCE, pages()));
  });
}

/** Shows those of the carriage in the form. */
export async function load(after?: string): Promise<void> {
  const landing = landingValues();
  if (landing === null) return;
  carriage = carriageOf(landing);
  const query = queryOf(carriage);
  if (after) query.set("after", after);
  try {
    const found = await call<{ arrivals: ArrivalShown[]; next?: string }>("GET", `/arrivals?${query}`);
    shown = after ? [...shown, ...found.arrivals] : found.arrivals;
    showAll(found.next);
  } catch (failure) {
    showFlaws([], troubleOf(failure));
  }
}

function showAll(next: string | undefined): void {
  const { number = "", date = "" } = carriage ?? {};
  say(at("passengers-said"), shown.length > 0 ? text("on_carriage", { carriage: number, day: birthDate(date), n: shown.length }) : "");
  at("seat-rows").replaceChildren(...shown.map(rowOf));
  show(at("seats"), shown.length > 0);
  show(at("nobody"), shown.length === 0);
  const more = at("more-passengers");
  more.dataset["after"] = next ?? "";
  show(more, next !== undefined);
  at("print-passengers").textContent = text("print_list", { n: Math.min(PAGES_AT_ONCE, pages()) });
  show(at("print-passengers"), shown.length > 0);
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

function queryOf({ kind, number = "", date }: Carriage): URLSearchParams {
  return new URLSearchParams({ kind, carriage: number, date });
}

function pages(): number {
  return Math.ceil(shown.length / ON_A_SHEET);
}

const ON_A_SHEET = 8;
