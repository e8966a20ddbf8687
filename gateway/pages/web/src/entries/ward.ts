// The page /ward: who leaves the area and who comes, as it happens, for its officials.

import { call } from "../api";
import { AreaField } from "../area-field";
import { learnPath } from "../areas";
import type { AccountSession } from "../contract";
import { localTime } from "../country-time";
import { at, element, say, show } from "../dom";
import { readValues } from "../fields";
import { clearFlaws, showFlaws } from "../flaws";
import { moment } from "../format";
import { boundsOf, heard, mayArrive, type Notice, type Wanted } from "../notices";
import type { OrderRow } from "../quarantine/contract";
import { language, text } from "../texts";
import { troubleOf } from "../trouble";
import { startWork } from "../work";

/** Who is told of journeys. */
const TOLD = ["ward", "health", "epidemiologist"];
const which = at<HTMLFormElement>("which");
const field = new AreaField(which.querySelector(".area-field") as HTMLElement);

let account: AccountSession | null = null;
let notices: Notice[] = [];
let next: string | undefined;
let live: EventSource | null = null;
/** Counts what was asked: an answer to an earlier question is not shown. */
let asked = 0;

void start();

async function start(): Promise<void> {
  const me = await startWork(TOLD);
  if (me === null) return;
  account = me;
  at<HTMLInputElement>("day").value = localTime(Date.now()).slice(0, 10);
  // A ward has nothing below it to choose.
  show(at("area").closest(".field") as HTMLElement, me.role !== "ward");
  if (me.area) {
    learnPath(me.area, me.area_name ?? me.area);
    await field.choose(me.area);
  }
  which.addEventListener("change", () => void ask());
  which.addEventListener("submit", (event) => event.preventDefault());
  at("more").addEventListener("click", () => void more());
  at("export").addEventListener("submit", (event) => {
    event.preventDefault();
    download();
  });
  addEventListener("pagehide", () => live?.close());
  await ask();
}

// ---- asking --------------------------------------------------------------------------------------

function wanted(): Wanted {
  const { side, state } = readValues(which);
  return { side, state } as Wanted;
}

function area(): string {
  return field.code || account?.area || "";
}

function query(before?: string): string {
  const { side, state } = wanted();
  const given = { area: area(), side, state, before: before ?? "" };
  return new URLSearchParams(Object.entries(given).filter(([, value]) => value !== "")).toString();
}

/** Shows what there is, and listens for more: the ear comes first, so that nothing falls between. */
async function ask(): Promise<void> {
  if (area() === "") return say(at("live"), text("choose_area"));
  listen();
  await load();
}

async function load(before?: string): Promise<void> {
  const own = ++asked;
  try {
    const found = await call<{ notices: Notice[]; next?: string }>("GET", `/notices?${query(before)}`);
    if (own !== asked) return;
    clearFlaws();
    next = found.next;
    notices = before ? [...notices, ...found.notices] : found.notices;
    showNotices();
  } catch (failure) {
    if (own === asked) showFlaws([], troubleOf(failure));
  }
}

function more(): Promise<void> {
  return load(next);
}

/** Hears what happens. The browser connects again by itself; what happened meanwhile is asked then. */
function listen(): void {
  live?.close();
  const source = new EventSource(`/api/v1/notices/live?${new URLSearchParams({ area: area() })}`);
  live = source;
  let wasOpen = false;
  source.addEventListener("open", () => {
    say(at("live"), text("live"));
    if (wasOpen) void load();
    wasOpen = true;
  });
  source.addEventListener("error", () => say(at("live"), text("not_live")));
  source.addEventListener("missed", () => void load());
  source.addEventListener("breached", ({ data }: MessageEvent<string>) => showBreach(JSON.parse(data) as OrderRow));
  for (const what of ["declared", "passed", "arrived", "revoked"]) {
    source.addEventListener(what, ({ data }: MessageEvent<string>) => {
      notices = heard(notices, wanted(), JSON.parse(data) as Notice);
      showNotices();
    });
  }
}

/** Somebody in quarantine was seen elsewhere. */
function showBreach({ order, subject, last_breach }: OrderRow): void {
  if (!last_breach) return;
  const link = at<HTMLAnchorElement>("alarm-link");
  link.textContent = text("alarm", { subject, site: last_breach.site_name, at: moment(last_breach.at) });
  link.search = new URLSearchParams({ order, lang: language }).toString();
  show(at("alarm"));
}

// ---- showing -------------------------------------------------------------------------------------

function showNotices(): void {
  const focused = document.activeElement?.id ?? "";
  at("notices").replaceChildren(...notices.map(row));
  document.getElementById(focused)?.focus();
  show(at("none"), notices.length === 0);
  show(at("more"), next !== undefined);
}

function row(notice: Notice): HTMLLIElement {
  const { declaration, from, to, side, state, last, arrival } = notice;
  const facts = [
    text("departs", { at: moment(notice.departs_at) }),
    notice.companions > 0 ? text("with", { n: notice.companions }) : "",
    notice.off_route ? text("off_route", { n: notice.off_route }) : "",
    last ? text("last_seen", { site: last.site_name, at: moment(last.at), n: notice.passages }) : "",
    arrival ? text("arrived_at", { at: moment(arrival.at), by: arrival.by }) : "",
  ];
  const actions = element("span", { class: "actions" });
  if (mayArrive(notice)) actions.append(arriveButton(declaration));
  const desk = `/desk?${new URLSearchParams({ pass: notice.pass, lang: language })}`;
  actions.append(element("a", { class: "button secondary", id: `who-${declaration}`, href: desk }, text("who")));
  return element(
    "li",
    { "data-declaration": declaration },
    element("span", { class: `state journey ${state}` }, `${text(`side_${side}`)} · ${text(`journey_${state}`)}`),
    element("strong", {}, `${from.name} → ${to.name}`),
    element("span", { class: "note" }, facts.filter(Boolean).join(" · ")),
    element("span", { class: "note" }, text("pass", { pass: notice.pass })),
    actions,
  );
}

function arriveButton(declaration: string): HTMLButtonElement {
  const button = element("button", { type: "button", id: `arrived-${declaration}` }, text("arrive"));
  button.addEventListener("click", () => {
    button.disabled = true;
    call("POST", `/notices/${declaration}/arrival`)
      .then(() => load())
      .catch((failure: unknown) => showFlaws([], troubleOf(failure)))
      .finally(() => (button.disabled = false));
  });
  return button;
}

// ---- the file of a day ---------------------------------------------------------------------------

function download(): void {
  const bounds = boundsOf(at<HTMLInputElement>("day").value);
  if (bounds === null) return showFlaws([{ field: "day", code: "missing" }], text("flaws_lead"));
  const given = { area: area(), from: String(bounds.from), to: String(bounds.to) };
  location.assign(`/api/v1/notices/digest?${new URLSearchParams(given)}`);
}
