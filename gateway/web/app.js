// Live figures and the question form. Everything comes from the server that gave the page.
"use strict";

const TEXTS = JSON.parse(document.getElementById("texts").textContent);
const text = (name, values = {}) => TEXTS[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
const locale = TEXTS.lang === "vi" ? "vi-VN" : "en-GB";
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const two = "2-digit";
const moment = new Intl.DateTimeFormat(locale, { day: two, month: two, year: "numeric", hour: two, minute: two, second: two });
const at = id => document.getElementById(id);

document.querySelector(`nav a[lang="${TEXTS.lang}"]`).setAttribute("aria-current", "true");
at("zone").textContent = text("zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone });

// ---- live figures --------------------------------------------------------------------------------

const SAMPLES = 120;
const SAMPLES_SHOWN_MIN = 30;
const rates = [];
let previous = null;

async function poll() {
  if (document.hidden) return;
  try {
    const [status, ready] = await Promise.all([getJson("/api/v1/status"), fetch("/readyz")]);
    const now = { at: performance.now(), scans: status.engine.scans_taken };
    if (previous) {
      const seconds = (now.at - previous.at) / 1000;
      // Just after loading the page a poll may follow the one before at once: that is no sample.
      if (seconds > 0.5) rates.push(Math.max(0, (now.scans - previous.scans) / seconds));
      if (rates.length > SAMPLES) rates.shift();
      // Devices send in batches: the number is that of the last few seconds, the line shows each.
      const recent = rates.slice(-5);
      at("rate").textContent = whole.format(recent.reduce((sum, rate) => sum + rate, 0) / Math.max(1, recent.length));
      if (rates.length > 0) drawSpark();
    }
    previous = now;
    at("total-scans").textContent = whole.format(status.engine.scans);
    at("total-subjects").textContent = whole.format(status.engine.subjects);
    at("total-sites").textContent = whole.format(status.engine.sites);
    at("total-devices").textContent = whole.format(status.engine.devices);
    showState(ready.ok ? "good" : "bad", text(ready.ok ? "ready" : "not_ready"));
  } catch {
    previous = null;
    showState("bad", text("offline"));
  }
}

function showState(kind, words) {
  const state = at("state");
  // A status that says the same again would be read out again.
  if (state.textContent !== words) state.textContent = words;
  state.className = `state ${kind}`;
}

function drawSpark() {
  const [width, height, top] = [240, 48, Math.max(1, ...rates)];
  const step = width / (Math.max(SAMPLES_SHOWN_MIN, rates.length) - 1);
  const left = width - (rates.length - 1) * step;
  const points = rates.map((rate, i) => `${(left + i * step).toFixed(1)},${(height - 2 - (height - 6) * rate / top).toFixed(1)}`);
  const line = `M${points.join("L")}`;
  at("spark").querySelector(".line").setAttribute("d", line);
  at("spark").querySelector(".area").setAttribute("d", `${line}L${width},${height}L${left.toFixed(1)},${height}Z`);
}

async function pollBusiest() {
  if (document.hidden) return;
  const { sites } = await getJson("/api/v1/busiest").catch(() => ({ sites: [] }));
  const most = sites.length ? sites[0].scans : 1;
  at("busiest").replaceChildren(...sites.map(site => {
    const item = element("li");
    const bar = element("span", "bar");
    bar.style.width = `${100 * site.scans / most}%`;
    const name = element("span", "site", site.name || site.site);
    if (site.name) name.append(element("small", "", site.site));
    item.append(bar, name, element("span", "count", whole.format(site.scans)));
    return item;
  }));
  at("busiest-none").hidden = sites.length > 0;
}

// ---- questions -----------------------------------------------------------------------------------

const ROWS_SHOWN = 200;
const time = value => moment.format(new Date(value));
const gap = ms => ms >= 120000 ? text("minutes", { n: whole.format(ms / 60000) }) : text("seconds", { n: whole.format(ms / 1000) });
const DIRECTIONS = { pass: text("dir_pass"), in: text("dir_in"), out: text("dir_out") };
const QUESTIONS = {
  contacts: {
    code: "subject", rows: "contacts", summary: counts => text("n_contacts", counts),
    columns: [
      [text("col_subject"), row => row.subject],
      [text("col_events"), row => whole.format(row.events), "number"],
      [text("col_gap"), row => gap(row.min_gap_ms), "number"],
      [text("col_first"), row => time(row.first)],
      [text("col_last"), row => time(row.last)],
    ],
  },
  trail: {
    code: "subject", rows: "scans", summary: counts => text("n_trail", counts),
    columns: [
      [text("col_at"), row => time(row.at)],
      [text("col_site"), row => siteNames.has(row.site) ? `${siteNames.get(row.site)} · ${row.site}` : row.site],
      [text("col_direction"), row => DIRECTIONS[row.direction] || row.direction],
    ],
  },
  passed: {
    code: "site", rows: "list", summary: counts => text("n_passed", counts),
    columns: [
      [text("col_subject"), row => row.subject],
      [text("col_scans"), row => whole.format(row.scans), "number"],
      [text("col_first"), row => time(row.first)],
      [text("col_last"), row => time(row.last)],
    ],
  },
};

// Names of sites, where there are few enough to fetch them all.
const SITES_NAMED_MAX = 2000;
const siteNames = new Map();

async function fetchSiteNames() {
  const status = await getJson("/api/v1/status");
  if (status.engine.sites > SITES_NAMED_MAX) return;
  for (const { site, name } of await getJson("/api/v1/sites")) if (name) siteNames.set(site, name);
}

// What is in the form for each question until somebody writes something else.
const presets = {};
const asked = () => document.querySelector("input[name=question]:checked").value;

function chooseQuestion() {
  const question = asked();
  at("code-label").textContent = text(QUESTIONS[question].code === "site" ? "site_code" : "subject_code");
  at("window-field").hidden = question !== "contacts";
  at("window").disabled = question !== "contacts";
  const preset = presets[question];
  if (preset) {
    at("code").value = preset.code;
    at("from").value = local(preset.from);
    at("to").value = local(preset.to);
  }
}

async function ask(event) {
  event.preventDefault();
  const kind = asked();
  const question = QUESTIONS[kind];
  const parameters = new URLSearchParams({
    [question.code]: at("code").value,
    from: new Date(at("from").value).toISOString(),
    to: new Date(at("to").value).toISOString(),
  });
  if (kind === "contacts") parameters.set("window", `${at("window").value}m`);
  const address = `/api/v1/trace/${kind}?${parameters}`;
  const button = at("form").querySelector("button");
  button.disabled = true;
  at("problem").hidden = true;
  try {
    const began = performance.now();
    const answer = await getJson(address);
    showAnswer(question, answer, performance.now() - began, address);
  } catch (problem) {
    at("result").hidden = true;
    at("problem").textContent = problem.message || text("failed");
    at("problem").hidden = false;
  } finally {
    button.disabled = false;
  }
}

function showAnswer(question, answer, ms, address) {
  const rows = answer[question.rows];
  const counts = { n: whole.format(rows.length), ms: whole.format(Math.max(1, ms)) };
  const unknown = answer.unknown ? ` · ${text("unknown", { codes: answer.unknown.join(", ") })}` : "";
  at("summary").textContent = question.summary(counts) + unknown;
  at("csv").href = `${address}&format=csv`;
  at("csv").download = `truyvet-${asked()}.csv`;
  const table = at("result").querySelector("table");
  table.tHead.rows[0].replaceChildren(...question.columns.map(([name, , kind]) => {
    const cell = element("th", kind || "", name);
    cell.scope = "col";
    return cell;
  }));
  table.tBodies[0].replaceChildren(...rows.slice(0, ROWS_SHOWN).map(row => {
    const line = element("tr");
    line.append(...question.columns.map(([, value, kind]) => element("td", kind || "", value(row))));
    return line;
  }));
  table.parentElement.hidden = rows.length === 0;
  at("more").hidden = rows.length <= ROWS_SHOWN;
  at("more").textContent = text("more", { n: whole.format(rows.length - ROWS_SHOWN) });
  at("result").hidden = false;
}

async function fillForm() {
  const now = Date.now();
  at("from").value = local(now - 14 * 86400000);
  at("to").value = local(now);
  const examples = await getJson("/api/v1/examples").catch(() => null);
  if (!examples) return;
  presets.contacts = { code: examples.subject, from: examples.from, to: examples.to };
  presets.trail = presets.contacts;
  presets.passed = { code: examples.market || examples.site, from: examples.hour_from, to: examples.hour_to };
  chooseQuestion();
}

// ---- small things --------------------------------------------------------------------------------

async function getJson(address) {
  const response = await fetch(address);
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Error(problem.detail || text("failed"));
}

function element(name, kind = "", words = "") {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (words) made.textContent = words;
  return made;
}

// What a datetime-local field holds: the wall clock here, to the second.
function local(value) {
  const instant = new Date(value);
  return new Date(instant - instant.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}

at("form").addEventListener("submit", ask);
at("form").addEventListener("change", event => { if (event.target.name === "question") chooseQuestion(); });
chooseQuestion();
fillForm();
fetchSiteNames().catch(() => {});
poll();
pollBusiest();
setInterval(poll, 1000);
setInterval(pollBusiest, 10000);
