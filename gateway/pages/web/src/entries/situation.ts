// The page /situation: which epidemic level holds where, on a map, in words, and for one area; health officials
// change it for theirs.

import { AreaField } from "../area-field";
import { call, Problem } from "../api";
import type { AreaSituation, Level, LevelSet, Me, Scale, Situation } from "../contract";
import { instantOf } from "../country-time";
import { Device } from "../device";
import { at, element, say, show } from "../dom";
import { readValues } from "../fields";
import { clearFlaws, fieldOf, showFlaws } from "../flaws";
import { moment, span } from "../format";
import { keepOffline } from "../offline";
import { newKey } from "../outbox";
import { startShell } from "../shell";
import { askSituation, type Told } from "../situation/ask";
import { byLevel } from "../situation/places";
import { drawMap, markOnMap } from "../situation/map";
import { badge, circumstances, measures, wordsOf } from "../situation/words";
import { text } from "../texts";
import { troubleOf } from "../trouble";

const SETTERS = ["health", "epidemiologist"];
const device = new Device(localStorage);
const map = document.querySelector("#map") as SVGSVGElement;
const sought = new AreaField(fieldOf("sought") as HTMLElement);
const setting = new AreaField(fieldOf("area") as HTMLElement);
const form = at<HTMLFormElement>("set");

let scale: Level[] = [];
let maySet = false;

void start();

async function start(): Promise<void> {
  fieldOf("sought")?.addEventListener("change", () => void choose(sought.code));
  fieldOf("area")?.addEventListener("change", () => void showHistory(setting.code));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void set();
  });
  const me = startShell();
  await showAll();
  startSetting(await me);
  void keepOffline();
}

// ---- what holds where ----------------------------------------------------------------------------

async function showAll(): Promise<void> {
  try {
    const told = await askSituation<Scale>(device, "/situation/scale");
    scale = told.answer.levels;
    at("scale").replaceChildren(...[...scale].reverse().map(levelRow));
    await showTops();
  } catch {
    say(at("message"), text("unreachable"));
  }
}

async function showTops(): Promise<void> {
  const { answer, keptAt } = await askSituation<Situation>(device, "/situation");
  sayAge(keptAt);
  show(at("map-part"), drawMap(map, answer.areas, scale, (code) => void choose(code)));
  at("tops").replaceChildren(...byLevel(answer.areas, scale).map(groupOf));
}

function sayAge(keptAt: number | null): void {
  say(at("message"), keptAt === null ? "" : text("situation_kept", { span: span(Date.now() - keptAt) }));
}

/** A level with what it means and what follows. */
function levelRow(level: Level): HTMLElement {
  const needs = measures(level.arrivals);
  const follows = needs.length > 0 ? [text("arrivals_need"), ...needs].join(" ") : text("arrivals_none");
  return element(
    "li",
    {},
    badge(level.code, scale),
    element("strong", {}, wordsOf(level.about)),
    element("span", {}, wordsOf(level.note)),
    element("span", { class: "note" }, follows),
  );
}

function groupOf({ level, areas }: { level: string | undefined; areas: AreaSituation[] }): HTMLElement {
  const names = areas.map((area) => {
    const button = element("button", { type: "button", class: "quiet" }, area.name);
    button.addEventListener("click", () => void choose(area.code));
    return element("li", {}, button);
  });
  return element("section", {}, element("h3", {}, badge(level, scale), ` ${text("n_areas", { n: areas.length })}`), element("ul", {}, ...names));
}

/** Shows one area in words, and marks it on the map. */
async function choose(code: string): Promise<void> {
  if (code === "") return;
  let told: Told<Situation>;
  try {
    told = await askSituation<Situation>(device, `/situation?${new URLSearchParams({ area: code })}`);
  } catch (failure) {
    return say(at("message"), troubleOf(failure));
  }
  const [area] = told.answer.areas;
  if (!area) return;
  sayAge(told.keptAt);
  const level = scale.find((known) => known.code === area.level);
  at("chosen").replaceChildren(
    element("h2", { tabindex: "-1", id: "chosen-name" }, area.name),
    ...(area.path ? [element("p", { class: "note" }, area.path)] : []),
    element("p", {}, badge(area.level, scale)),
    element("p", { class: "note" }, circumstances(area)),
    ...(level ? [element("p", {}, wordsOf(level.note)), element("p", {}, levelFollows(level))] : []),
  );
  show(at("chosen"));
  markOnMap(map, code);
  at("chosen-name").focus();
  if (maySet) await setting.choose(code).then(() => showHistory(code));
}

