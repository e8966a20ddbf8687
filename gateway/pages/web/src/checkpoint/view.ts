// What the page shows. Knows the template and the texts, and nothing of how things come about.

import { at, element, say, show } from "../dom";
import { language, text } from "../texts";
import type { Trip } from "../vehicle/contract";
import type { CameraState } from "./camera";
import type { Checked } from "./check";
import { clockTime, linesOfFacts, linesOfPass, linesOfVehicle, listOf, peopleOf, titleOfMatch, word } from "./facts";
import type { Age } from "./lists";
import type { Waiting } from "./queue";
import type { CheckAnswer } from "./server";
import { CORRECTED, IN, OUT, PASS, PASSED, REFUSED } from "./store";
import type { Decision, Direction } from "./store";
import { fullnessOf, roomWords } from "../venue/room";
import { toneOf } from "./verdict";

/** The buttons, by decision. */
export const DECISIONS: [Decision, string][] = [[PASSED, "pass"], [CORRECTED, "correct"], [REFUSED, "refuse"]];

/** The switch's buttons, by direction. */
export const WAYS: [Direction, string][] = [[IN, "in"], [OUT, "out"]];

/** What the bar at the top and the warnings below it say. */
export interface Status {
  site: string;
  isOnline: boolean;
  waiting: Waiting;
  listsAge: Age;
  listsAgeMs: number;
  areListsCut: boolean;
  isClockWrong: boolean;
  clockAheadMs: number;
  isClockStale: boolean;
  /** Names of texts, such as "warn_sign_in". */
  warnings: string[];
}

/** Shows how the page does as a whole. */
export function showStatus(status: Status): void {
  const { waiting, listsAge } = status;
  say(at("site"), status.site || text("no_site"));
  chip("network", text(status.isOnline ? "online" : "offline"), status.isOnline ? "good" : "careful");
  const sent = waiting.scans === 0 ? text("waiting_none") : text("waiting", { count: waiting.scans });
  chip("waiting", sent, waiting.scans === 0 ? "good" : "careful");
  chip("lists", listsWords(status), listsAge === "fresh" ? "good" : listsAge === "old" ? "careful" : "stop");
  showWarnings(status);
}

function listsWords({ listsAge, listsAgeMs }: Status): string {
  if (listsAge === "none") return text("lists_none");
  return listsAgeMs < 60_000 ? text("lists_new") : text("lists_age", { age: duration(listsAgeMs) });
}

function showWarnings(status: Status): void {
  const told = status.warnings.map((name) => text(name));
  if (status.listsAge === "stale") told.push(text("warn_lists_stale"));
  if (status.areListsCut) told.push(text("warn_lists_cut"));
  if (status.isClockWrong) {
    const name = status.clockAheadMs > 0 ? "warn_clock_ahead" : "warn_clock_behind";
    told.push(text(name, { by: duration(Math.abs(status.clockAheadMs)) }));
  }
  if (status.isClockStale) told.push(text("warn_clock_stale"));
  if (status.waiting.refused > 0) told.push(text("warn_refused", { count: status.waiting.refused }));
  const list = at("warnings");
  const shown = told.join("\n");
  if (list.dataset["shown"] === shown) return;
  list.dataset["shown"] = shown;
  list.replaceChildren(...told.map((words) => element("li", {}, words)));
  if (status.warnings.includes("warn_sign_in")) list.append(element("li", {}, signInLink()));
  show(list, told.length > 0);
}

function signInLink(): HTMLElement {
  return element("a", { href: `/sign-in?next=/checkpoint&lang=${language}` }, text("sign_in"));
}

/** Shows which way people go; `PASS` where this is no venue. Everything that is said of a decision says it too. */
export function showWay(direction: Direction): void {
  way = direction;
  show(at("ways"), direction !== PASS);
  at("desk").dataset["way"] = nameOfWay();
  for (const [one, id] of WAYS) at(`way-${id}`).setAttribute("aria-pressed", String(one === direction));
  showArmed(null, false);
}

/** Says how many are inside, and since when that is known where it is not of now; `null`: not known yet. */
export function showInside(inside: { count: number; capacity: number | undefined; at: number } | null, isOld: boolean): void {
  const line = at("inside");
  const words = inside === null ? text("inside_asking") : roomWords(inside.count, inside.capacity);
  line.dataset["room"] = inside === null ? "open" : fullnessOf(inside.count, inside.capacity);
  say(line, isOld && inside !== null ? text("inside_at", { words, at: clockTime(inside.at) }) : words);
}

/** Shows how the camera does, and what to do where it does not. */
export function showCamera(state: CameraState, hasTorch: boolean): void {
  const isRunning = state === "running";
  show(at("aim"), isRunning);
  show(at("camera-state"), !isRunning);
  at("camera-words").textContent = text(`camera_${state}`);
  show(at("camera-again"), !isRunning && !HOPELESS.includes(state));
  show(at("torch"), isRunning && hasTorch);
}

/** Shows the camera again, ready for the next. */
export function showScanning(): void {
  show(at("verdict"), false);
  show(at("scanning"));
  say(at("live"), "");
}

