// The page /depot: officers check and seal vehicles before they leave, and write down who is aboard; officials of
// an area see which vehicles begin in it or lead through it, and which were seen off their route.

import { call, Problem } from "../api";
import { AreaField } from "../area-field";
import { learnPath } from "../areas";
import type { AccountSession } from "../contract";
import { at, say, show } from "../dom";
import { readValues } from "../fields";
import { clearFlaw, clearFlaws, showFlaws } from "../flaws";
import { factsOf } from "../review";
import { text } from "../texts";
import { troubleOf } from "../trouble";
import type { DepotCheck, Trip, TripRow } from "../vehicle/contract";
import { aboardOf, valuesOfAboard } from "../vehicle/form";
import { AboardRows } from "../vehicle/rows";
import { classOf, linesOf, peopleOf, rowOf } from "../vehicle/show";
import { startWork } from "../work";

/** Who is told of trips. */
const TOLD = ["officer", "ward", "health", "epidemiologist"];
const which = at<HTMLFormElement>("which");
const decideForm = at<HTMLFormElement>("decide");
const crew = at<HTMLFormElement>("crew");
const rows = new AboardRows(crew);
const area = new AreaField(which.querySelector(".area-field") as HTMLElement);

let account: AccountSession | null = null;
let trips: TripRow[] = [];
let next: string | undefined;
let trip: Trip | null = null;
/** Counts what was asked: an answer to an earlier question is not shown. */
let asked = 0;

void start();

async function start(): Promise<void> {
  const me = await startWork(TOLD);
  if (me === null) return;
  account = me;
  show(at("area").closest(".field") as HTMLElement, me.role !== "officer" && me.role !== "ward");
  if (me.area) {
    learnPath(me.area, me.area_name ?? me.area);
    await area.choose(me.area);
  }
  startButtons();
  const wanted = new URLSearchParams(location.search).get("trip");
  if (wanted) await attempt(() => open(wanted));
  await load();
}

function startButtons(): void {
  which.addEventListener("change", () => void load());
  which.addEventListener("submit", (event) => event.preventDefault());
  at("more").addEventListener("click", () => void load(next));
  at("close").addEventListener("click", close);
  at("refuse").addEventListener("click", () => void attempt(() => decide("refuse")));
  at("end").addEventListener("click", () => void attempt(end));
  at("open-crew").addEventListener("click", openCrew);
  onSubmit("find", find);
  onSubmit("decide", () => decide("seal"));
  onSubmit("crew", change);
}

function onSubmit(id: string, act: () => Promise<void>): void {
  at(id).addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt(act);
  });
  at(id).addEventListener("input", ({ target }) => {
    const field = (target as HTMLElement).closest<HTMLElement>(".field");
    if (field) clearFlaw(field);
  });
}

async function attempt(act: () => Promise<void>): Promise<void> {
  clearFlaws();
  try {
    await act();
  } catch (failure) {
    const problem = failure instanceof Problem ? failure : null;
    if (problem && problem.flaws.length > 0) return showFlaws(problem.flaws, text("flaws_lead"));
    showFlaws([], problem?.status === 409 ? text("trip_changed") : troubleOf(failure));
  }
}

// ---- the list ------------------------------------------------------------------------------------

async function load(before?: string): Promise<void> {
  if (!account?.site && area.code === "") return showFlaws([{ field: "area", code: "missing" }], text("flaws_lead"));
  const own = ++asked;
  const { state, off_route } = readValues(which);
  const given = { area: account?.site ? "" : area.code, state: state ?? "", off_route: off_route ?? "", before: before ?? "" };
  const query = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== ""));
  await attempt(async () => {
    const found = await call<{ trips: TripRow[]; next?: string }>("GET", `/vehicles/trips?${query}`);
    if (own !== asked) return;
    next = found.next;
    trips = before ? [...trips, ...found.trips] : found.trips;
    say(at("told"), "");
    showTrips();
  });
}

/** The newest trips of one vehicle, in place of the list. */
async function find(): Promise<void> {
  const plate = at<HTMLInputElement>("plate").value.trim();
  if (plate === "") return load();
  asked++;
  trips = (await call<{ trips: TripRow[] }>("POST", "/vehicles/find", { body: { plate } })).trips;
  next = undefined;
  say(at("told"), text("found_of", { plate, n: trips.length }));
  showTrips();
}

function showTrips(): void {
  at("trips").replaceChildren(...trips.map((row) => rowOf(row, (number) => void attempt(() => open(number)))));
  show(at("none"), trips.length === 0);
  show(at("more"), next !== undefined);
}

// ---- one trip ------------------------------------------------------------------------------------

async function open(number: string): Promise<void> {
  showTrip(await call<Trip>("GET", `/vehicles/trips/${number}`));
}

function showTrip(shown: Trip): void {
  trip = shown;
  at("one-state").textContent = text(`trip_${shown.state}`);
  at("one-state").className = `state big ${classOf(shown.state)}`;
  at("one-title").textContent = shown.vehicle.plate;
  at("one-facts").replaceChildren(...factsOf([...linesOf(shown), [text("pass"), shown.pass.pass]]).children);
  at("one-aboard").textContent = text("aboard_count", { count: shown.aboard.length });
  at("one-people").replaceChildren(...peopleOf(shown));
  const isOfficer = account?.role === "officer";
  const isGoing = shown.state === "declared" || shown.state === "sealed";
  show(decideForm, isOfficer && shown.depot === account?.site && shown.state === "declared");
  show(at("open-crew"), isOfficer && isGoing);
  show(at("end"), isOfficer && shown.state === "sealed");
  delete at("end").dataset["armed"];
  at("end").textContent = text("end_trip");
  show(crew, false);
  decideForm.reset();
  show(at("one"));
  at("one").focus();
}

function close(): void {
  const number = trip?.trip;
  trip = null;
  show(at("one"), false);
  document.getElementById(`open-${number}`)?.focus();
}

async function decide(how: "seal" | "refuse"): Promise<void> {
  const values = readValues(decideForm);
  const checks = (values["checks"] ?? "").split(" ").filter(Boolean) as DepotCheck[];
  const remark = (values["remark"] ?? "").trim();
  const body = { checks, ...(remark === "" ? {} : { remark }) };
  showTrip(await call<Trip>("POST", `/vehicles/trips/${trip?.trip}/${how}`, { body }));
  await load();
}

function openCrew(): void {
  rows.show(valuesOfAboard(trip?.aboard ?? []));
  show(crew);
  show(at("open-crew"), false);
  at("aboard[0].name").focus();
}

async function change(): Promise<void> {
  const body = { aboard: aboardOf(readValues(crew)) };
  showTrip(await call<Trip>("POST", `/vehicles/trips/${trip?.trip}/aboard`, { body }));
  await load();
}

/** Asks on the button itself whether it is really meant. */
async function end(): Promise<void> {
  const button = at("end");
  if (button.dataset["armed"] === undefined) {
    button.dataset["armed"] = "";
    button.textContent = text("end_really");
    return;
  }
  showTrip(await call<Trip>("POST", `/vehicles/trips/${trip?.trip}/end`));
  await load();
}
