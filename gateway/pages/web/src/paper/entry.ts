// One declaration after the other, by keyboard alone.

import { call, Problem } from "../api";
import { AreaField } from "../area-field";
import { areaPath, knownPath, learnPath } from "../areas";
import { documentFlaws, flawsOfStep } from "../check";
import type { DeclarationMade, DeclarationState, Flaw } from "../contract";
import { localTime, midnight } from "../country-time";
import { DOCUMENT, type Values } from "../declaration";
import { at, element, say, show } from "../dom";
import { fillCountries, readValues, writeValues } from "../fields";
import { clearFlaw, clearFlaws, fieldOf, showDisagreement, showFlaws } from "../flaws";
import { moment } from "../format";
import { untilAnswered } from "../retry";
import { text } from "../texts";
import { troubleOf } from "../trouble";
import type { Unanswered } from "../unanswered";
import { goToFirst, startKeys } from "./keys";
import { citizenFacts, declared, forNext, kindOf, leftOf, paperRequest, sentOf, type Sent } from "./values";

/** What is kept of the form while it is filled in. */
export interface Kept {
  values: Values;
  places: Record<string, string>;
  /** What was sent and has no answer yet. */
  sent?: Unanswered | null;
}

interface Entered {
  state: DeclarationState;
  made_at: number;
  pass: string;
  /** Known of what was entered since the page was opened. */
  name?: string;
}

const AREAS = ["person.permanent.area", "journey.from", "journey.to"];
const form = at<HTMLFormElement>("entry");
const areas = new Map(AREAS.map((path) => [path, new AreaField(fieldOf(path) as HTMLElement)]));
let keep: (kept: Kept) => void = () => undefined;
let entered: Entered[] = [];
let unanswered: Unanswered | null = null;

/** Starts the form with what was kept; `onChange` is told whatever is typed. */
export async function startEntry(kept: Kept | null, onChange: (kept: Kept) => void): Promise<void> {
  keep = onChange;
  for (const select of form.querySelectorAll<HTMLSelectElement>("[data-countries]")) fillCountries(select, "VN");
  startKeys(form, () => void send(false));
  form.addEventListener("input", typed);
  form.addEventListener("change", typed);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(false);
  });
  at("correct").addEventListener("click", () => {
    show(at("disagrees"), false);
    goToFirst(form);
  });
  at("insist").addEventListener("click", () => void send(true));
  if (kept) await restore(kept);
  else at<HTMLInputElement>("journey.departs_at").value = localTime(Date.now());
  showDocument();
  void showEntered();
  goToFirst(form);
}

async function restore({ values, places, sent }: Kept): Promise<void> {
  unanswered = sent ?? null;
  for (const [code, path] of Object.entries(places)) learnPath(code, path);
  writeValues(form, values);
  for (const [path, field] of areas) if (values[path]) await field.choose(values[path] ?? "");
}

function typed(event: Event): void {
  const target = event.target as HTMLInputElement;
  const field = target.closest<HTMLElement>(".field");
  // A text that loses the focus to its own flaw says `change` too; an area that was chosen says nothing else.
  if (field && (event.type === "input" || target.type === "hidden")) clearFlaw(field);
  if (target.name === `${DOCUMENT}.number`) readDocument(target.value);
  showDocument();
  keepTyped();
}

function keepTyped(): void {
  const values = readValues(form);
  const codes = AREAS.map((path) => values[path] ?? "").filter(Boolean);
  keep({ values, places: Object.fromEntries(codes.map((code) => [code, knownPath(code)])), sent: unanswered });
}

/** What a document's number says by itself is not typed. */
function readDocument(number: string): void {
  at<HTMLSelectElement>(`${DOCUMENT}.kind`).value = kindOf(number);
  const facts = citizenFacts(number);
  say(at("document-says"), "");
  if (!facts) return;
  at<HTMLSelectElement>("person.sex").value = facts.sex;
  void areaPath(facts.province).then((place) => {
    const says = text("document_says", { sex: text(`sex_${facts.sex}`), year: facts.year, place: place === facts.province ? "" : place });
    say(at("document-says"), says);
  });
}

function showDocument(): void {
  const isPassport = at<HTMLSelectElement>(`${DOCUMENT}.kind`).value === "passport";
  for (const field of form.querySelectorAll<HTMLElement>("[data-passport]")) show(field, isPassport);
}

