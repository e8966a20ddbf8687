// The page /trace: live figures and questions to the engine.

import { at, element } from "../dom";
import { OrderDialog, type Whom } from "../quarantine/dialog";
import { showWork, startShell } from "../shell";
import { locale, text } from "../texts";

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const two = "2-digit";
const moments = new Intl.DateTimeFormat(locale, { day: two, month: two, year: "numeric", hour: two, minute: two, second: two });
const input = (id: string): HTMLInputElement => at<HTMLInputElement>(id);

/** Who may order quarantine. */
const ORDER = ["health", "epidemiologist"];
let orders: OrderDialog | null = null;

void startShell().then((me) => {
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
    const [status, ready] = await Promise.all([getJson<Status>("/api/v1/status"), fetch("/readyz")]);
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
    const isRefused = failure instanceof Refused;
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
  const { sites } = await getJson<{ sites: BusySite[] }>("/api/v1/busiest").catch(() => ({ sites: [] as BusySite[] }));
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
  from: string;
}

type Column = [name: string, value: (row: Row) => string, kind?: "number"];

interface Question {
  code: "subject" | "seed" | "site";
  rows: "contacts" | "scans" | "list" | "generations";
  summary: string;
  columns: Column[];
}

const ROWS_SHOWN = 200;
const time = (value: number): string => moments.format(new Date(value));
const gap = (ms: number): string =>
  ms >= 120_000 ? text("minutes", { n: whole.format(ms / 60_000) }) : text("seconds", { n: whole.format(ms / 1000) });
const DIRECTIONS: Record<string, string> = { pass: text("dir_pass"), in: text("dir_in"), out: text("dir_out") };
const QUESTIONS: Record<string, Question> = {
  contacts: {
    code: "subject", rows: "contacts", summary: "n_contacts",
    columns: [
      [text("col_subject"), (row) => row.subject],
      [text("col_events"), (row) => whole.format(row.events), "number"],
      [text("col_gap"), (row) => gap(row.min_gap_ms), "number"],
      [text("col_first"), (row) => time(row.first)],
      [text("col_last"), (row) => time(row.last)],
    ],
  },
  chain: {
    code: "seed", rows: "generations", summary: "n_chain",
    columns: [
      [text("col_generation"), (row) => `F${row.generation}`],
      [text("col_subject"), (row) => row.subject],
      [text("col_exposed"), (row) => time(row.exposed_at)],
      [text("col_from"), (row) => row.from],
      [text("col_site"), (row) => siteName(row.site)],
    ],
  },
  trail: {
    code: "subject", rows: "scans", summary: "n_trail",
    columns: [
      [text("col_at"), (row) => time(row.at)],
      [text("col_site"), (row) => siteName(row.site)],
      [text("col_direction"), (row) => DIRECTIONS[row.direction] ?? row.direction],
    ],
  },
  passed: {
    code: "site", rows: "list", summary: "n_passed",
    columns: [
      [text("col_subject"), (row) => row.subject],
      [text("col_scans"), (row) => whole.format(row.scans), "number"],
      [text("col_first"), (row) => time(row.first)],
      [text("col_last"), (row) => time(row.last)],
    ],
  },
};

// Names of sites, where there are few enough to fetch them all.
const SITES_NAMED_MAX = 2000;
const siteNames = new Map<string, string>();

function siteName(site: string): string {
  return siteNames.has(site) ? `${siteNames.get(site)} · ${site}` : site;
}

async function fetchSiteNames(): Promise<void> {
  const status = await getJson<Status>("/api/v1/status");
  if (status.engine.sites > SITES_NAMED_MAX) return;
  for (const { site, name } of await getJson<{ site: string; name?: string }[]>("/api/v1/sites")) {
    if (name) siteNames.set(site, name);
  }
}

// What is in the form for each question until somebody writes something else.
const presets: Record<string, { code: string; from: number; to: number }> = {};

function asked(): string {
  return document.querySelector<HTMLInputElement>("input[name=question]:checked")?.value ?? "contacts";
}

function question(): Question {
  return QUESTIONS[asked()] as Question;
}

function chooseQuestion(): void {
  const hasWindow = ["contacts", "chain"].includes(asked());
  const isChain = asked() === "chain";
  at("code-label").textContent = text(question().code === "site" ? "site_code" : "subject_code");
  at("window-field").hidden = !hasWindow;
  input("window").disabled = !hasWindow;
  at("generations-field").hidden = !isChain;
  input("generations").disabled = !isChain;
  const preset = presets[asked()];
  if (!preset) return;
  input("code").value = preset.code;
  input("from").value = local(preset.from);
  input("to").value = local(preset.to);
}

async function ask(event: Event): Promise<void> {
  event.preventDefault();
  const kind = asked();
  const parameters = new URLSearchParams({
    [question().code]: input("code").value,
    from: new Date(input("from").value).toISOString(),
    to: new Date(input("to").value).toISOString(),
  });
  if (!input("window").disabled) parameters.set("window", `${input("window").value}m`);
  if (!input("generations").disabled) parameters.set("generations", input("generations").value);
  const address = `/api/v1/trace/${kind}?${parameters}`;
  const button = at("form").querySelector("button") as HTMLButtonElement;
  button.disabled = true;
  at("problem").hidden = true;
  try {
    const began = performance.now();
    const answer = await getJson<Answer>(address);
    showAnswer(question(), answer, performance.now() - began, address);
    offerOrders(kind, parameters, rowsOf(question(), answer).length);
  } catch (problem) {
    at("result").hidden = true;
    at("problem").textContent = problem instanceof Error ? problem.message : text("failed");
    at("problem").hidden = false;
  } finally {
    button.disabled = false;
  }
}

interface Answer {
  contacts?: Row[];
  scans?: Row[];
  list?: Row[];
  generations?: { generation: number; list: Row[] }[];
  unknown?: string[];
}

/** Of a chain all generations but the seeds. */
function rowsOf({ rows }: Question, answer: Answer): Row[] {
  if (rows !== "generations") return answer[rows] ?? [];
  const later = (answer.generations ?? []).filter(({ generation }) => generation > 0);
  return later.flatMap(({ generation, list }) => list.map((row) => ({ ...row, generation })));
}

let whom: Whom | null = null;

/** Under an answer that names people whom somebody met: quarantine for all of them. */
function offerOrders(kind: string, parameters: URLSearchParams, count: number): void {
  const isOffered = orders !== null && count > 0 && (kind === "contacts" || kind === "chain");
  at("order-part").hidden = !isOffered;
  if (!isOffered) return;
  const { from, to, ...others } = Object.fromEntries(parameters);
  const origin = [kind, ...Object.entries(others).map(([name, value]) => `${name} ${value}`), `${from} – ${to}`].join(", ");
  whom = { what: kind as Whom["what"], question: Object.fromEntries(parameters), origin: origin.slice(0, ORIGIN_CHARS_MAX) };
  at("order-all").textContent = text("order_all", { n: whole.format(count) });
}

const ORIGIN_CHARS_MAX = 300;

function showAnswer(kind: Question, answer: Answer, ms: number, address: string): void {
  const rows = rowsOf(kind, answer);
  const counts = { n: whole.format(rows.length), ms: whole.format(Math.max(1, ms)) };
  const unknown = answer.unknown ? ` · ${text("unknown", { codes: answer.unknown.join(", ") })}` : "";
  at("summary").textContent = text(kind.summary, counts) + unknown;
  at<HTMLAnchorElement>("csv").href = `${address}&format=csv`;
  at<HTMLAnchorElement>("csv").download = `truyvet-${asked()}.csv`;
  showTable(kind, rows);
  at("more").hidden = rows.length <= ROWS_SHOWN;
  at("more").textContent = text("more", { n: whole.format(rows.length - ROWS_SHOWN) });
  at("result").hidden = false;
}

function showTable({ columns }: Question, rows: Row[]): void {
  const table = at("result").querySelector("table") as HTMLTableElement;
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
  const examples = await getJson<Examples | Record<string, never>>("/api/v1/examples").catch(() => null);
  if (!examples?.subject) return; // no demonstration
  const whole = { code: examples.subject, from: examples.from, to: examples.to };
  Object.assign(presets, { contacts: whole, chain: whole, trail: whole });
  presets["passed"] = { code: examples.market || examples.site, from: examples.hour_from, to: examples.hour_to };
  chooseQuestion();
}

// ---- small things --------------------------------------------------------------------------------

/** The server does not answer this caller. */
class Refused extends Error {}

async function getJson<T>(address: string): Promise<T> {
  const response = await fetch(address);
  if (response.ok) return (await response.json()) as T;
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  const Failure = [401, 403].includes(response.status) ? Refused : Error;
  throw new Failure(problem.detail || text("failed"));
}

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