/** Shows a check as far as it has come; `again` tells that the same pass was confirmed a moment ago. */
export function showChecked(checked: Checked, again: string, canConfirm: boolean): void {
  const gravest = checked.findings[0];
  const isAsking = gravest === undefined && checked.server === "asking";
  const tone = gravest === undefined ? (isAsking ? "asking" : "again") : toneOf(gravest);
  const name = gravest ?? (isAsking ? "asking" : checked.matches.length > 0 ? "several" : "not_checked");
  at("verdict-head").dataset["tone"] = tone;
  at("word").textContent = text(`verdict_${name}`);
  at("advice").textContent = text(`advice_${name}`);
  showAlso(checked, again);
  showBody(checked);
  for (const [, id] of DECISIONS) show(at(id), canConfirm);
  at("skip").classList.toggle("alone", !canConfirm);
  at("skip").textContent = text(canConfirm ? "skip" : "next");
  show(at("compared"), checked.findings.includes("not_verified") && checked.facts !== null);
  const isNew = at("verdict").hidden;
  show(at("scanning"), false);
  show(at("verdict"));
  say(at("live"), [text(`verdict_${name}`), checked.facts?.name ?? checked.vehicle?.vehicle.plate, text(`advice_${name}`)].filter(Boolean).join(". "));
  if (isNew) at("verdict").focus({ preventScroll: true });
}

/** All else that was found, and how far the server has come. */
function showAlso({ findings, reason, server, matches, insideSince }: Checked, again: string): void {
  const told: string[] = [];
  if (reason !== "") told.push(text("also_reason", { reason: word("reason", reason) }));
  for (const finding of findings.slice(1)) told.push(text("also", { finding: text(`verdict_${finding}`) }));
  if (again !== "") told.push(again);
  if (way === IN && insideSince !== null) told.push(text("also_inside", { at: clockTime(insideSince) }));
  const isTold = server === "answered" || server === "not_asked";
  if (!isTold && (findings.length > 0 || server !== "asking")) told.push(text(`server_${server}`));
  const list = at("also");
  list.replaceChildren(...told.map((words) => element("li", {}, words)));
  show(list, told.length > 0 && matches.length === 0);
}

function showBody({ facts, vehicle, pass, matches }: Checked): void {
  const body = at("declared");
  if (vehicle) return showVehicle(body, vehicle, pass);
  const name = facts ? [element("h2", { class: "name" }, facts.name)] : [];
  const lines = facts ? linesOfFacts(facts) : [];
  const choices = matches.map((match, index) =>
    element("button", { type: "button", class: "match", "data-match": String(index) }, titleOfMatch(match)));
  body.replaceChildren(...name, ...choices, listOf([...lines, ...(pass ? linesOfPass(pass) : [])]));
}

/** The plate to be compared first, then how many are aboard, then who. */
function showVehicle(body: HTMLElement, trip: Trip, pass: Checked["pass"]): void {
  const count = text("aboard_count", { count: trip.aboard.length });
  const change = element("a", { class: "compared", href: `/depot?trip=${trip.trip}&lang=${language}` }, text("aboard_changed"));
  body.replaceChildren(
    element("h2", { class: "name plate" }, trip.vehicle.plate),
    element("p", { class: "aboard-count" }, count),
    listOf(linesOfVehicle(trip)),
    peopleOf(trip),
    listOf(pass ? linesOfPass(pass) : []),
    change,
  );
}

/** Which of the matches a click was on. */
export function matchOf(event: Event, matches: CheckAnswer[]): CheckAnswer | undefined {
  const button = (event.target as Element).closest<HTMLElement>("[data-match]");
  return button ? matches[Number(button.dataset["match"])] : undefined;
}

/** Asks on the button itself whether it is really meant; `null` asks nothing. */
export function showArmed(armed: Decision | null, isAgain: boolean): void {
  for (const [decision, id] of DECISIONS) {
    const isArmed = decision === armed;
    at(id).classList.toggle("armed", isArmed);
    const plain = id === "pass" && way !== PASS ? nameOfWay() : id;
    const name = isArmed ? (isAgain ? "again_really" : "pass_really") : `decision_${plain}`;
    at(`${id}-words`).textContent = text(name);
    if (isArmed) say(at("live"), text(name));
  }
}

/** Says for a few seconds what was recorded, and offers to undo it; `null` takes it away. */
export function showDone(decision: Decision | null, aboard = 0): void {
  const isThrough = decision !== null && decision !== REFUSED;
  show(at("done"), decision !== null);
  if (decision === null) return;
  const [, id] = DECISIONS.find(([one]) => one === decision) ?? [PASSED, "pass"];
  at("done").dataset["decision"] = id;
  const people = aboard > 0 ? ` · ${text("aboard_count", { count: aboard })}` : "";
  say(at("done-words"), text(isThrough && way !== PASS ? `done_${nameOfWay()}` : `done_${id}`) + people);
}

/** Says something in passing. */
export function showWords(name: string): void {
  say(at("passing"), name === "" ? "" : text(name));
  clearTimeout(wordsTimer);
  if (name !== "") wordsTimer = window.setTimeout(() => say(at("passing"), ""), WORDS_MS);
}

/** Shows that another tab has the checkpoint, or that this one has it. */
export function showElsewhere(isElsewhere: boolean): void {
  show(at("elsewhere"), isElsewhere);
  show(at("desk"), !isElsewhere);
}

/** How long, in the largest unit of which there is one. */
export function duration(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return text("under_minute");
  if (minutes < 120) return text("minutes", { count: minutes });
  const hours = Math.round(minutes / 60);
  return hours < 48 ? text("hours", { count: hours }) : text("days", { count: Math.round(hours / 24) });
}

/** Here starting the camera again would change nothing. */
const HOPELESS: CameraState[] = ["starting", "unsupported", "no_reader", "cannot_keep"];
let way: Direction = PASS;
let wordsTimer: number | undefined;
const WORDS_MS = 4_000;

function nameOfWay(): string {
  return WAYS.find(([one]) => one === way)?.[1] ?? "pass";
}

function chip(id: string, words: string, tone: string): void {
  say(at(id), words);
  at(id).dataset["tone"] = tone;
}
