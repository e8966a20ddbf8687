// The page /venue: a visitor who has scanned a venue's poster goes in or out, and gets out again with one press.

import { call, Problem } from "../api";
import { ZONE } from "../country-time";
import { Device, type KeptPass, type VisitLetter } from "../device";
import { at, element, say, show } from "../dom";
import { keepOffline } from "../offline";
import { refreshPasses } from "../own-passes";
import { startShell } from "../shell";
import { hasText, locale, text } from "../texts";
import type { Poster, PosterVenue, Visited, Way } from "../venue/contract";
import { fullnessOf, roomWords } from "../venue/room";
import { bearerOut, bearersOf, deliverVisit, insideOf, isSamePoster, likelyBearer, posterOf, writeVisit } from "../venue/visit";

const CLOCK = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", timeZone: ZONE });
const DAY = new Intl.DateTimeFormat(locale, { weekday: "long", day: "2-digit", month: "2-digit", year: "numeric", timeZone: ZONE });
const PARTS = ["place", "bearer-part", "no-pass", "ways", "how", "done"];
const device = new Device(localStorage);
let poster: Poster | null = null;
let place: PosterVenue | null = null;
let bearers: KeptPass[] = [];
/** Ends what is on its way. */
let sending: AbortController | null = null;

for (const way of ["in", "out"] as const) at(way).addEventListener("click", () => void go(way, chosen(), poster));
at("done-again").addEventListener("click", () => ask(true));
at("cancel").addEventListener("click", () => sending?.abort());
window.addEventListener("hashchange", () => void start());
void startShell();
void start();
void keepOffline();

async function start(): Promise<void> {
  if (!sending) say(at("message"), "");
  const scanned = posterOf(location.hash);
  const waiting = device.visitLetter;
  // What was on its way may be for another place than the poster just scanned.
  if (waiting && (await send(waiting)) && (scanned === null || isSamePoster(scanned, waiting.poster))) return;
  if (scanned === null) return showKept();
  poster = scanned;
  ask(false);
  await findPasses();
  await namePlace(poster);
}

/** Asks which way, and with which pass; `isOther`: for somebody else than the one just now. */
function ask(isOther: boolean): void {
  clearParts();
  showBearers(isOther);
  showPlace();
}

async function namePlace(asked: Poster): Promise<void> {
  try {
    place = await call<PosterVenue>("GET", `/visits/poster?${new URLSearchParams({ ...asked })}`);
    showPlace();
  } catch (failure) {
    if (!(failure instanceof Problem)) return;
    refused(failure);
    if (failure.kind === "unknown-poster") show(at("ways"), false);
  }
}

/** A citizen's session may know passes that this phone does not have. */
async function findPasses(): Promise<void> {
  if (bearers.length > 0) return;
  await refreshPasses(device).catch(() => undefined);
  showBearers(false);
}

/** By its name, as far as that is known; without a network its code must do. */
function showPlace(): void {
  if (poster === null) return;
  const known = place?.site === poster.site ? place : null;
  at("place-name").textContent = known?.name ?? knownName(poster) ?? poster.site;
  say(at("place-area"), known?.area ?? "");
  show(at("place"));
}

function showBearers(isOther: boolean): void {
  const now = Date.now();
  bearers = bearersOf(device.passes, device.visits, now);
  const likely = poster && likelyBearer(bearers, insideOf(device.visits, now), poster, isOther);
  at("bearers").replaceChildren(...bearers.map((pass) => choiceOf(pass, pass === likely)));
  show(at("bearer-part"), bearers.length > 1);
  show(at("no-pass"), bearers.length === 0);
  show(at("ways"), bearers.length > 0);
}

function choiceOf(pass: KeptPass, isChosen: boolean): HTMLElement {
  const input = element("input", { type: "radio", name: "bearer", value: pass.pass });
  input.checked = isChosen;
  return element("label", {}, input, element("span", {}, pass.holder ?? pass.pass));
}

function chosen(): KeptPass | undefined {
  const chosen = document.querySelector<HTMLInputElement>("input[name=bearer]:checked")?.value;
  return bearers.find(({ pass }) => pass === chosen) ?? bearers[0];
}

