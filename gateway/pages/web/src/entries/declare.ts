// The page /declare: a declaration step by step, kept on the device as one types. A person whose session
// still holds confirms journey and health on one page.

import { call, Problem } from "../api";
import { AreaField } from "../area-field";
import { areaPath, knownPath, learnPath } from "../areas";
import { flawsOfStep } from "../check";
import { showCompanions, withoutCompanion } from "../companions";
import type { CitizenSession, Declaration, DeclarationMade, Flaw } from "../contract";
import { instantOf, localTime } from "../country-time";
import { companionCount, declarationOf, DOCUMENT, valuesOf, type Values } from "../declaration";
import { Device, type Draft, type Letter } from "../device";
import { startDocument, showDocument } from "../document-field";
import { at, say, show } from "../dom";
import { fillCountries, keepNoneAlone, readValues, startBirthDate, writeValues } from "../fields";
import { clearFlaw, clearFlaws, fieldOf, showDisagreement, showFlaws } from "../flaws";
import { startForget } from "../forget";
import { askCode, codeTrouble, redeemCode, showCodePart, showIdentityPart, type Identity } from "../identity";
import { keepOffline } from "../offline";
import { deliver, writeLetter } from "../outbox";
import { factsOf, knownLines, reviewOf } from "../review";
import { showWho, startShell } from "../shell";
import { SituationBox } from "../situation/box";
import { language, text } from "../texts";

const REVIEW = 5;
/** Pages that send here for a code alone. */
const NEXT = ["/passes", "/quarantine/own"];
const QUICK_STEPS: [number, number] = [3, 4];
const device = new Device(localStorage);
const form = at<HTMLFormElement>("form");
const next = at<HTMLButtonElement>("next");
const areas = new Map<string, AreaField>();
const situation = new SituationBox([at("situation"), at("situation-review")], device);

let step = 1;
let quick = false;
let session: CitizenSession | null = null;

void start();

async function start(): Promise<void> {
  startFields();
  startButtons();
  startForget(device);
  const draft = device.draft;
  if (draft) showDraft(draft);
  else showParts();
  const me = await startShell();
  session = me?.kind === "citizen" ? me : null;
  const letter = device.letter;
  if (letter) await resume(letter);
  else if (session && !draft) await startKnown();
  // What is sent while the network goes away is shown all the same: any pass is shown by one page.
  const inThisLanguage = `?lang=${document.documentElement.lang}`;
  void keepOffline([`/pass/new${inThisLanguage}`, `/passes${inThisLanguage}`]);
}

/** Goes on where it was left. Who must sign in again is told so when it is sent. */
function showDraft(draft: Draft): void {
  for (const [code, path] of Object.entries(draft.places)) learnPath(code, path);
  fill(draft.values);
  say(at("sync"), text("sync_kept"));
  if (draft.quick) showQuick();
  else goTo(draft.step, false);
}

// ---- the form ------------------------------------------------------------------------------------

function startFields(): void {
  for (const select of form.querySelectorAll<HTMLSelectElement>("[data-countries]")) fillCountries(select, "VN");
  for (const field of form.querySelectorAll<HTMLElement>(".birth-date")) startBirthDate(field);
  for (const field of form.querySelectorAll<HTMLElement>(".area-field")) {
    areas.set(field.dataset["field"] ?? "", new AreaField(field));
  }
  startDocument(form, DOCUMENT);
  const now = Date.now();
  at<HTMLInputElement>("health.test.taken_at").max = localTime(now).slice(0, 10);
  at<HTMLInputElement>("journey.departs_at").min = localTime(now);
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
}

function changed(event: Event): void {
  const control = event.target as HTMLInputElement;
  if (control.name === "health.symptoms") keepNoneAlone(form, control);
  const field = control.closest<HTMLElement>(".field");
  if (field) clearFlaw(field);
  showDependents();
  keepDraft();
}

/** Shows the fields that depend on others. */
function showDependents(): void {
  const values = readValues(form);
  show(at("present"), values["person.present.same"] !== "yes");
  show(at("temporary"), values["person.temporary.same"] !== "yes");
  show(form.querySelector("[data-later]") as HTMLElement, values["journey.when"] === "later");
  show(form.querySelector("[data-vehicle]") as HTMLElement, values["journey.vehicle.kind"] !== "");
  show(form.querySelector("[data-tested]") as HTMLElement, values["health.test.kind"] !== "none");
  showSituation(values);
}

/** The epidemic situation along the journey, as it will be when it begins. */
function showSituation(values: Values): void {
  const departs = values["journey.when"] === "later" ? instantOf(values["journey.departs_at"]) : 0;
  void situation.update(values["journey.from"] ?? "", values["journey.to"] ?? "", departs > Date.now() ? departs : null);
}

function fill(values: Values): void {
  showCompanions(values, removeCompanion);
  writeValues(form, values);
  for (const [name, field] of areas) void field.choose(values[name] ?? "");
  showDocument(form, DOCUMENT);
  for (let i = 0; i < companionCount(values); i++) showDocument(at("companions"), `companions[${i}].document`);
  showDependents();
}

