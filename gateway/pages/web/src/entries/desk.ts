// The page /desk: a person is looked up by document or pass; passes are revoked, people watched for.

import { call, Problem } from "../api";
import { areaPath } from "../areas";
import { documentFlaws } from "../check";
import type { AccountSession, DeclarationState, Flaw, IdDocument, Person } from "../contract";
import { instantOf } from "../country-time";
import { ask } from "../dialog";
import { startDocument } from "../document-field";
import { at, element, show } from "../dom";
import { fillCountries, readValues } from "../fields";
import { clearFlaw, clearFlaws, showFlaws } from "../flaws";
import { day, moment } from "../format";
import { newKey } from "../outbox";
import { stateOf, wordsOf } from "../pass-state";
import { factsOf, personLines } from "../review";
import { hasText, language, text } from "../texts";
import { troubleOf } from "../trouble";
import { startWork } from "../work";

interface Found {
  subject: string;
  person: Person;
  /** Others of the same name, birth date and sex. */
  namesakes: string[];
  declarations: DeclarationFound[];
}

interface DeclarationFound {
  declaration: string;
  state: DeclarationState;
  made_at: number;
  /** The number of its pass. */
  pass: string;
  valid_until: number;
  revoked: boolean;
}

interface Watched {
  subject: string;
  reason: string;
  until?: number;
}

interface WatchPage {
  watch: Watched[];
  next?: string;
}

/** Who may look people up. */
const LOOKERS = ["ward", "health", "epidemiologist"];
const form = at<HTMLFormElement>("find");
let me: AccountSession | null = null;
let found: Found | null = null;

void start();

async function start(): Promise<void> {
  fillCountries(at<HTMLSelectElement>("document.country"), "VN");
  startDocument(form, "document");
  form.addEventListener("change", showWay);
  form.addEventListener("input", (event) => {
    const field = (event.target as HTMLElement).closest<HTMLElement>(".field");
    if (field) clearFlaw(field);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void find();
  });
  at("watch-person").addEventListener("click", watchPerson);
  me = await startWork(LOOKERS);
  if (!mayHold()) for (const part of document.querySelectorAll<HTMLElement>("[data-hold]")) show(part, false);
  if (me !== null) return lookUpGiven().then(showWatched);
}

/** Other pages lead here with the number of a pass, or the code of a subject. */
async function lookUpGiven(): Promise<void> {
  const given = new URLSearchParams(location.search);
  const [pass, subject] = [given.get("pass"), given.get("subject")];
  if (subject) return lookUp({ subject });
  if (!pass) return;
  at<HTMLInputElement>("pass").value = pass;
  (form.querySelector('input[name="by"][value="pass"]') as HTMLInputElement).checked = true;
  showWay();
  await find();
}

function showWay(): void {
  const byPass = readValues(form)["by"] === "pass";
  show(at("by-pass"), byPass);
  show(at("by-document"), !byPass);
}

// ---- looking up ----------------------------------------------------------------------------------

async function find(): Promise<void> {
  const values = readValues(form);
  const flaws = values["by"] === "pass" ? passFlaws(values["pass"] ?? "") : documentFlaws(values, "document");
  const wrong = flaws.filter((flaw): flaw is Flaw => flaw !== null);
  if (wrong.length > 0) return showFlaws(wrong, text("flaws_lead"));
  await lookUp(questionOf(values));
}

async function lookUp(question: { pass: string } | { document: IdDocument } | { subject: string }): Promise<void> {
  clearFlaws();
  try {
    await showFound(await call<Found>("POST", "/people/find", { body: question }));
  } catch (failure) {
    show(at("person"), false);
    showFlaws(failure instanceof Problem ? failure.flaws : [], troubleOf(failure));
  }
}

function passFlaws(pass: string): Flaw[] {
  return pass.trim() === "" ? [{ field: "pass", code: "missing" }] : [];
}

function questionOf(values: Record<string, string>): { pass: string } | { document: IdDocument } {
  if (values["by"] === "pass") return { pass: (values["pass"] ?? "").trim() };
  const kind = values["document.kind"] as IdDocument["kind"];
  const document: IdDocument = { kind, number: values["document.number"] ?? "" };
  if (kind === "passport") document.country = values["document.country"] ?? "";
  return { document };
}

