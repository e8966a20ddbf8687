// The page /occupancy: how many are inside venues now, against their capacity, and one venue's day by hour.

import { call, Problem } from "../api";
import type { Me } from "../contract";
import { at, element, say, show } from "../dom";
import { moment } from "../format";
import { showWork, startSession } from "../shell";
import { language, text } from "../texts";
import { troubleOf } from "../trouble";
import { drawBars, hour } from "../venue/bars";
import type { Cell, Venue, Venues } from "../venue/contract";
import { fullnessOf, roomWords } from "../venue/room";

const EACH_MS = 10_000;
/** Rows of a page of the list, as the server has them unless told otherwise. */
const PAGE_ROWS = 20;
let opened: string | null = new URLSearchParams(location.search).get("site");
let next: string | undefined;
let listed: Venue[] = [];

void start();

async function start(): Promise<void> {
  const me = await startSession();
  const isTheirs = me?.kind === "account" || me?.kind === "local";
  show(at("gate"), !isTheirs);
  showWork(isTheirs);
  if (!isTheirs) return;
  at("more").addEventListener("click", () => void load(next));
  at("venues").addEventListener("click", (event) => void choose(event));
  show(at("poster"), mayPrint(me));
  await load();
  setInterval(() => void again(), EACH_MS);
}

function mayPrint(me: Me): boolean {
  return me.kind === "local" || (me.kind === "account" && ["officer", "operator"].includes(me.role));
}

/** A page of the list; the first anew where `after` is left out. */
async function load(after?: string): Promise<void> {
  const found = await asked<Venues>(`/venues?${new URLSearchParams(after === undefined ? {} : { after })}`);
  if (!found) return;
  listed = after === undefined ? found.venues : [...listed, ...found.venues];
  next = found.next;
  showList();
  const only = listed.length === 1 && next === undefined ? listed[0] : undefined;
  if (opened === null && only) opened = only.site;
  if (opened !== null && after === undefined) await open(opened);
}

async function again(): Promise<void> {
  if (document.hidden) return;
  // Of a list that somebody has gone on in, only the opened one is asked anew.
  if (listed.length <= PAGE_ROWS) return load();
  if (opened !== null) await open(opened);
}

function showList(): void {
  const focused = document.activeElement?.getAttribute("data-site");
  at("venues").replaceChildren(...listed.map(rowOf));
  if (focused) document.querySelector<HTMLElement>(`[data-site="${CSS.escape(focused)}"]`)?.focus();
  show(at("none"), listed.length === 0);
  show(at("more"), next !== undefined);
  show(at("list"), listed.length !== 1 || next !== undefined);
}

function rowOf(venue: Venue): HTMLElement {
  const button = element("button", { type: "button", class: "quiet", "data-site": venue.site }, venue.name);
  if (venue.site === opened) button.setAttribute("aria-current", "true");
  const where = element("span", { class: "note" }, [venue.area?.name, venue.site].filter(Boolean).join(" · "));
  return element("li", {}, button, where, roomOf(venue));
}

function roomOf({ inside, capacity }: Venue): HTMLElement {
  const room = element("span", { class: "room" }, roomWords(inside, capacity));
  room.dataset["room"] = fullnessOf(inside, capacity);
  return room;
}

async function choose(event: Event): Promise<void> {
  const site = (event.target as Element).closest("[data-site]")?.getAttribute("data-site");
  if (!site) return;
  opened = site;
  await open(site);
  showList();
  at("one").focus();
}

async function open(site: string): Promise<void> {
  const venue = await asked<Venue>(`/venues/${encodeURIComponent(site)}`);
  if (!venue || opened !== site) return;
  const { name, area, inside, capacity, hours = [] } = venue;
  at("one-name").textContent = name;
  at("one-where").textContent = [area?.name, area?.path, venue.site].filter(Boolean).join(", ");
  at("one-now").dataset["room"] = fullnessOf(inside, capacity);
  at("one-inside").textContent = String(inside);
  say(at("one-of"), capacity === undefined ? "" : `/ ${capacity}`);
  say(at("one-word"), text(`room_${fullnessOf(inside, capacity)}`));
  at("one-moves").textContent = text("moves_today", { entered: venue.entered, left: venue.left });
  at("one-at").textContent = text("as_of", { at: moment(venue.at) });
  const svg = document.querySelector("#bars") as SVGSVGElement;
  drawBars(svg, hours, capacity, text("bars_label", { name, most: Math.max(0, ...hours.map(({ most }) => most)) }));
  say(at("bars-capacity"), capacity === undefined ? "" : text("bars_capacity", { capacity }));
  at("hours").replaceChildren(...hours.map(lineOf));
  at<HTMLAnchorElement>("poster").href = `/api/v1/venues/${encodeURIComponent(site)}/poster.svg`;
  history.replaceState(null, "", `?${new URLSearchParams({ site, lang: language })}`);
  show(at("one"));
}

function lineOf({ from, to, entered, left, most, inside }: Cell): HTMLElement {
  const counts = [entered, left, most, inside].map((count) => element("td", { class: "number" }, String(count)));
  return element("tr", {}, element("th", { scope: "row" }, `${hour(from)}–${hour(to)}`), ...counts);
}

/** What the server answers; nothing where it does not, which is said. */
async function asked<T>(path: string): Promise<T | null> {
  try {
    const answer = await call<T>("GET", path);
    say(at("trouble"), "");
    return answer;
  } catch (failure) {
    const isGone = failure instanceof Problem && failure.status === 404;
    if (isGone) opened = null;
    say(at("trouble"), isGone ? text("no_such_venue") : troubleOf(failure));
    return null;
  }
}
