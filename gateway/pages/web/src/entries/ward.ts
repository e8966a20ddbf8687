// The page /ward: who leaves the area and who comes, as it happens, for its officials.

import { call } from "../api";
import { AreaField } from "../area-field";
import { learnPath } from "../areas";
import type { AccountSession } from "../contract";
import { localTime } from "../country-time";
import { at, element, show } from "../dom";
import { readValues } from "../fields";
import { clearFlaws, showFlaws } from "../flaws";
import { moment } from "../format";
import { LiveList, type Page } from "../live-list";
import { LivePage } from "../live-page";
import { boundsOf, heard, inOrder, mayArrive, type Notice, type Wanted } from "../notices";
import { raiseAlarm } from "../quarantine/alarms";
import type { OrderRow } from "../quarantine/contract";
import { language, text } from "../texts";
import { troubleOf } from "../trouble";
import { startWork } from "../work";

/** Who is told of journeys. */
const TOLD = ["ward", "health", "epidemiologist"];
const which = at<HTMLFormElement>("which");
const field = new AreaField(which.querySelector(".area-field") as HTMLElement);

const notices = new LiveList<Notice>({ page, inOrder, heard: (rows, fresh) => heard(rows, wanted(), fresh), show: showNotices });
const live = new LivePage(notices);

let account: AccountSession | null = null;

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
  at("more").addEventListener("click", () => void attempt(() => notices.more()));
  at("export").addEventListener("submit", (event) => {
    event.preventDefault();
    download();
  });
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

/** Shows what there is, and listens for more. */
async function ask(): Promise<void> {
  if (area() === "") return live.stop(text("choose_area"));
  const hear = (data: string): void => notices.hear(JSON.parse(data) as Notice);
  live.listen(`/api/v1/notices/live?${new URLSearchParams({ area: area() })}`, {
    declared: hear, passed: hear, arrived: hear, revoked: hear,
    breached: (data) => showBreach(JSON.parse(data) as OrderRow),
  });
  await attempt(() => notices.load());
}

async function attempt(act: () => Promise<void>): Promise<void> {
  clearFlaws();
  await act().catch((failure: unknown) => showFlaws([], troubleOf(failure)));
}

async function page(limit: number, before = ""): Promise<Page<Notice>> {
  const given = Object.entries({ area: area(), ...wanted(), limit: String(limit), before }).filter(([, value]) => value !== "");
  const found = await call<{ notices: Notice[]; next?: string }>("GET", `/notices?${new URLSearchParams(given)}`);
  return { rows: found.notices, next: found.next };
}

/** Somebody in quarantine was seen elsewhere. */
function showBreach(row: OrderRow): void {
  const address = `/quarantine?${new URLSearchParams({ order: row.order, lang: language })}`;
  raiseAlarm(row, (words) => [element("a", { href: address }, words)]);
}

// ---- showing -------------------------------------------------------------------------------------

function showNotices(notices: readonly Notice[], hasMore: boolean): void {
  const focused = document.activeElement?.id ?? "";
  at("notices").replaceChildren(...notices.map(row));
  if (focused !== "" && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
  show(at("none"), notices.length === 0);
  show(at("more"), hasMore);
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
    void attempt(async () => {
      await call("POST", `/notices/${declaration}/arrival`);
      await notices.again();
    }).finally(() => (button.disabled = false));
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