async function showFound(answer: Found): Promise<void> {
  found = answer;
  const { person } = answer;
  const residences = [person.permanent, person.present, person.temporary];
  await Promise.all(residences.map((residence) => areaPath(residence?.area ?? "")));
  at("person-name").textContent = person.name;
  const lines = personLines(person).slice(1);
  at("person-facts").replaceChildren(...factsOf([...lines, [text("subject"), answer.subject], ...namesakeLines(answer)]).children);
  const rows = answer.declarations.map(declarationRow);
  at("declarations").replaceChildren(...(rows.length > 0 ? rows : [element("li", {}, text("no_declarations"))]));
  at<HTMLAnchorElement>("order-person").href = `/quarantine?${new URLSearchParams({ subject: answer.subject, lang: language })}`;
  show(at("person"));
  at("person-name").focus();
}

function namesakeLines({ namesakes }: Found): [string, string][] {
  return namesakes.length > 0 ? [[text("namesakes"), namesakes.join(", ")]] : [];
}

function declarationRow(found: DeclarationFound): HTMLElement {
  const { state, made_at, valid_until, revoked } = found;
  const pass = { state, valid_until, revoked, issued_at: made_at };
  const now = Date.now();
  const row = element(
    "li",
    {},
    element("span", { class: `state ${stateOf(pass, now)}` }, wordsOf(pass, now).word),
    element("strong", {}, found.pass),
    element("span", { class: "note" }, `${moment(made_at)} – ${moment(valid_until)} · ${found.declaration}`),
  );
  if (mayHold() && !revoked && valid_until > now) row.append(revokeButton(found.pass));
  return row;
}

// ---- revoking and watching -----------------------------------------------------------------------

/** Whether people may be held at checkpoints, and passes taken back. */
function mayHold(): boolean {
  return me !== null && ["health", "epidemiologist"].includes(me.role);
}

function revokeButton(pass: string): HTMLButtonElement {
  const button = element("button", { type: "button", class: "danger" }, text("revoke"));
  button.addEventListener("click", () => {
    show(at("until-field"), false);
    const key = newKey();
    ask(text("revoke_title", { pass }), text("revoke"), async ({ reason = "" }) => {
      await doIt("POST", `/passes/${encodeURIComponent(pass)}/revoke`, key, { reason: needed(reason) });
      await find();
    });
  });
  return button;
}

function watchPerson(): void {
  const subject = found?.subject;
  if (!subject) return;
  show(at("until-field"));
  const key = newKey();
  ask(text("watch_title"), text("watch"), async ({ reason = "", until = "" }) => {
    const end = until === "" ? {} : { until: instantOf(`${until}T23:59`) };
    await doIt("POST", "/watch", key, { subject, reason: needed(reason), ...end });
    await showWatched();
  });
}

/** The server keeps a reason as a word, so that nobody writes about a person. */
function wordFor(reason: string): string {
  return hasText(`reason_${reason}`) ? text(`reason_${reason}`) : reason;
}

function needed(reason: string): string {
  if (reason === "") throw new Error(text("reason_missing"));
  return reason;
}

async function doIt(method: string, path: string, idempotencyKey: string, body?: unknown): Promise<void> {
  try {
    await call(method, path, { idempotencyKey, body });
  } catch (failure) {
    throw new Error(troubleOf(failure));
  }
}

async function showWatched(): Promise<void> {
  if (!mayHold()) return;
  at("watch-list").replaceChildren();
  await showMoreWatched();
}

/** Goes on until there is something to show: most of a nation's list is of other areas. */
async function showMoreWatched(after?: string): Promise<void> {
  const nothing: WatchPage = { watch: [] };
  const address = after === undefined ? "/watch" : `/watch?after=${after}`;
  const { watch, next } = await call<WatchPage>("GET", address).catch(() => nothing);
  at("watch-list").append(...watch.map(watchRow));
  if (watch.length === 0 && next !== undefined) return showMoreWatched(next);
  const more = at<HTMLButtonElement>("watch-more");
  more.onclick = () => void showMoreWatched(next);
  show(more, next !== undefined);
  show(at("watch-none"), at("watch-list").children.length === 0);
}

function watchRow(watched: Watched): HTMLElement {
  const end = watched.until ? text("watch_until", { day: day(watched.until) }) : "";
  const button = element("button", { type: "button", class: "secondary", "aria-label": `${text("unwatch")}: ${watched.subject}` }, text("unwatch"));
  button.addEventListener("click", () => {
    button.disabled = true;
    doIt("DELETE", `/watch/${encodeURIComponent(watched.subject)}`, newKey())
      .then(showWatched)
      .catch((refusal: Error) => showFlaws([], refusal.message))
      .finally(() => (button.disabled = false));
  });
  const about = [wordFor(watched.reason), end].filter(Boolean).join(" · ");
  return element("li", {}, element("strong", {}, watched.subject), element("span", { class: "note" }, about), button);
}