// ---- sending -------------------------------------------------------------------------------------

async function send(acceptMismatches: boolean): Promise<void> {
  show(at("disagrees"), false);
  const values = declared(readValues(form));
  const flaws = flawsOf(values);
  if (flaws.length > 0) return showFlaws(flaws, text("flaws_lead"));
  clearFlaws();
  const request = paperRequest(values, unanswered, Date.now());
  const sent = sentOf(values, acceptMismatches, request.at);
  unanswered = request;
  // Before it is sent: with the tab loaded anew the same is still the same declaration.
  keepTyped();
  const save = at<HTMLButtonElement>("save");
  save.disabled = true;
  try {
    const made = await untilAnswered(() => post(sent, request.key), { onWaiting: () => say(at("said"), text("waiting")), attempts: ATTEMPTS });
    saved(sent, made);
  } catch (failure) {
    unanswered = leftOf(request, failure);
    refused(failure);
  } finally {
    save.disabled = false;
  }
}

function post(sent: Sent, key: string): Promise<DeclarationMade> {
  return call<DeclarationMade>("POST", "/paper/declarations", { body: sent, idempotencyKey: key });
}

function flawsOf(values: Values): Flaw[] {
  const today = localTime(Date.now()).slice(0, 10);
  const flaws = [...documentFlaws(values, DOCUMENT), ...[2, 3, 4].flatMap((step) => flawsOfStep(step, values, today))];
  return flaws.filter((flaw): flaw is Flaw => flaw !== null);
}

function saved(sent: Sent, made: DeclarationMade): void {
  unanswered = null;
  const { name } = sent.declaration.person;
  // What was there already, since its first answer was lost, stands in the list without a name.
  const others = entered.filter(({ pass }) => pass !== made.pass.pass);
  entered = [{ name, pass: made.pass.pass, state: made.state, made_at: made.made_at }, ...others];
  showRows();
  say(at("said"), text("saved", { name, pass: made.pass.pass }));
  beginNext();
}

/** At once: whoever types quickly is typing the next person already. */
function beginNext(): void {
  const next = forNext(readValues(form));
  form.reset();
  for (const field of areas.values()) void field.choose("");
  writeValues(form, next);
  for (const path of ["journey.from", "journey.to"]) void areas.get(path)?.choose(next[path] ?? "");
  say(at("document-says"), "");
  showDocument();
  keepTyped();
  goToFirst(form);
}

function refused(failure: unknown): void {
  say(at("said"), "");
  const problem = failure instanceof Problem ? failure : null;
  if (problem?.kind === "register-disagrees") return showDisagreement(problem.flaws, "correct");
  if (problem?.kind === "two-people") return showFlaws([], text("two_people"));
  if (problem?.status === 403) return showFlaws([], text("out_of_reach"));
  if (problem && problem.flaws.length > 0) return showFlaws(problem.flaws, text("flaws_lead"));
  showFlaws([], troubleOf(failure));
}

// ---- what was entered today ----------------------------------------------------------------------

async function showEntered(): Promise<void> {
  const answer = await call<{ entries: Entered[] }>("GET", `/paper/entries?since=${midnight(Date.now())}`).catch(() => null);
  if (!answer) return;
  const here = new Map(entered.map((entry) => [entry.pass, entry]));
  entered = answer.entries.map((entry) => ({ ...entry, ...here.get(entry.pass) }));
  showRows();
}

function showRows(): void {
  const shown = entered.slice(0, ROWS_SHOWN).map((entry) =>
    element(
      "li",
      {},
      element("strong", {}, entry.name ?? entry.pass),
      element("span", { class: "note" }, [entry.name ? entry.pass : "", moment(entry.made_at)].filter(Boolean).join(" · ")),
      element("span", { class: `state ${entry.state === "verified" ? "valid" : "unverified"}` }, text(`state_${entry.state}`)),
    ),
  );
  at("entered").replaceChildren(...shown);
  at("entered-count").textContent = text("entered_count", { n: entered.length });
  show(at("entered-part"), entered.length > 0);
}

/** The sheets with today's passes. */
export function todaysSheets(): { path: string; passes: number } {
  return { path: `/paper/entries/sheets/{sheet}?since=${midnight(Date.now())}`, passes: entered.length };
}

const ATTEMPTS = 5;
const ROWS_SHOWN = 20;