function keepDraft(): void {
  const values = readValues(form);
  const places = Object.fromEntries(areaCodes(values).map((code) => [code, knownPath(code)]));
  device.draft = { step, quick, values, places };
  say(at("sync"), text("sync_kept"));
}

function addCompanion(): void {
  const values = readValues(form);
  const index = companionCount(values);
  fill({ ...values, [`companions[${index}].name`]: "" });
  at(`companions[${index}].name`).focus();
}

function removeCompanion(index: number): void {
  fill(withoutCompanion(readValues(form), index));
  keepDraft();
  at("add-companion").focus();
}

// ---- steps ---------------------------------------------------------------------------------------

function startButtons(): void {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void forward();
  });
  const actions: Record<string, () => void> = {
    "ask-code": () => void sendCode(),
    "code-again": () => void sendCode(),
    redeem: () => void enter(),
    "other-phone": showIdentityPart,
    back: () => goTo(step - 1),
    "add-companion": addCompanion,
    "from-home": () => void fromHome(),
    swap: () => void swap(),
    "leave-quick": () => goTo(2),
    correct: () => goTo(2),
    insist: () => void send(true),
  };
  for (const [id, act] of Object.entries(actions)) at(id).addEventListener("click", act);
}

async function forward(): Promise<void> {
  if (step === 1) return at("code-part").hidden ? sendCode() : enter();
  const flaws = stepsShown().flatMap((shown) => flawsOfStep(shown, readValues(form), today()));
  if (flaws.length > 0) return showFlaws(flaws, text("flaws_lead"));
  if (quick || step === REVIEW) return send(false);
  goTo(step + 1);
}

/** Which steps stand on the page now. */
function stepsShown(): number[] {
  return quick ? QUICK_STEPS : [step];
}

/** Shows one step. The focus follows, so that it is read out from its beginning. */
function goTo(target: number, focus = true): void {
  step = Math.min(REVIEW, Math.max(session ? 2 : 1, target));
  quick = false;
  showParts();
  if (step === REVIEW) at("review").replaceChildren(...reviewOf(declaration(), goTo));
  if (device.draft) device.draft = { ...device.draft, step, quick };
  if (focus) at(`step-${step}`).focus();
  scrollTo(0, 0);
}

function showParts(): void {
  clearFlaws();
  show(at("disagrees"), false);
  const shown = stepsShown();
  for (const part of form.querySelectorAll<HTMLElement>(".step")) show(part, shown.includes(Number(part.dataset["step"])));
  for (const part of form.querySelectorAll<HTMLElement>("[data-full]")) show(part, !quick);
  show(at("known"), quick);
  show(at("progress"), !quick);
  const sends = quick || step === REVIEW;
  show(at("send-part"), sends);
  show(at("steps-actions"), step > 1);
  show(at("back"), !quick && step > (session ? 2 : 1));
  next.textContent = text(sends ? "send" : "next");
  for (const item of at("progress").children) {
    const number = Number((item as HTMLElement).dataset["step"]);
    if (number === step) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
    item.classList.toggle("done", number < step);
  }
}

function area(name: string): AreaField {
  return areas.get(name) as AreaField;
}

async function fromHome(): Promise<void> {
  await area("journey.from").choose(homeOf(readValues(form)));
  showSituation(readValues(form));
  keepDraft();
}

async function swap(): Promise<void> {
  const [from, to] = [area("journey.from").code, area("journey.to").code];
  await Promise.all([area("journey.from").choose(to), area("journey.to").choose(from)]);
  showSituation(readValues(form));
  keepDraft();
}

/** Where one is at home now: what is nearest to today. */
function homeOf(values: Values): string {
  const away = ["present", "temporary"].find((place) => values[`person.${place}.same`] !== "yes");
  return values[`person.${away ?? "permanent"}.area`] || (values["person.permanent.area"] ?? "");
}

function declaration(): Declaration {
  return declarationOf(readValues(form), Date.now());
}

function today(): string {
  return localTime(Date.now()).slice(0, 10);
}

// ---- who one is ----------------------------------------------------------------------------------

function identity(): Identity {
  const { person } = declaration();
  const document = person.documents[0] ?? { kind: "citizen_id", number: "" };
  return { document, phone: readValues(form)["phone"] ?? "" };
}

async function sendCode(): Promise<void> {
  const flaws = flawsOfStep(1, readValues(form), today());
  if (flaws.length > 0) return showFlaws(flaws, text("flaws_lead"));
  await attempt(async () => showCodePart(identity().phone, await askCode(identity())));
}