async function go(way: Way, bearer: KeptPass | undefined, where: Poster | null): Promise<void> {
  if (where === null || bearer === undefined || sending) return;
  poster = where;
  if (!(await send(writeVisit(device, where, way, bearer, Date.now())))) ask(false);
}

/** Whether it was taken; what became of it otherwise is told. */
async function send(letter: VisitLetter): Promise<boolean> {
  if (sending) return false;
  const { signal } = setSending(new AbortController());
  tell(text("visit_sending"), false);
  const onWaiting = (): void => {
    tell(text("visit_waiting"), false);
    show(at("cancel-part"));
  };
  try {
    showVisited(letter, await deliverVisit(device, letter, { onWaiting, signal }));
    return true;
  } catch (failure) {
    if (signal.aborted) tell(text("visit_cancelled"), false);
    else refused(failure);
    return false;
  } finally {
    setSending(null);
  }
}

function refused(failure: unknown): void {
  const name = failure instanceof Problem ? `visit_${failure.kind.replace(/-/g, "_")}` : "unreachable";
  tell(text(hasText(name) ? name : "refused"), true);
}

function tell(words: string, isBad: boolean): void {
  at("message").className = isBad ? "banner bad" : "banner";
  say(at("message"), words);
}

function setSending<Now extends AbortController | null>(now: Now): Now {
  sending = now;
  show(at("cancel-part"), false);
  for (const button of document.querySelectorAll<HTMLButtonElement>(".way")) button.disabled = now !== null;
  return now;
}

function showVisited(letter: VisitLetter, { direction, name, at: when, room }: Visited): void {
  poster = letter.poster;
  say(at("message"), "");
  showDone(direction, name, when);
  const words = at("done-room");
  say(words, room && direction === "in" ? roomWords(room.inside, room.capacity) : "");
  if (room) words.dataset["room"] = fullnessOf(room.inside, room.capacity);
  say(at("done-full"), room && direction === "in" && fullnessOf(room.inside, room.capacity) === "full" ? text("visit_full") : "");
}

/** Whoever comes back to the page without a poster sees where they are, and gets out with one press. */
function showKept(): void {
  const [visit] = insideOf(device.visits, Date.now());
  clearParts();
  if (visit === undefined) return show(at("how"));
  poster = visit.poster;
  say(at("done-room"), "");
  say(at("done-full"), "");
  showDone(visit.way, visit.name, visit.at);
}

function showDone(way: Way, name: string, when: number): void {
  clearParts();
  const inside = insideOf(device.visits, Date.now()).length;
  at("done").dataset["way"] = way;
  at("done-title").textContent = text(`visit_done_${way}`, { name, at: CLOCK.format(when) });
  at("done-day").textContent = DAY.format(when);
  at("done-next").textContent = way === "out" && inside > 0 ? text("visit_next_others", { n: inside }) : text(`visit_next_${way}`);
  showOuts();
  show(at("done"));
  at("done").focus();
}

/** A button for each who is inside: a family goes in one by one, and nobody of it is left behind. */
function showOuts(): void {
  const inside = insideOf(device.visits, Date.now());
  const buttons = inside.flatMap((visit) => {
    const bearer = bearerOut(device.passes, visit);
    if (bearer === undefined) return [];
    const elsewhere = poster !== null && isSamePoster(visit.poster, poster) ? "" : visit.name;
    const words = inside.length === 1 ? text("visit_out") : text("visit_out_of", { who: [visit.who, elsewhere].filter(Boolean).join(" · ") });
    const button = element("button", { type: "button", class: "way out" }, words);
    button.addEventListener("click", () => void go("out", bearer, visit.poster));
    return [button];
  });
  at("done-outs").replaceChildren(...buttons);
}

function clearParts(): void {
  for (const part of PARTS) show(at(part), false);
}

function knownName(asked: Poster): string | null {
  return device.visits.find((visit) => isSamePoster(asked, visit.poster))?.name ?? null;
}
