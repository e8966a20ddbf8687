// An order as people read it, on the pages of officials and of those who are in quarantine.

import { element } from "../dom";
import { day, end, moment } from "../format";
import { locale, text } from "../texts";
import type { Order, OrderRow, OrderState, Seen, WrittenEntry } from "./contract";

type Line = [label: string, value: string];

const degrees = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** How a state looks, by the classes that passes have. */
export function classOf(state: OrderState): string {
  return { planned: "unverified", open: "valid", breached: "revoked", ended: "expired" }[state];
}

/** Where one is to stay: at home there, or in which facility. */
export function placeOf({ kind, area, site_name }: OrderRow, address = ""): string {
  const where = [address, area.name, area.path].filter(Boolean).join(", ");
  return kind === "facility" ? `${site_name ?? ""} (${where})` : `${text("order_home")}: ${where}`;
}

/** The lines of an order. */
export function linesOf(order: Order): Line[] {
  const { from, until, reason, by, made_at, permitted, origin, ended } = order;
  return [
    [text("order_place"), placeOf(order, order.address)],
    [text("order_span"), `${moment(from)} – ${end(until)}`],
    [text("order_reason"), text(`order_reason_${reason}`)],
    [text("order_permitted"), permitted.map(({ name }) => name).join(", ")],
    [text("order_by"), `${by} · ${moment(made_at)}`],
    [text("order_origin"), origin ?? ""],
    [text("order_end"), ended ? [text(`order_how_${ended.how}`), moment(ended.at), ended.by, ended.note].filter(Boolean).join(" · ") : ""],
  ];
}

/** A scan elsewhere. */
export function seenItem({ at, site_name }: Seen): HTMLLIElement {
  return element("li", {}, element("strong", {}, site_name), element("span", { class: "note" }, moment(at)));
}

/** An entry of a diary, the newest of several first. */
export function entryItem({ at, written_at, by, temperature_c, symptoms = [], test, note }: WrittenEntry): HTMLLIElement {
  const says = [
    temperature_c === undefined ? "" : text("degrees", { n: degrees.format(temperature_c) }),
    symptoms.map((symptom) => text(`symptom_${symptom}`)).join(", "),
    test ? `${text(`test_${test.kind}`)}: ${text(`result_${test.result}`)} (${day(test.taken_at)})` : "",
    note ?? "",
  ].filter(Boolean);
  const who = by === "citizen" ? text("by_oneself") : by;
  const isGrave = (temperature_c ?? 0) >= FEVER_C || test?.result === "positive" || symptoms.includes("breathless");
  return element(
    "li",
    { class: isGrave ? "grave" : null },
    element("strong", {}, says.length > 0 ? says.join(" · ") : text("well")),
    element("span", { class: "note" }, `${moment(at ?? written_at)} · ${who}`),
  );
}

/** A row of the list, with a button that opens the order. */
export function rowOf(row: OrderRow, open: (order: string) => void): HTMLLIElement {
  const { order, subject, state, last_breach, breaches, entries, reason, until } = row;
  const flag = last_breach
    ? [element("span", { class: "breach" }, text("breach_at", { site: last_breach.site_name, at: moment(last_breach.at), n: breaches }))]
    : [];
  const facts = [text(`order_reason_${reason}`), text("order_until", { until: end(until) }), text("diary_count", { count: entries })];
  const button = element("button", { type: "button", class: "secondary", id: `open-${order}`, "aria-label": `${text("open_order")}: ${subject}` }, text("open_order"));
  button.addEventListener("click", () => open(order));
  return element(
    "li",
    { "data-order": order },
    element("span", { class: `state ${classOf(state)}` }, text(`order_${state}`)),
    ...flag,
    element("strong", { class: "subject" }, subject),
    element("span", {}, placeOf(row)),
    element("span", { class: "note" }, facts.join(" · ")),
    button,
  );
}

const FEVER_C = 38;
