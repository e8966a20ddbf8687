// A table: chosen or dropped, its columns told, looked at, sent, and what became of its rows.

import { call, Problem } from "../api";
import { at, element, say, show } from "../dom";
import { showFlaws } from "../flaws";
import { hasText, language, text } from "../texts";
import { troubleOf } from "../trouble";
import { showBatches } from "./print";

interface RowFlaw {
  row: number;
  column?: string;
  field?: string;
  code: string;
  candidates?: { code: string; name: string; path: string }[];
}

interface Preview {
  sheets: string[];
  /** 0: there is none. */
  header_row: number;
  header: { column: string; name: string }[];
  columns: Record<string, string>;
  remembered: boolean;
  missing: string[];
  rows: number;
  good: number;
  bad: number;
  first: { row: number; fields: Record<string, string>; flaws: RowFlaw[] }[];
  flaws: RowFlaw[];
}

interface Upload {
  upload: string;
  state: "running" | "done" | "stopped";
  rows: number;
  accepted: number;
  was_there: number;
  refused: number;
  sheets: number;
  flaws: RowFlaw[];
}

const input = at<HTMLInputElement>("file");
const drop = at("drop");
let file: Blob | null = null;
let preview: Preview | null = null;
let columns: Record<string, string> | null = null;
/** What was told for all rows when the table was looked at last; `null` where that failed. */
let lookedWith: string | null = null;
let asking = new AbortController();
/** The upload whose progress is shown: answers about one before it come too late. */
let followed = "";
let of: TableOf = { address: "", preview: "", fields: [], shown: [], kept: "", onUpload: () => undefined, given: () => ({}) };

/** What a table is of, and where it is sent. */
export interface TableOf {
  /** Where it is sent, and where it is looked at before, below /api/v1. */
  address: string;
  preview: string;
  /** Its fields, in the order in which people fill them in. */
  fields: string[];
  /** What of a row is shown before it is sent. */
  shown: string[];
  /** An upload that was looked at before. */
  kept: string;
  onUpload: (upload: string) => void;
  /** What is told once for all rows, as parameters; `null` where something is missing, which was told. */
  given: () => Record<string, string> | null;
}

/** Starts the part. */
export function startTable(table: TableOf): void {
  of = table;
  for (const field of of.shown) at("first-head").append(element("th", { scope: "col" }, text(`field_${field}`)));
  input.addEventListener("change", () => void take(input.files?.[0]));
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
    });
  }
  drop.addEventListener("drop", (event) => void take((event as DragEvent).dataTransfer?.files[0]));
  at("sheet").addEventListener("change", () => {
    columns = null;
    void look();
  });
  at("accept-mismatches").addEventListener("change", () => void look());
  at("send-table").addEventListener("click", () => void send());
  if (of.kept !== "") void follow(of.kept);
}

/** Looks again where what is told for all rows has changed. */
export function lookAgain(): void {
  if (lookedWith !== JSON.stringify(of.given())) void look();
}

/** Holds the file as it is now: it may be changed on disk before it is sent. */
async function take(chosen: File | undefined): Promise<void> {
  if (!chosen) return;
  input.value = "";
  if (chosen.size > FILE_BYTES_MAX) return fail(text("table_too_large"));
  at("file-name").textContent = chosen.name;
  [file, columns, preview] = [new Blob([await chosen.arrayBuffer()]), null, null];
  at<HTMLSelectElement>("sheet").value = "0";
  show(at("result"), false);
  await look();
}

// ---- looking at it -------------------------------------------------------------------------------

async function look(): Promise<void> {
  if (!file) return;
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const given = of.given();
  lookedWith = given && JSON.stringify(given);
  if (given === null) return fail("");
  say(at("table-said"), text("reading"));
  const asked = new URLSearchParams({ ...given, sheet: at<HTMLSelectElement>("sheet").value || "0", accept_mismatches: String(accepts()) });
  if (columns) asked.set("columns", mapping());
  try {
    preview = await call<Preview>("POST", `${of.preview}?${asked}`, { file, signal });
    columns = preview.columns;
    showPreview(preview);
  } catch (failure) {
    if (signal.aborted) return;
    lookedWith = null;
    fail(troubleWith(failure));
  }
}

