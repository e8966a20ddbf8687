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
import { bearerOut, bearersOf, deliverVisit, isInside, isSamePoster, posterOf, writeVisit } from "../venue/visit";

const CLOCK = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", timeZone: ZONE });
const DAY = new Intl.DateTimeFormat(locale, { weekday: "long", day: "2-digit", month: "2-digit", year: "numeric", timeZone: ZONE });
const device = new Device(localStorage);
let poster: Poster | null = null;
let place: PosterVenue | null = null;
let bearers: KeptPass[] = [];
let isSending = false;

for (const way of ["in", "out"] as const) at(way).addEventListener("click", () => void go(way, chosen()));
at("done-out").addEventListener("click", () => void go("out", bearerOut(device.passes, device.visit) ?? bearers[0]));
at("done-again").addEventListener("click", () => ask());
window.addEventListener("hashchange", () => void start());
void startShell();
void start();
void keepOffline();

async function start(): Promise<void> {
  const scanned = posterOf(location.hash);
  poster = scanned ?? device.visit?.poster ?? null;
  const waiting = device.visitLetter;
  if (waiting) {
    await send(waiting);
    // What was on its way was for another place than the poster just scanned.
    if (scanned === null || isSamePoster(scanned, waiting.poster)) return;
    poster = scanned;
  }
  if (scanned === null && isInside(device.visit, Date.now())) return showKept();
  if (poster === null || scanned === null) return show(at("how"));
  ask();
  await findPasses();
  await namePlace(poster);
}

/** Asks which way, and with which pass. */
function ask(): void {
  show(at("done"), false);
  show(at("how"), false);
  say(at("message"), "");
  showBearers();
  showPlace();
}

async function namePlace(asked: Poster): Promise<void> {
  try {
    place = await call<PosterVenue>("GET", `/visits/poster?${new URLSearchParams({ ...asked })}`);
    showPlace();
  } catch (failure) {
    if (!(failure instanceof Problem)) return;
    refused(failure);
    show(at("ways"), failure.kind !== "unknown-poster");
  }
}

/** A citizen's session may know passes that this phone does not have. */
async function findPasses(): Promise<void> {
  if (bearers.length > 0) return;
  await refreshPasses(device).catch(() => undefined);
  showBearers();
}

/** By its name, as far as that is known; without a network its code must do. */
function showPlace(): void {
  if (poster === null) return;
  const known = place?.site === poster.site ? place : null;
  at("place-name").textContent = known?.name ?? knownName(poster) ?? poster.site;
  say(at("place-area"), known?.area ?? "");
  show(at("place"));
}

function showBearers(): void {
  bearers = bearersOf(device.passes, Date.now());
  const inside = isInside(device.visit, Date.now()) ? bearerOut(device.passes, device.visit) : undefined;
  if (inside && !bearers.some(({ pass }) => pass === inside.pass)) bearers = [...bearers, inside];
  const first = inside?.pass ?? bearers[0]?.pass;
  at("bearers").replaceChildren(...bearers.map((pass) => choiceOf(pass, pass.pass === first)));
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

async function go(way: Way, bearer: KeptPass | undefined): Promise<void> {
  if (poster === null || bearer === undefined || isSending) return;
  await send(writeVisit(device, poster, way, bearer));
}

async function send(letter: VisitLetter): Promise<void> {
  if (isSending) return;
  setSending(true);
  poster = letter.poster;
  say(at("message"), text("visit_sending"));
  try {
    showVisited(await deliverVisit(device, letter, { onWaiting: () => say(at("message"), text("visit_waiting")) }));
    setSending(false);
  } catch (failure) {
    setSending(false);
    ask();
    refused(failure);
  }
}

function refused(failure: unknown): void {
  const name = failure instanceof Problem ? `visit_${failure.kind.replace(/-/g, "_")}` : "unreachable";
  say(at("message"), text(hasText(name) ? name : "refused"));
  at("message").className = "banner bad";
}

function setSending(isOn: boolean): void {
  isSending = isOn;
  at("message").className = "banner";
  for (const button of document.querySelectorAll<HTMLButtonElement>(".way")) button.disabled = isOn;
}

function showVisited({ direction, name, at: when, room }: Visited): void {
  showDone(direction, name, when);
  const words = at("done-room");
  say(words, room && direction === "in" ? roomWords(room.inside, room.capacity) : "");
  if (room) words.dataset["room"] = fullnessOf(room.inside, room.capacity);
  say(at("done-full"), room && direction === "in" && fullnessOf(room.inside, room.capacity) === "full" ? text("visit_full") : "");
}

/** Whoever comes back to the page sees where they are, and gets out with one press. */
function showKept(): void {
  const visit = device.visit;
  if (visit === null) return;
  bearers = bearersOf(device.passes, Date.now());
  say(at("done-room"), "");
  say(at("done-full"), "");
  showDone(visit.way, visit.name, visit.at);
}

function showDone(way: Way, name: string, when: number): void {
  say(at("message"), "");
  for (const part of ["place", "bearer-part", "no-pass", "ways", "how"]) show(at(part), false);
  at("done").dataset["way"] = way;
  at("done-title").textContent = text(`visit_done_${way}`, { name, at: CLOCK.format(when) });
  at("done-day").textContent = DAY.format(when);
  at("done-next").textContent = text(`visit_next_${way}`);
  show(at("done-out"), way === "in");
  show(at("done"));
  at("done").focus();
}

function knownName(asked: Poster): string | null {
  const { visit } = device;
  return visit !== null && isSamePoster(asked, visit.poster) ? visit.name : null;
}
