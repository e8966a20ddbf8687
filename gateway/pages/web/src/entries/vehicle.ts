// The page /vehicle: a driver declares a trip with everyone aboard, kept in the tab as one types, and shows the
// vehicle's pass.

import { call, Problem } from "../api";
import { knownPath, learnPath } from "../areas";
import type { IdDocument, Me } from "../contract";
import { localTime } from "../country-time";
import { showDocument, startDocument } from "../document-field";
import { at, say, show } from "../dom";
import { fillCountries, readValues } from "../fields";
import { clearFlaw, clearFlaws, showFlaws } from "../flaws";
import { askCode, codeTrouble, redeemCode, showCodePart, showIdentityPart, type Identity } from "../identity";
import { drawQr } from "../qr";
import { factsOf } from "../review";
import { showWho, showWork, startShell } from "../shell";
import { siteOption } from "../site-option";
import { draftOwner, forgetDraft, readDraft, writeDraft } from "../tab-draft";
import { language, text } from "../texts";
import { requestOf, type Unanswered } from "../unanswered";
import type { Depot, Trip, TripRow } from "../vehicle/contract";
import { routeOf, tripOf } from "../vehicle/form";
import { AboardRows, RouteRows } from "../vehicle/rows";
import { classOf, linesOf, rowOf } from "../vehicle/show";

const PAGE = "vehicle";
const HOUR_MS = 3_600_000;
const form = at<HTMLFormElement>("form");
const who = at<HTMLFormElement>("who-form");
const aboard = new AboardRows(form);
const route = new RouteRows(form);
/** Whose draft is kept. */
let whose = "";
/** What was sent and has no answer yet: the same again is one trip, also after a reload. */
let sent: Unanswered | null = null;

void start();

async function start(): Promise<void> {
  fillCountries(who.querySelector("[data-countries]") as HTMLSelectElement, "VN");
  startDocument(who, "document");
  startButtons();
  aboard.show({});
  void route.show({});
  const now = Date.now();
  at<HTMLInputElement>("departs_at").value = localTime(now + HOUR_MS);
  at<HTMLInputElement>("until").value = localTime(now + 24 * HOUR_MS);
  const me = await startShell();
  const site = me?.kind === "account" ? me.site : undefined;
  await showDepots(site, me?.kind === "account" ? (me.site_name ?? site) : undefined);
  if (me && (me.kind === "citizen" || site)) await signedIn(me);
  else show(who);
}

function startButtons(): void {
  who.addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt(async () => {
      if (!at("code-part").hidden) return enter();
      showCodePart(identity().phone, await askCode(identity()));
    });
  });
  at("redeem").addEventListener("click", () => void attempt(enter));
  at("code-again").addEventListener("click", () => void attempt(async () => showCodePart(identity().phone, await askCode(identity()))));
  at("other-phone").addEventListener("click", showIdentityPart);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt(send);
  });
  form.addEventListener("input", ({ target }) => {
    const field = (target as HTMLElement).closest<HTMLElement>(".field");
    if (field) clearFlaw(field);
  });
  // A press may have added a row or taken one away.
  for (const change of ["input", "change", "click"]) form.addEventListener(change, keepDraft);
}

// ---- who one is ----------------------------------------------------------------------------------

function identity(): Identity {
  const values = readValues(who);
  const kind = values["document.kind"] as IdDocument["kind"];
  const country = kind === "passport" ? { country: values["document.country"] ?? "VN" } : {};
  return { document: { kind, number: values["document.number"] ?? "", ...country }, phone: values["phone"] ?? "" };
}

async function enter(): Promise<void> {
  const me = await redeemCode(identity(), at<HTMLInputElement>("code").value.trim());
  showWho(me);
  const { document, phone } = identity();
  if (await signedIn(me)) return;
  // Nothing is typed twice.
  const typed = { "aboard[0].document.number": document.number, "aboard[0].phone": phone };
  for (const [id, value] of Object.entries(typed)) at<HTMLInputElement>(id).value = value;
  const radio = form.querySelector<HTMLInputElement>(`input[name="aboard[0].document.kind"][value="${document.kind}"]`);
  if (radio) radio.checked = true;
  showDocument(form, "aboard[0].document");
}