function showPreview(found: Preview): void {
  say(at("table-said"), "");
  show(at("preview"));
  const sheet = at<HTMLSelectElement>("sheet");
  const chosen = sheet.value || "0";
  sheet.replaceChildren(...found.sheets.map((name, i) => element("option", { value: String(i) }, name)));
  sheet.value = chosen;
  show(at("sheet-field"), found.sheets.length > 1);
  const about = found.header_row === 0 ? "columns_unnamed" : found.remembered ? "columns_remembered" : "columns_guessed";
  at("columns-about").textContent = text(about, { row: found.header_row });
  at("columns").replaceChildren(...found.header.map(columnRow));
  const missing = found.missing.map((field) => text(`field_${field}`)).join(", ");
  say(at("missing"), missing === "" ? "" : text("columns_missing", { fields: missing }));
  show(at("looked"), found.missing.length === 0);
  at("counts").textContent = text("counts", { rows: found.rows, good: found.good, bad: found.bad });
  at("first-rows").replaceChildren(...found.first.map(firstRow));
  showFlawRows(at("preview-flaws"), found.flaws);
  show(at("preview-flaws-part"), found.flaws.length > 0);
  const button = at<HTMLButtonElement>("send-table");
  button.textContent = text("send_table", { n: found.good });
  button.disabled = found.missing.length > 0 || found.good === 0;
}

function columnRow({ column, name }: { column: string; name: string }): HTMLTableRowElement {
  const id = `column-${column}`;
  const select = element("select", { id });
  select.append(element("option", { value: "" }, text("column_none")));
  for (const field of of.fields) select.append(element("option", { value: field }, text(`field_${field}`)));
  select.value = Object.keys(columns ?? {}).find((field) => columns?.[field] === column) ?? "";
  select.addEventListener("change", () => choose(column, select.value));
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, column),
    element("td", {}, element("label", { for: id }, name || "–")),
    element("td", {}, select),
  );
}

/** A field has one column, and a column one field. */
function choose(column: string, field: string): void {
  const others = Object.entries(columns ?? {}).filter(([other, of]) => other !== field && of !== column);
  columns = Object.fromEntries(field === "" ? others : [...others, [field, column]]);
  void look();
}

function mapping(): string {
  return Object.entries(columns ?? {}).map(([field, column]) => `${field}:${column}`).join(",");
}

function accepts(): boolean {
  return at<HTMLInputElement>("accept-mismatches").checked;
}

function firstRow({ row, fields, flaws }: Preview["first"][number]): HTMLTableRowElement {
  const number = element("th", { scope: "row" }, String(row));
  if (flaws.length > 0) {
    const words = flaws.map((flaw) => `${placeOf(flaw)} ${wordsOf(flaw)}`).join("; ");
    return element("tr", { class: "bad-row" }, number, element("td", { colspan: String(of.shown.length) }, words));
  }
  return element("tr", {}, number, ...of.shown.map((field) => element("td", {}, shown(field, fields[field] ?? ""))));
}

function shown(field: string, value: string): string {
  if (field === "sex") return text(`sex_${value}`);
  const date = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d:\d\d))?$/.exec(value);
  return date ? [`${date[3]}/${date[2]}/${date[1]}`, date[4] ?? ""].filter(Boolean).join(" ") : value;
}

function showFlawRows(body: HTMLElement, flaws: RowFlaw[]): void {
  const row = (flaw: RowFlaw): HTMLTableRowElement => {
    const areas = (flaw.candidates ?? []).map((area) => `${[area.name, area.path].filter(Boolean).join(", ")} (${area.code})`);
    const words = element("td", {}, wordsOf(flaw));
    if (areas.length > 0) words.append(element("p", { class: "note" }, areas.join(" · ")));
    return element("tr", {}, element("th", { scope: "row" }, String(flaw.row)), element("td", {}, placeOf(flaw)), words);
  };
  body.replaceChildren(...flaws.map(row));
}

function placeOf(flaw: RowFlaw): string {
  const field = flaw.field && hasText(`field_${flaw.field}`) ? text(`field_${flaw.field}`) : "";
  return [flaw.column ?? "", field].filter(Boolean).join(" · ");
}