async function enter(): Promise<void> {
  const code = at<HTMLInputElement>("code").value.trim();
  if (!/^\d{6}$/.test(code)) return showFlaws([{ field: "code", code: "form" }], text("flaws_lead"));
  await attempt(async () => {
    session = await redeemCode(identity(), code);
    showWho(session);
    showIdentityPart();
    const letter = device.letter;
    if (letter) return resume(letter);
    const asked = new URLSearchParams(location.search).get("next") ?? "";
    if (NEXT.includes(asked)) return location.assign(`${asked}?lang=${language}`);
    if (readValues(form)["person.name"]) return goTo(device.draft?.step ?? 2);
    await startKnown();
  });
}

async function attempt(act: () => Promise<void>): Promise<void> {
  clearFlaws();
  busy(true);
  try {
    await act();
  } catch (failure) {
    const flaws = failure instanceof Problem ? failure.flaws.map(ofForm) : [];
    showFlaws(flaws, flaws.length > 0 ? text("flaws_lead") : codeTrouble(failure));
  } finally {
    busy(false);
    say(at("sync"), device.draft ? text("sync_kept") : "");
  }
}

function ofForm(flaw: Flaw): Flaw {
  return { ...flaw, field: flaw.field.replace(/^document\b/, DOCUMENT) };
}

function busy(on: boolean): void {
  for (const button of form.querySelectorAll<HTMLButtonElement>("#ask-code, #redeem, #next, #back")) button.disabled = on;
  for (const id of ["insist", "correct"]) at<HTMLButtonElement>(id).disabled = on;
  form.setAttribute("aria-busy", String(on));
}

// ---- a known person ------------------------------------------------------------------------------

/** The newest declaration of this citizen again, or an empty form where there is none. */
async function startKnown(): Promise<void> {
  const last = await call<{ declaration: Declaration }>("GET", "/declarations/last").catch(() => null);
  if (!last) return goTo(2);
  const values = valuesOf(last.declaration, Date.now());
  await Promise.all(areaCodes(values).map(areaPath));
  fill({ ...values, phone: readValues(form)["phone"] ?? "" });
  showQuick();
  at("known-title").focus();
}

/** One page that asks for journey and health, and shows what it takes over. */
function showQuick(): void {
  step = QUICK_STEPS[0];
  quick = true;
  showParts();
  const known = declaration();
  at("known-title").textContent = text("known", { name: known.person.name });
  at("known-facts").replaceChildren(...factsOf(knownLines(known)).children);
}

function areaCodes(values: Values): string[] {
  return [...areas.keys()].map((name) => values[name] ?? "").filter(Boolean);
}

// ---- sending -------------------------------------------------------------------------------------

async function send(acceptUnverified: boolean): Promise<void> {
  await resume(writeLetter(device, declaration(), acceptUnverified));
}

/** Sends what is written down, now or left over from an earlier visit. */
async function resume(letter: Letter): Promise<void> {
  if (step < REVIEW && !quick) goToSending(letter);
  clearFlaws();
  show(at("disagrees"), false);
  busy(true);
  say(at("sync"), text("sync_sending"));
  try {
    await made(letter, await deliver(device, letter, { onWaiting: () => say(at("sync"), text("sync_waiting")) }));
  } catch (failure) {
    busy(false);
    say(at("sync"), text("sync_kept"));
    refused(failure);
  }
}

/** An earlier visit's letter is shown as it is sent. */
function goToSending(letter: Letter): void {
  step = REVIEW;
  showParts();
  show(at("back"), false);
  at("review").replaceChildren(...reviewOf(letter.declaration, goTo));
}

async function made(letter: Letter, answer: DeclarationMade): Promise<void> {
  say(at("sync"), text("sync_sent"));
  const { from, to } = letter.declaration.journey;
  const named = async (code: string): Promise<{ code: string; name: string }> => ({ code, name: await areaPath(code) });
  const kept = device.passes.find((pass) => pass.pass === answer.pass.pass);
  if (kept) device.keepPass({ ...kept, from: await named(from), to: await named(to) });
  location.assign(`/pass/${encodeURIComponent(answer.pass.pass)}?lang=${language}`);
}

function refused(failure: unknown): void {
  const problem = failure instanceof Problem ? failure : null;
  if (problem?.status === 401) return signInAgain("sign_in_again");
  if (problem?.kind === "register-disagrees") return showDisagreement(problem.flaws, "disagrees");
  if (problem && problem.flaws.length > 0) return showRefusedFields(problem.flaws);
  if (problem?.status === 403) return signInAgain("not_yours");
  showFlaws([], text(problem?.kind === "two-people" ? "two_people" : "refused"));
}

/** Back to the first step; what was filled in stays. */
function signInAgain(why: "sign_in_again" | "not_yours"): void {
  session = null;
  showIdentityPart();
  goTo(1);
  showFlaws([], text(why));
}

function showRefusedFields(flaws: Flaw[]): void {
  const first = flaws.map((flaw) => fieldOf(flaw.field)?.closest<HTMLElement>(".step")?.dataset["step"]).find(Boolean);
  if (!quick || !QUICK_STEPS.includes(Number(first))) goTo(Number(first ?? REVIEW), false);
  showFlaws(flaws, text("flaws_lead"));
}