/** Shows the form, and whether it is one that was begun before. */
async function signedIn(me: Me): Promise<boolean> {
  show(who, false);
  showWork(true);
  const owner = draftOwner(me);
  if (owner !== whose) sent = null;
  whose = owner;
  const draft = readDraft(PAGE, whose);
  sent = draft?.sent ?? sent;
  if (draft) {
    for (const [code, path] of Object.entries(draft.places)) learnPath(code, path);
    aboard.show(draft.values);
    await route.show(draft.values);
  }
  await showOwn();
  if (draft) say(at("sync"), text("sync_kept"));
  return draft !== null;
}

function keepDraft(): void {
  const values = readValues(form);
  const places = Object.fromEntries(routeOf(values).map((code) => [code, knownPath(code)]));
  writeDraft(PAGE, whose, { values, places, sent });
}

async function attempt(act: () => Promise<void>): Promise<void> {
  clearFlaws();
  busy(true);
  try {
    await act();
  } catch (failure) {
    const flaws = failure instanceof Problem ? failure.flaws : [];
    showFlaws(flaws, flaws.length > 0 ? text("flaws_lead") : trouble(failure));
  } finally {
    busy(false);
    say(at("sync"), "");
  }
}

function trouble(failure: unknown): string {
  if (!(failure instanceof Problem)) return text("unreachable");
  if (failure.status === 403) return text("not_the_driver");
  return who.hidden ? text(failure.status === 401 ? "sign_in_again" : "refused") : codeTrouble(failure);
}

function busy(on: boolean): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("#ask-code, #redeem, #send")) button.disabled = on;
}

// ---- the trip ------------------------------------------------------------------------------------

/** An officer declares for those who leave from the own site. */
async function showDepots(site?: string, siteName?: string): Promise<void> {
  const own = site ? [{ site, name: siteName ?? site, area: "" }] : null;
  const found = own ?? (await call<{ depots: Depot[] }>("GET", "/vehicles/depots").then(({ depots }) => depots, () => []));
  at("depot").replaceChildren(...found.map(siteOption));
}

async function send(): Promise<void> {
  say(at("sync"), text("sending"));
  const body = tripOf(readValues(form));
  sent = requestOf(JSON.stringify(body), sent, Date.now());
  keepDraft();
  showTrip(await call<Trip>("POST", "/vehicles/trips", { body, idempotencyKey: sent.key }));
  sent = null;
  forgetDraft(PAGE);
  show(form, false);
  await showOwn();
}

async function showOwn(): Promise<void> {
  const { trips } = await call<{ trips: TripRow[] }>("GET", "/vehicles/trips");
  at("own").replaceChildren(...trips.map((row) => rowOf(row, (trip) => void attempt(() => openTrip(trip)))));
  show(at("own-none"), trips.length === 0);
}

async function openTrip(trip: string): Promise<void> {
  showTrip(await call<Trip>("GET", `/vehicles/trips/${trip}`));
}

function showTrip(trip: Trip): void {
  at("trip-state").textContent = text(`trip_${trip.state}`);
  at("trip-state").className = `state big ${classOf(trip.state)}`;
  at("plate").textContent = trip.vehicle.plate;
  at("pass-number").textContent = trip.pass.pass;
  at("advice").textContent = text(`advice_${trip.state}`);
  const count = text("aboard_count", { count: trip.aboard.length });
  const names = trip.aboard.slice(0, NAMES_SHOWN).map(({ name }) => name).join(", ");
  const more = trip.aboard.length > NAMES_SHOWN ? "…" : "";
  at("facts").replaceChildren(...factsOf([...linesOf(trip), [text("aboard"), `${count}: ${names}${more}`]]).children);
  at<HTMLAnchorElement>("sheet").href = `/api/v1/vehicles/trips/${trip.trip}/sheet.svg?lang=${language}`;
  drawQr(at("qr"), trip.pass.token);
  show(at("shown"));
  at("shown").focus();
}

const NAMES_SHOWN = 5;
