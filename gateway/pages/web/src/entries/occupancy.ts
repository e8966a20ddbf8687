// The page /occupancy: how many are inside venues now, against their capacity, and one venue's day by hour.

import { call, Problem } from "../api";
import type { Me } from "../contract";
import { at, element, say, show } from "../dom";
import { moment } from "../format";
import { firstOf, type Listing } from "../listing";
import { showWork, startSession } from "../shell";
import { language, text } from "../texts";
import { troubleOf } from "../trouble";
import { Turns } from "../turns";
import { drawBars, hour } from "../venue/bars";
import type { Cell, Venue, Venues } from "../venue/contract";
import { fullnessOf, roomWords } from "../venue/room";

const EACH_MS = 10_000;
/** Rows that are added to the list at once, and most that the server gives. */
const PAGE_ROWS = 20;
const PAGE_ROWS_MAX = 100;
let opened: string | null = new URLSearchParams(location.search).get("site");
let listed: Listing<Venue> = { rows: [] };
/** Rows that somebody wants to see. */
let wanted = PAGE_ROWS;
/** What is said until another venue is opened: that the one before is none. */
let gone = "";
const turns = new Turns();

void start();

async function start(): Promise<void> {
  const me = await startSession();
  const isTheirs = me?.kind === "account" || me?.kind === "local";
  show(at("gate"), !isTheirs);
  showWork(isTheirs);
  if (!isTheirs) return;
  at("more").addEventListener("click", () => {
    wanted = listed.rows.length + PAGE_ROWS;
    void load();
  });
  at("venues").addEventListener("click", (event) => void choose(event));
  show(at("poster-part"), mayPrint(me));
  at("replace").addEventListener("click", () => void replacePoster());
  await load();
  setInterval(() => void again(), EACH_MS);
}

function mayPrint(me: Me): boolean {
  return me.kind === "local" || (me.kind === "account" && ["officer", "operator"].includes(me.role));
}

/** The list as far as it is wanted, all of it as it is now, and the opened one. */
async function load(): Promise<void> {
  const found = await turns.take(() => asked(() => firstOf(wanted, page)));
  if (!found) return;
  listed = found;
  showList();
  const [only, ...others] = listed.rows;
  if (opened === null && only && others.length === 0 && listed.next === undefined) opened = only.site;
  if (opened !== null) await open(opened);
}

async function page(after: string | undefined, rows: number): Promise<Listing<Venue>> {
  const query = new URLSearchParams({ limit: String(Math.min(rows, PAGE_ROWS_MAX)), ...(after === undefined ? {} : { after }) });
  const { venues, next } = await call<Venues>("GET", `/venues?${query}`);
  return { rows: venues, next };
}

async function again(): Promise<void> {
  if (!document.hidden) await load();
}

function showList(): void {
  const { rows, next } = listed;
  const focused = document.activeElement?.getAttribute("data-site");
  at("venues").replaceChildren(...rows.map(rowOf));
  if (focused) document.querySelector<HTMLElement>(`[data-site="${CSS.escape(focused)}"]`)?.focus();
  const asOf = Math.min(...rows.map((venue) => venue.at));
  at("list-at").textContent = rows.length === 0 ? "" : text("as_of", { at: moment(asOf) });
  show(at("none"), rows.length === 0);
  show(at("more"), next !== undefined);
  show(at("list"), rows.length !== 1 || next !== undefined);
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
  // What is shown of another one is not of this.
  if (site !== opened) {
    show(at("one"), false);
    say(at("replaced"), "");
  }
  [opened, gone] = [site, ""];
  const isShown = await open(site);
  showList();
  if (isShown) at("one").focus();
}

/** Whether it is shown now. */
async function open(site: string): Promise<boolean> {
  const venue = await asked(() => call<Venue>("GET", `/venues/${encodeURIComponent(site)}`), () => leave(site));
  if (!venue || opened !== site) return false;
  const { name, area, inside, capacity, hours = [] } = venue;
  at("one-name").textContent = name;
  at("one-where").textContent = [area?.name, area?.path, venue.site].filter(Boolean).join(", ");
  at("one-now").dataset["room"] = fullnessOf(inside, capacity);
  say(at("one-inside"), String(inside));
  say(at("one-of"), capacity === undefined ? "" : `/ ${capacity}`);
  say(at("one-word"), text(`room_${fullnessOf(inside, capacity)}`));
  at("one-moves").textContent = text("moves_today", { entered: venue.entered, left: venue.left });
  at("one-at").textContent = text("as_of", { at: moment(venue.at) });
  say(at("one-incomplete"), venue.incomplete ? text("incomplete") : "");
  const svg = document.querySelector("#bars") as SVGSVGElement;
  drawBars(svg, hours, capacity, text("bars_label", { name, most: Math.max(0, ...hours.map(({ most }) => most)) }));
  say(at("bars-capacity"), capacity === undefined ? "" : text("bars_capacity", { capacity }));
  at("hours").replaceChildren(...hours.map(lineOf));
  at<HTMLAnchorElement>("poster").href = `/api/v1/venues/${encodeURIComponent(site)}/poster.svg`;
  history.replaceState(null, "", `?${new URLSearchParams({ site, lang: language })}`);
  show(at("one"));
  return true;
}

/** Another poster of the opened venue: the one at the door is good no more. */
async function replacePoster(): Promise<void> {
  const button = at<HTMLButtonElement>("replace");
  button.disabled = true;
  const replaced = await asked(() => call("POST", `/venues/${encodeURIComponent(opened ?? "")}/poster/replace`));
  button.disabled = false;
  say(at("replaced"), replaced === null ? "" : text("replaced"));
}

/** There is none, or none any more: its figures would be of another time. */
function leave(site: string): void {
  if (opened !== site) return;
  [opened, gone] = [null, text("no_such_venue")];
  show(at("one"), false);
  history.replaceState(null, "", `?${new URLSearchParams({ lang: language })}`);
}

function lineOf({ from, to, entered, left, most, inside }: Cell): HTMLElement {
  const counts = [entered, left, most, inside].map((count) => element("td", { class: "number" }, String(count)));
  return element("tr", {}, element("th", { scope: "row" }, `${hour(from)}–${hour(to)}`), ...counts);
}

/** What is answered; nothing where that fails, which is said; `onGone`: the server has no such thing. */
async function asked<T>(ask: () => Promise<T>, onGone?: () => void): Promise<T | null> {
  try {
    const answer = await ask();
    say(at("trouble"), gone);
    return answer;
  } catch (failure) {
    const isGone = onGone !== undefined && failure instanceof Problem && failure.status === 404;
    if (isGone) onGone();
    say(at("trouble"), isGone ? gone : troubleOf(failure));
    return null;
  }
}
