// A trip as people read it, on the pages of drivers and of depots.

import { element } from "../dom";
import { birthDate, moment } from "../format";
import { text } from "../texts";
import type { Trip, TripRow } from "./contract";

type Line = [label: string, value: string];

/** The lines of a trip: what it is, where it goes, what was decided. */
export function linesOf({ vehicle, cargo, route, depot_name, departs_at, until, decided }: Trip): Line[] {
  return [
    [text("vehicle"), [text(`vehicle_${vehicle.kind}`), vehicle.operator].join(" · ")],
    [text("seats"), String(vehicle.seats)],
    [text("cargo"), [text(`cargo_${cargo.kind}`), cargo.note].filter(Boolean).join(" · ")],
    [text("route"), route.map(({ name }) => name).join(" → ")],
    [text("depot"), depot_name],
    [text("departs_at"), moment(departs_at)],
    [text("trip_until"), moment(until)],
    [text("decided"), decided ? `${moment(decided.at)} · ${decided.by}` : ""],
    [text("remark"), decided?.checklist.remark ?? ""],
  ];
}

/** Everyone aboard, to be compared with their documents. */
export function peopleOf({ aboard }: Trip): HTMLLIElement[] {
  return aboard.map(({ name, duty, birth_date, document }) => {
    const about = [text(`duty_${duty}`), birthDate(birth_date), document.number].join(" · ");
    return element("li", {}, element("strong", {}, name), element("span", { class: "note" }, about));
  });
}

/** A row of a list, with a button that opens the trip; passages off its route are told first. */
export function rowOf(row: TripRow, open: (trip: string) => void): HTMLLIElement {
  const { trip, state, vehicle, route, depot_name, departs_at, aboard, changes, last, off_route } = row;
  const off = off_route[off_route.length - 1];
  const facts = [
    text("departs", { at: moment(departs_at) }),
    text("aboard_count", { count: aboard }),
    changes > 0 ? text("aboard_changes", { n: changes }) : "",
    last ? text("last_seen", { site: last.site_name, at: moment(last.at), n: row.passages }) : "",
  ];
  const flag = off ? [element("span", { class: "state revoked off-route" }, text("off_route_at", { site: off.site_name, at: moment(off.at), n: off_route.length }))] : [];
  const button = element("button", { type: "button", class: "secondary", id: `open-${trip}` }, text("open_trip"));
  button.addEventListener("click", () => open(trip));
  return element(
    "li",
    { "data-trip": trip },
    element("span", { class: `state ${classOf(state)}` }, text(`trip_${state}`)),
    ...flag,
    element("strong", { class: "plate" }, vehicle.plate),
    element("span", {}, `${depot_name} · ${route.map(({ name }) => name).join(" → ")}`),
    element("span", { class: "note" }, facts.filter(Boolean).join(" · ")),
    button,
  );
}

/** How a state looks, by the classes that passes have. */
export function classOf(state: Trip["state"]): string {
  return { declared: "unverified", sealed: "valid", refused: "revoked", over: "expired" }[state];
}