function levelFollows(level: Level): string {
  const needs = measures(level.arrivals);
  return needs.length > 0 ? [text("arrivals_need"), ...needs].join(" ") : text("arrivals_none");
}

// ---- changing it ---------------------------------------------------------------------------------

function startSetting(me: Me | null): void {
  maySet = me?.kind === "account" && SETTERS.includes(me.role);
  show(at("setting"), maySet);
  if (!maySet || me?.kind !== "account") return;
  at("set-where").textContent = me.area_name ? text("set_within", { area: me.area_name }) : text("set_anywhere");
  at("set-levels").replaceChildren(
    ...scale.map((level) => {
      const words = element("span", {}, `${level.sign} ${wordsOf(level.name)}`);
      return element("label", {}, element("input", { type: "radio", name: "level", value: level.code }), words);
    }),
  );
}

async function set(): Promise<void> {
  const { level = "", from = "", to = "" } = readValues(form);
  const missing = [["area", setting.code], ["level", level]].filter(([, value]) => value === "");
  if (missing.length > 0) return showFlaws(missing.map(([field = ""]) => ({ field, code: "missing" })), text("flaws_lead"));
  const body = { area: setting.code, level, ...instant("from", from), ...instant("to", to) };
  await change(() => call<LevelSet>("POST", "/situation", { body, idempotencyKey: newKey() }), setting.code);
}

function instant(name: string, local: string): Record<string, number> {
  return local === "" ? {} : { [name]: instantOf(local) };
}

/** Changes something, and shows what holds then. */
async function change(act: () => Promise<unknown>, code: string): Promise<void> {
  clearFlaws();
  const submit = at<HTMLButtonElement>("set-submit");
  submit.disabled = true;
  try {
    await act();
    await showTops();
    await showHistory(code);
    say(at("set-done"), text("set_done"));
  } catch (failure) {
    say(at("set-done"), "");
    showFlaws(failure instanceof Problem ? failure.flaws : [], refusal(failure));
  } finally {
    submit.disabled = false;
  }
}

/** An area that was merged is told with the one to choose, one of another's with whose it is not. */
function refusal(failure: unknown): string {
  if (!(failure instanceof Problem)) return text("unreachable");
  if (failure.kind === "area-merged") {
    const successor = failure.body["successor"] as { name: string } | undefined;
    return successor ? text("set_merged", { area: successor.name }) : text("set_gone");
  }
  if (failure.status === 403) return text("set_elsewhere");
  return failure.flaws.length > 0 ? text("flaws_lead") : troubleOf(failure);
}

async function showHistory(code: string): Promise<void> {
  show(at("history"), code !== "");
  if (code === "") return;
  const query = new URLSearchParams({ area: code });
  const { sets } = await call<{ sets: LevelSet[] }>("GET", `/situation/history?${query}`).catch(() => ({ sets: [] }));
  at("sets").replaceChildren(...sets.map(setRow));
  show(at("sets-none"), sets.length === 0);
}

function setRow(set: LevelSet): HTMLElement {
  const now = Date.now();
  const span = [moment(set.from), set.to === undefined ? text("set_open") : moment(set.to)].join(" – ");
  const ended = set.ended_at === undefined ? "" : text("set_ended", { at: moment(set.ended_at), by: set.ended_by ?? "" });
  const by = text("set_by", { by: set.by ?? "", at: moment(set.set_at) });
  const row = element("li", {}, badge(set.level, scale), element("span", {}, span), element("span", { class: "note" }, [by, ended].filter(Boolean).join(" · ")));
  if (set.ended_at === undefined && (set.to === undefined || set.to > now)) row.append(endButton(set));
  return row;
}

function endButton(set: LevelSet): HTMLButtonElement {
  const button = element("button", { type: "button", class: "secondary" }, text("set_end"));
  const path = `/situation/${encodeURIComponent(set.area)}/${set.number}`;
  button.addEventListener("click", () => void change(() => call("DELETE", path, { idempotencyKey: newKey() }), set.area));
  return button;
}
