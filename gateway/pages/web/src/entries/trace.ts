// The page /trace: live figures and questions to the engine.

import { call, Problem } from "../api";
import { at, element, say } from "../dom";
import { OrderDialog, type Whom } from "../quarantine/dialog";
import { showWork, startSession } from "../shell";
import { locale, text } from "../texts";
import { addressOf, askedOf, flawOf, namedBy, originOf, refusalOf, type Asked, type Form } from "../trace/asked";
import { troubleOf } from "../trouble";
import { drawBars } from "../venue/bars";
import type { Cell } from "../venue/contract";

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const two = "2-digit";
const moments = new Intl.DateTimeFormat(locale, { day: two, month: two, year: "numeric", hour: two, minute: two, second: two });
const clock = new Intl.DateTimeFormat(locale, { hour: two, minute: two });
const input = (id: string): HTMLInputElement => at<HTMLInputElement>(id);

/** Who may order quarantine. */
const ORDER = ["health", "epidemiologist"];
let orders: OrderDialog | null = null;

void startSession().then((me) => {
  if (me?.kind === "account" && ORDER.includes(me.role)) orders = new OrderDialog();
});
at("zone").textContent = text("zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone });

// ---- live figures --------------------------------------------------------------------------------

interface Status {
  engine: { scans_taken: number; scans: number; subjects: number; sites: number; devices: number };
}

const SAMPLES = 120;
const SAMPLES_SHOWN_MIN = 30;
const rates: number[] = [];
let previous: { at: number; scans: number } | null = null;

async function poll(): Promise<void> {
  if (document.hidden) return;
  try {
    const [status, ready] = await Promise.all([call<Status>("GET", "/status"), fetch("/readyz")]);
    const now = { at: performance.now(), scans: status.engine.scans_taken };
    if (previous) sample((now.scans - previous.scans) / ((now.at - previous.at) / 1000), now.at - previous.at);
    previous = now;
    at("total-scans").textContent = whole.format(status.engine.scans);
    at("total-subjects").textContent = whole.format(status.engine.subjects);
    at("total-sites").textContent = whole.format(status.engine.sites);
    at("total-devices").textContent = whole.format(status.engine.devices);
    showState(ready.ok ? "good" : "bad", text(ready.ok ? "ready" : "not_ready"));
  } catch (failure) {
    previous = null;
    const isRefused = failure instanceof Problem && [401, 403].includes(failure.status);
    at("gate").hidden = !isRefused;
    showState("bad", text(isRefused ? "not_allowed" : "offline"));
    if (isRefused) clearInterval(polling);
    if (isRefused) showWork(false);
  }
}

function sample(rate: number, elapsedMs: number): void {
  // Just after loading the page a poll may follow the one before at once: that is no sample.
  if (elapsedMs > 500) rates.push(Math.max(0, rate));
  if (rates.length > SAMPLES) rates.shift();
  // Devices send in batches: the number is that of the last few seconds, the line shows each.
  const recent = rates.slice(-5);
  at("rate").textContent = whole.format(recent.reduce((sum, one) => sum + one, 0) / Math.max(1, recent.length));
  if (rates.length > 0) drawSpark();
}

function showState(kind: "good" | "bad", words: string): void {
  const state = at("state");
  // A status that says the same again would be read out again.
  if (state.textContent !== words) state.textContent = words;
  state.className = `live-state ${kind}`;
}

function drawSpark(): void {
  const [width, height, top] = [240, 48, Math.max(1, ...rates)];
  const step = width / (Math.max(SAMPLES_SHOWN_MIN, rates.length) - 1);
  const left = width - (rates.length - 1) * step;
  const y = (rate: number): number => height - 2 - ((height - 6) * rate) / top;
  const line = `M${rates.map((rate, i) => `${(left + i * step).toFixed(1)},${y(rate).toFixed(1)}`).join("L")}`;
  at("spark").querySelector(".line")?.setAttribute("d", line);
  at("spark").querySelector(".area")?.setAttribute("d", `${line}L${width},${height}L${left.toFixed(1)},${height}Z`);
}

interface BusySite {
  site: string;
  name?: string;
  scans: number;
}

async function pollBusiest(): Promise<void> {
  if (document.hidden) return;
  const { sites } = await call<{ sites: BusySite[] }>("GET", "/busiest").catch(() => ({ sites: [] as BusySite[] }));
  const most = sites[0]?.scans ?? 1;
  at("busiest").replaceChildren(...sites.map((site) => busyItem(site, most)));
  at("busiest-none").hidden = sites.length > 0;
}

function busyItem(site: BusySite, most: number): HTMLLIElement {
  const bar = element("span", { class: "bar" });
  bar.style.width = `${(100 * site.scans) / most}%`;
  const name = element("span", { class: "site" }, site.name || site.site);
  if (site.name) name.append(element("small", {}, site.site));
  return element("li", {}, bar, name, element("span", { class: "count" }, whole.format(site.scans)));
}

// ---- questions -----------------------------------------------------------------------------------

interface Row {
  subject: string;
  events: number;
  min_gap_ms: number;
  first: number;
  last: number;
  at: number;
  site: string;
  direction: string;
  scans: number;
  generation: number;
  exposed_at: number;
  overlaps: number;
  overlap_ms: number;
  longest_ms: number;
  /** Instant, or of a chain the subject. */
  from: number | string;
  to: number;
  entered: number;
  left: number;
  most: number;
  inside: number;
}

type Column = [name: string, value: (row: Row) => string, kind?: "number"];

interface Question {
  code: "subject" | "seed" | "site";
  parts: Part[];
}

/** A table of an answer; `kind` where another question has it, whose answer belongs to this one. */
interface Part {
  kind?: string;
  rows: "contacts" | "scans" | "list" | "stays" | "met" | "cells" | "generations";
  summary: string;
  columns: Column[];
}

const ROWS_SHOWN = 200;
/** More bars than these are lines. */
const BARS_MAX = 200;
const time = (value: number): string => moments.format(new Date(value));
const DIRECTIONS: Record<string, string> = { pass: text("dir_pass"), in: text("dir_in"), out: text("dir_out") };
const siteOf = ({ site }: Row): string => (siteNames.has(site) ? `${siteNames.get(site)} · ${site}` : site);
const howLong = (value: number): string => (value >= 120_000 ? text("minutes", { n: whole.format(value / 60_000) }) : text("seconds", { n: whole.format(value / 1000) }));
/** Who was inside with them: a contact too, though the scans may lie hours apart. */
const MET: Part = {
  kind: "stays", rows: "met", summary: "n_met",
  columns: [
    [text("col_subject"), (row) => row.subject],
    [text("col_overlap"), (row) => howLong(row.overlap_ms), "number"],
    [text("col_longest"), (row) => howLong(row.longest_ms), "number"],
    [text("col_overlaps"), (row) => whole.format(row.overlaps), "number"],
    [text("col_first"), (row) => time(row.first)],
    [text("col_last"), (row) => time(row.last)],
  ],
};
const QUESTIONS: Record<string, Question> = {
  contacts: {
    code: "subject",
    parts: [{
      rows: "contacts", summary: "n_contacts",
      columns: [
        [text("col_subject"), (row) => row.subject],
        [text("col_events"), (row) => whole.format(row.events), "number"],
        [text("col_gap"), (row) => howLong(row.min_gap_ms), "number"],
        [text("col_first"), (row) => time(row.first)],
        [text("col_last"), (row) => time(row.last)],
      ],
    }, MET],
  },
  stays: {
    code: "subject",
    parts: [MET, {
      rows: "stays", summary: "n_stays",
      columns: [
        [text("col_site"), siteOf],
        [text("col_from"), (row) => time(Number(row.from))],
        [text("col_to"), (row) => time(row.to)],
        [text("col_inside_for"), (row) => howLong(row.to - Number(row.from)), "number"],
      ],
    }],
  },
  chain: {
    code: "seed",
    parts: [{
      rows: "generations", summary: "n_chain",
      columns: [
        [text("col_generation"), (row) => `F${row.generation}`],
        [text("col_subject"), (row) => row.subject],
        [text("col_exposed"), (row) => time(row.exposed_at)],
        [text("col_from_whom"), (row) => String(row.from)],
        [text("col_site"), siteOf],
      ],
    }],
  },
  trail: {
    code: "subject",
    parts: [{
      rows: "scans", summary: "n_trail",
      columns: [
        [text("col_at"), (row) => time(row.at)],
        [text("col_site"), siteOf],
        [text("col_direction"), (row) => DIRECTIONS[row.direction] ?? row.direction],
      ],
    }],
  },
  passed: {
    code: "site",
    parts: [{
      rows: "list", summary: "n_passed",
      columns: [
        [text("col_subject"), (row) => row.subject],
        [text("col_scans"), (row) => whole.format(row.scans), "number"],
        [text("col_first"), (row) => time(row.first)],
        [text("col_last"), (row) => time(row.last)],
      ],
    }],
  },
  occupancy: {
    code: "site",
    parts: [{
      rows: "cells", summary: "n_cells",
      columns: [
        [text("col_from"), (row) => time(Number(row.from))],
        [text("col_entered"), (row) => whole.format(row.entered), "number"],
        [text("col_left"), (row) => whole.format(row.left), "number"],
        [text("col_most"), (row) => whole.format(row.most), "number"],
        [text("col_inside"), (row) => whole.format(row.inside), "number"],
      ],
    }],
  },
};

// Names of sites, where there are few enough to fetch them all.
const SITES_NAMED_MAX = 2000;
const siteNames = new Map<string, string>();

async function fetchSiteNames(): Promise<void> {
  const status = await call<Status>("GET", "/status");
  if (status.engine.sites > SITES_NAMED_MAX) return;
  for (const { site, name } of await call<{ site: string; name?: string }[]>("GET", "/sites")) {
    if (name) siteNames.set(site, name);
  }
}

// What is in the form for each question until somebody writes something else.
const presets: Record<string, { code: string; from: number; to: number }> = {};

function chosen(): string {
  return document.querySelector<HTMLInputElement>("input[name=question]:checked")?.value ?? "contacts";
}

function question(): Question {
  return QUESTIONS[chosen()] as Question;
}

function chooseQuestion(): void {
  const kind = chosen();
  const hasWindow = ["contacts", "chain"].includes(kind);
  at("code-label").textContent = text(question().code === "site" ? "site_code" : "subject_code");
  offerField("window", hasWindow);
  offerField("generations", kind === "chain");
  offerField("overlap", kind === "stays");
  const preset = presets[kind];
  if (!preset) return;
  input("code").value = preset.code;
  input("from").value = local(preset.from);
  input("to").value = local(preset.to);
}

function offerField(id: string, isOffered: boolean): void {
  at(`${id}-field`).hidden = !isOffered;
  input(id).disabled = !isOffered;
}

function form(): Form {
  const value = (id: string): string => input(id).value;
  return {
    kind: chosen(), code: value("code"), from: value("from"), to: value("to"),
    window_minutes: value("window"), generations: value("generations"), overlap_minutes: value("overlap"),
  };
}

async function ask(event: Event): Promise<void> {
  event.preventDefault();
  showProblem("");
  const flaw = flawOf(form());
  if (flaw) return showProblem(text(`flaw_${flaw.field}_${flaw.code}`), flaw.field);
  const { code, parts } = question();
  const asked = askedOf(form(), code, [...new Set(parts.map((part) => part.kind ?? chosen()))]);
  const button = at("form").querySelector("button") as HTMLButtonElement;
  button.disabled = true;
  try {
    const began = performance.now();
    const kinds = [...asked.parameters.keys()];
    const answers = new Map(await Promise.all(kinds.map(async (kind) => [kind, await call<Answer>("GET", addressOf(asked, kind))] as const)));
    showAnswers(parts, asked, answers, performance.now() - began);
    offerOrders(parts, asked, answers);
  } catch (failure) {
    at("result").hidden = true;
    const refusal = refusalOf(failure);
    showProblem(refusal ? text(refusal) : troubleOf(failure));
  } finally {
    button.disabled = false;
  }
}

/** Says what is wrong, of which field where it is one. */
function showProblem(words: string, field = ""): void {
  for (const wrong of at("form").querySelectorAll("[aria-invalid]")) wrong.removeAttribute("aria-invalid");
  say(at("problem"), words);
  if (field === "") return;
  input(field).setAttribute("aria-invalid", "true");
  input(field).focus();
}

type Answer = Partial<Record<Exclude<Part["rows"], "generations">, Row[]>> & {
  generations?: { generation: number; list: Row[] }[];
  unknown?: string[];
  capacity?: number;
};

/** Of a chain all generations but the seeds. */
function rowsOf({ rows }: Part, answer: Answer): Row[] {
  if (rows !== "generations") return answer[rows] ?? [];
  const later = (answer.generations ?? []).filter(({ generation }) => generation > 0);
  return later.flatMap(({ generation, list }) => list.map((row) => ({ ...row, generation })));
}

let whom: Whom | null = null;

/** The questions whose answers name people to be ordered into quarantine. */
const NAMING = ["contacts", "chain", "stays", "passed"];

/** Under an answer that names people: quarantine for all of them, each once. */
function offerOrders(parts: Part[], asked: Asked, answers: Map<string, Answer>): void {
  const naming = parts.filter(({ rows }) => rows !== "stays");
  const found = naming.flatMap((part) => rowsOf(part, answers.get(part.kind ?? asked.kind) ?? {}));
  const count = new Set(found.map((row) => row.subject)).size;
  const isOffered = orders !== null && count > 0 && NAMING.includes(asked.kind);
  at("order-part").hidden = !isOffered;
  if (!isOffered) return;
  whom = { named: namedBy(asked), origin: originOf(asked) };
  at("order-all").textContent = text("order_all", { n: whole.format(count) });
}

/** Each part has a place of its own on the page: the first `#result`, the second `#beside`. */
function showAnswers(parts: Part[], asked: Asked, answers: Map<string, Answer>, ms: number): void {
  const places = ["", "beside-"];
  for (const [index, prefix] of places.entries()) {
    const part = parts[index];
    const kind = part?.kind ?? asked.kind;
    const answer = part && answers.get(kind);
    at(`${prefix}part`).hidden = !answer;
    if (part && answer) showPart(prefix, part, answer, `/api/v1${addressOf(asked, kind)}`, ms, `truyvet-${kind}.csv`);
  }
  const { cells = [], capacity } = (asked.kind === "occupancy" && answers.get(asked.kind)) || {};
  const bars = document.querySelector("#bars") as SVGSVGElement;
  const isDrawn = cells.length > 0 && cells.length <= BARS_MAX;
  bars.classList.toggle("gone", !isDrawn);
  const label = text("bars_label");
  if (isDrawn) drawBars(bars, cells as unknown as Cell[], capacity, label, (from) => clock.format(from));
  at("result").hidden = false;
}

function showPart(prefix: string, part: Part, answer: Answer, address: string, ms: number, file: string): void {
  const rows = rowsOf(part, answer);
  const counts = { n: whole.format(rows.length), ms: whole.format(Math.max(1, ms)) };
  const unknown = answer.unknown ? ` · ${text("unknown", { codes: answer.unknown.join(", ") })}` : "";
  at(`${prefix}summary`).textContent = text(part.summary, counts) + unknown;
  at<HTMLAnchorElement>(`${prefix}csv`).href = `${address}&format=csv`;
  at<HTMLAnchorElement>(`${prefix}csv`).download = file;
  showTable(at(`${prefix}part`), part, rows);
  at(`${prefix}more`).hidden = rows.length <= ROWS_SHOWN;
  at(`${prefix}more`).textContent = text("more", { n: whole.format(rows.length - ROWS_SHOWN) });
}

function showTable(place: HTMLElement, { columns }: Part, rows: Row[]): void {
  const table = place.querySelector("table") as HTMLTableElement;
  const heads = columns.map(([name, , kind]) => element("th", { scope: "col", class: kind ?? null }, name));
  table.tHead?.rows[0]?.replaceChildren(...heads);
  const lines = rows.slice(0, ROWS_SHOWN).map((row) => {
    return element("tr", {}, ...columns.map(([, value, kind]) => element("td", { class: kind ?? null }, value(row))));
  });
  table.tBodies[0]?.replaceChildren(...lines);
  (table.parentElement as HTMLElement).hidden = rows.length === 0;
}

interface Examples {
  subject: string;
  site: string;
  market?: string;
  from: number;
  to: number;
  hour_from: number;
  hour_to: number;
}

async function fillForm(): Promise<void> {
  const now = Date.now();
  input("from").value = local(now - 14 * 86_400_000);
  input("to").value = local(now);
  const examples = await call<Examples | Record<string, never>>("GET", "/examples").catch(() => null);
  if (!examples?.subject) return; // no demonstration
  const whole = { code: examples.subject, from: examples.from, to: examples.to };
  Object.assign(presets, { contacts: whole, chain: whole, stays: whole, trail: whole });
  presets["passed"] = presets["occupancy"] = { code: examples.market || examples.site, from: examples.hour_from, to: examples.hour_to };
  chooseQuestion();
}

// ---- small things --------------------------------------------------------------------------------

// What a datetime-local field holds: the wall clock here, to the second.
function local(value: number): string {
  const minutes = new Date(value).getTimezoneOffset();
  return new Date(value - minutes * 60_000).toISOString().slice(0, 19);
}

at("form").addEventListener("submit", (event) => void ask(event));
at("order-all").addEventListener("click", () => whom && orders?.open(whom));
at("form").addEventListener("change", (event) => {
  if ((event.target as HTMLInputElement).name === "question") chooseQuestion();
});
chooseQuestion();
void fillForm();
fetchSiteNames().catch(() => undefined);
const polling = setInterval(() => void poll(), 1000);
void poll();
void pollBusiest();
setInterval(() => void pollBusiest(), 10_000);
