// One declaration after the other, by keyboard alone.

import { call } from "../api";
import { AreaField } from "../area-field";
import { areaPath } from "../areas";
import { documentFlaws, flawsOfStep } from "../check";
import type { DeclarationMade, DeclarationState, Flaw } from "../contract";
import { localTime, midnight } from "../country-time";
import { DOCUMENT, type Values } from "../declaration";
import { at, element, say, show } from "../dom";
import { readValues } from "../fields";
import { fieldOf, showFlaws } from "../flaws";
import { moment } from "../format";
import type { TabDraft } from "../tab-draft";
import { text } from "../texts";
import type { Unanswered } from "../unanswered";
import { EntryForm, type Entering } from "./entry-form";
import { goToFirst } from "./keys";
import { printAll } from "./print";
import { citizenFacts, declared, forNext, kindOf, paperRequest, sentOf } from "./values";

interface Entered {
  state: DeclarationState;
  made_at: number;
  pass: string;
  /** Known of what was entered since the page was opened. */
  name?: string;
}

const AREAS = ["person.permanent.area", "journey.from", "journey.to"];
const form = at<HTMLFormElement>("entry");
let entered: Entered[] = [];

/** Starts the form with what was kept; `keep` is told whatever is typed. */
export async function startEntry(kept: TabDraft | null, keep: (draft: TabDraft) => void): Promise<void> {
  const areas = new Map(AREAS.map((path) => [path, new AreaField(fieldOf(path) as HTMLElement)]));
  const entry = new EntryForm({ form, areas, keep, show: showTyped, read, saved, outOfReach: "out_of_reach" });
  if (kept) await entry.restore(kept);
  else at<HTMLInputElement>("journey.departs_at").value = localTime(Date.now());
  showTyped();
  void showEntered();
  goToFirst(form);
}

function showTyped(target?: HTMLInputElement): void {
  if (target?.name === `${DOCUMENT}.number`) readDocument(target.value);
  const isPassport = at<HTMLSelectElement>(`${DOCUMENT}.kind`).value === "passport";
  for (const field of form.querySelectorAll<HTMLElement>("[data-passport]")) show(field, isPassport);
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

// ---- sending -------------------------------------------------------------------------------------

function read(last: Unanswered | null, acceptMismatches: boolean): Entering | null {
  const values = declared(readValues(form));
  const flaws = flawsOf(values);
  if (flaws.length > 0) {
    showFlaws(flaws, text("flaws_lead"));
    return null;
  }
  const request = paperRequest(values, last, Date.now());
  const sent = sentOf(values, acceptMismatches, request.at);
  const post = (): Promise<DeclarationMade> => call("POST", "/paper/declarations", { body: sent, idempotencyKey: request.key });
  return { name: sent.declaration.person.name, request, post };
}

function flawsOf(values: Values): Flaw[] {
  const today = localTime(Date.now()).slice(0, 10);
  const flaws = [...documentFlaws(values, DOCUMENT), ...[2, 3, 4].flatMap((step) => flawsOfStep(step, values, today))];
  return flaws.filter((flaw): flaw is Flaw => flaw !== null);
}

function saved(name: string, made: DeclarationMade): Values {
  // What was there already, since its first answer was lost, stands in the list without a name.
  const others = entered.filter(({ pass }) => pass !== made.pass.pass);
  entered = [{ name, pass: made.pass.pass, state: made.state, made_at: made.made_at }, ...others];
  showRows();
  say(at("said"), text("saved", { name, pass: made.pass.pass }));
  say(at("document-says"), "");
  return forNext(readValues(form));
}

// ---- what was entered today ----------------------------------------------------------------------

/** Prints the passes of what was entered today: the day may have changed since they were listed. */
export function printToday(): Promise<void> {
  const since = midnight(Date.now());
  const count = async (): Promise<number> => {
    await askEntered(since);
    return entered.length;
  };
  return printAll(`/paper/entries/sheets/{sheet}?since=${since}`, count, at("entered-batches"));
}

function showEntered(): Promise<void> {
  return askEntered(midnight(Date.now())).catch(() => undefined);
}

async function askEntered(since: number): Promise<void> {
  const { entries } = await call<{ entries: Entered[] }>("GET", `/paper/entries?since=${since}`);
  const here = new Map(entered.map((entry) => [entry.pass, entry]));
  entered = entries.map((entry) => ({ ...entry, ...here.get(entry.pass) }));
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

const ROWS_SHOWN = 20;
