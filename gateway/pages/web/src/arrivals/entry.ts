// One arrival after the other, by keyboard alone: the flight stays, the seat goes on.

import { call, Problem } from "../api";
import { AreaField } from "../area-field";
import type { DeclarationMade } from "../contract";
import { at, say, show } from "../dom";
import { fillCountries, readValues, writeValues } from "../fields";
import { clearFlaw, clearFlaws, fieldOf, showDisagreement, showFlaws } from "../flaws";
import { newKey } from "../outbox";
import { goToFirst, startKeys } from "../paper/keys";
import { untilAnswered } from "../retry";
import { text } from "../texts";
import { troubleOf } from "../trouble";
import type { Arrival } from "./contract";
import { landingValues } from "./landing";
import { arrivalOf, nextSeat } from "./values";

interface Sent {
  arrival: Arrival;
  document_seen: boolean;
  accept_mismatches: boolean;
}

const form = at<HTMLFormElement>("entry");
const area = new AreaField(fieldOf("crossing.quarantine.home.area") as HTMLElement);
let last = { body: "", key: "" };

/** Starts the form. */
export function startEntry(): void {
  for (const select of form.querySelectorAll<HTMLSelectElement>("[data-countries]")) fillCountries(select, "VN");
  startKeys(form, () => void send(false));
  form.addEventListener("input", typed);
  form.addEventListener("change", typed);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(false);
  });
  at("country").addEventListener("change", () => {
    at<HTMLSelectElement>("nationality").value = at<HTMLSelectElement>("country").value;
  });
  at("correct").addEventListener("click", () => {
    show(at("disagrees"), false);
    goToFirst(form);
  });
  at("insist").addEventListener("click", () => void send(true));
  showHome();
  goToFirst(form);
}

function typed(event: Event): void {
  const target = event.target as HTMLInputElement;
  const field = target.closest<HTMLElement>(".field");
  if (field && (event.type === "input" || target.type === "hidden")) clearFlaw(field);
  showHome();
}

function showHome(): void {
  const isHome = at<HTMLSelectElement>("stay").value === "home";
  for (const field of form.querySelectorAll<HTMLElement>("[data-home]")) show(field, isHome);
}

async function send(acceptMismatches: boolean): Promise<void> {
  show(at("disagrees"), false);
  clearFlaws();
  const landing = landingValues();
  if (landing === null) return;
  const values = readValues(form);
  if (!values["sex"]) return showFlaws([{ field: "traveller.sex", code: "missing" }], text("flaws_lead"));
  const arrival = arrivalOf(landing, values);
  const sent = { arrival, document_seen: values["document_seen"] === "yes", accept_mismatches: acceptMismatches };
  const save = at<HTMLButtonElement>("save");
  save.disabled = true;
  try {
    const made = await untilAnswered(() => post(sent), { onWaiting: () => say(at("said"), text("waiting")), attempts: ATTEMPTS });
    saved(sent, made);
  } catch (failure) {
    refused(failure);
  } finally {
    save.disabled = false;
  }
}

/** The same arrival keeps its key until it is answered; another gets one of its own. */
function post(sent: Sent): Promise<DeclarationMade> {
  const body = JSON.stringify(sent);
  if (last.body !== body) last = { body, key: newKey() };
  return call<DeclarationMade>("POST", "/arrivals", { body: sent, idempotencyKey: last.key });
}

function saved({ arrival }: Sent, made: DeclarationMade): void {
  last = { body: "", key: "" };
  const { name } = arrival.traveller;
  const words = [text("saved", { name, pass: made.pass.pass }), text(`state_${made.state}`)];
  say(at("said"), words.join(" · "));
  const { seat = "", country = "", stay = "", document_seen = "" } = readValues(form);
  form.reset();
  void area.choose("");
  writeValues(form, { seat: nextSeat(seat), country, nationality: country, stay: stay === "home" ? "" : stay, document_seen });
  showHome();
  goToFirst(form);
  at<HTMLInputElement>("seat").select();
}

function refused(failure: unknown): void {
  say(at("said"), "");
  const problem = failure instanceof Problem ? failure : null;
  if (problem?.kind === "register-disagrees") return showDisagreement(problem.flaws, "correct");
  if (problem?.kind === "two-people") return showFlaws([], text("two_people"));
  if (problem?.status === 403) return showFlaws([], text("other_border"));
  if (problem && problem.flaws.length > 0) return showFlaws(problem.flaws, text("flaws_lead"));
  showFlaws([], troubleOf(failure));
}

const ATTEMPTS = 5;