function wordsOf(flaw: RowFlaw): string {
  return text(hasText(`wrong_${flaw.code}`) ? `wrong_${flaw.code}` : `flaw_${flaw.code}`);
}

// ---- sending it ----------------------------------------------------------------------------------

async function send(): Promise<void> {
  if (!file || !preview) return;
  const given = of.given();
  if (given === null) return;
  // What was to be seen before it is sent could not be.
  if (lookedWith !== JSON.stringify(given)) return look();
  asking.abort();
  const sent = file;
  const button = at<HTMLButtonElement>("send-table");
  button.disabled = true;
  say(at("table-said"), text("sending"));
  const asked = new URLSearchParams({
    ...given,
    columns: mapping(),
    sheet: at<HTMLSelectElement>("sheet").value || "0",
    document_seen: String(at<HTMLInputElement>("table-seen").checked),
    accept_mismatches: String(accepts()),
  });
  try {
    const begun = await call<Upload>("POST", `${of.address}?${asked}`, { file: sent });
    of.onUpload(begun.upload);
    say(at("table-said"), "");
    // Unless another was chosen meanwhile.
    if (file === sent) [file, preview] = [null, null];
    show(at("preview"), preview !== null);
    await follow(begun.upload);
  } catch (failure) {
    fail(troubleWith(failure));
    button.disabled = false;
  }
}

/** Shows how far it is until it has ended or another is followed; a network that fails for a while is waited for. */
async function follow(id: string): Promise<void> {
  followed = id;
  while (followed === id) {
    const upload = await askUpload(id);
    if (followed !== id) return;
    if (upload === "gone") {
      of.onUpload("");
      return show(at("result"), false);
    }
    if (upload !== "unreachable") showUpload(upload);
    if (upload !== "unreachable" && upload.state !== "running") return;
    await new Promise((wake) => setTimeout(wake, ASK_AGAIN_MS));
  }
}

function askUpload(id: string): Promise<Upload | "gone" | "unreachable"> {
  return call<Upload>("GET", `/paper/uploads/${encodeURIComponent(id)}`).catch((failure: unknown) => {
    return failure instanceof Problem && failure.status < 500 ? "gone" : "unreachable";
  });
}

function showUpload(upload: Upload): void {
  show(at("result"));
  const bar = at<HTMLProgressElement>("rows-done");
  bar.max = Math.max(1, upload.rows);
  bar.value = upload.accepted + upload.was_there + upload.refused;
  const { rows, accepted, was_there, refused } = upload;
  at("result-state").textContent = text(`upload_${upload.state}`);
  at("result-counts").textContent = text("upload_counts", { rows, accepted, was_there, refused });
  const hasEnded = upload.state !== "running";
  show(at("result-flaws-part"), upload.flaws.length > 0);
  showFlawRows(at("result-flaws"), upload.flaws);
  const link = at<HTMLAnchorElement>("refused");
  link.href = `/api/v1/paper/uploads/${upload.upload}/refused.csv?lang=${language}`;
  show(link, hasEnded && refused > 0);
  showBatches(at("print-upload"), `/paper/uploads/${upload.upload}/sheets/{sheet}`, upload.sheets);
}

/** What the columns are, and what was seen of the table, stays: it can be tried again. */
function fail(words: string): void {
  show(at("preview"), preview !== null);
  say(at("table-said"), words);
}

function troubleWith(failure: unknown): string {
  if (!(failure instanceof Problem)) return text("unreachable");
  if (failure.kind === "busy") return text("table_busy");
  if (failure.flaws.length > 0) {
    showFlaws(failure.flaws.map((flaw) => ({ ...flaw, field: `crossing.${GIVEN[flaw.field] ?? flaw.field}` })), text("flaws_lead"));
    return "";
  }
  if (failure.status === 413) return text("table_too_large");
  if (failure.status === 400) return text("table_unreadable");
  return troubleOf(failure);
}

/** Where the page has what is told once under another name than the parameters. */
const GIVEN: Record<string, string> = { facility: "quarantine.facility", days: "quarantine.until" };
const FILE_BYTES_MAX = 32 * 1024 * 1024;
const ASK_AGAIN_MS = 500;
