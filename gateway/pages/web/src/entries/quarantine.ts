// The page /quarantine: orders of an area for its officials, the broken ones first, as it happens; each with its
// diary, and for those who may, its end and another place, and an order for one person more.

import { call } from "../api";
import { AreaField } from "../area-field";
import { learnPath } from "../areas";
import type { AccountSession } from "../contract";
import { at, element, say, show } from "../dom";
import { readValues } from "../fields";
import { clearFlaws, showFlaws } from "../flaws";
import { LIMIT_MAX, LiveList, type Page } from "../live-list";
import { LivePage } from "../live-page";
import { quietAlarm, raiseAlarm } from "../quarantine/alarms";
import type { Order, OrderRow } from "../quarantine/contract";
import { OrderDialog } from "../quarantine/dialog";
import { DiaryForm } from "../quarantine/diary";
import { fillFacilities } from "../quarantine/facilities";
import { heard, inOrder, type Wanted } from "../quarantine/rules";
import { classOf, entryItem, linesOf, rowOf, seenItem } from "../quarantine/show";
import { showOrderTrouble } from "../quarantine/trouble";
import { factsOf } from "../review";
import { draftOwner } from "../tab-draft";
import { language, text } from "../texts";
import { troubleOf } from "../trouble";
import { Turns } from "../turns";
import { startWork } from "../work";

/** Who is told of orders, and who of them may end one. */
const TOLD = ["ward", "health", "epidemiologist"];
const ORDER = ["health", "epidemiologist"];
const which = at<HTMLFormElement>("which");
const field = new AreaField(which.querySelector(".area-field") as HTMLElement);

const orders = new LiveList<OrderRow>({ page, lead, inOrder, heard: (rows, fresh) => heard(rows, wanted(), fresh), show: showRows });
const live = new LivePage(orders);
const opening = new Turns();
const refreshing = new Turns();

let account: AccountSession | null = null;
let diary: DiaryForm | null = null;
let order: Order | null = null;

void start();

async function start(): Promise<void> {
  const me = await startWork(TOLD);
  if (me === null) return;
  account = me;
  diary = new DiaryForm(draftOwner(me), showOrder);
  // A ward has nothing below it to choose.
  show(at("area").closest(".field") as HTMLElement, me.role !== "ward");
  if (me.area) {
    learnPath(me.area, me.area_name ?? me.area);
    await field.choose(me.area);
  }
  startButtons();
  const given = new URLSearchParams(location.search);
  const number = given.get("order");
  if (number) await attempt(() => open(number));
  at<HTMLInputElement>("code").value = given.get("subject") ?? "";
  await ask();
}

function startButtons(): void {
  which.addEventListener("change", () => void ask());
  which.addEventListener("submit", (event) => event.preventDefault());
  at("more").addEventListener("click", () => void attempt(() => orders.more()));
  at("close").addEventListener("click", close);
  onSubmit("end", end);
  onSubmit("move", move);
  if (mayOrder()) startOrdering();
}

function startOrdering(): void {
  const dialog = new OrderDialog(() => void live.refresh());
  show(at("for-one"));
  onSubmit("for-one", async () => {
    const code = (readValues(at<HTMLFormElement>("for-one"))["code"] ?? "").trim().toUpperCase();
    if (code === "") return showFlaws([{ field: "code", code: "missing" }], text("flaws_lead"));
    dialog.open({ named: { subjects: [code] } });
  });
}

/** Does it once, however often it is pressed meanwhile. */
function onSubmit(id: string, act: () => Promise<void>): void {
  const form = at<HTMLFormElement>(id);
  const button = form.querySelector("button[type=submit]") as HTMLButtonElement;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    void attempt(act).finally(() => (button.disabled = false));
  });
}

function mayOrder(): boolean {
  return account !== null && ORDER.includes(account.role);
}

async function attempt(act: () => Promise<void>): Promise<void> {
  clearFlaws();
  try {
    await act();
  } catch (failure) {
    showOrderTrouble(failure);
  }
}

// ---- the list ------------------------------------------------------------------------------------

function area(): string {
  return field.code || account?.area || "";
}

function wanted(): Wanted {
  return (readValues(which)["state"] ?? "open") as Wanted;
}

/** Shows what there is, and listens for more. */
async function ask(): Promise<void> {
  if (area() === "") return live.stop(text("choose_area"));
  live.listen(`/api/v1/orders/live?${new URLSearchParams({ area: area() })}`, {
    changed: live.again,
    breached: (data) => breached(JSON.parse(data) as OrderRow),
  });
  await attempt(() => orders.load());
}

async function page(limit: number, before = ""): Promise<Page<OrderRow>> {
  return pageOf(wanted(), limit, before);
}

/** The broken ones first, however old: of those that are open they are asked for by themselves. */
async function lead(): Promise<OrderRow[]> {
  return wanted() === "open" ? (await pageOf("open_breached", LIMIT_MAX)).rows : [];
}

async function pageOf(state: Wanted | "open_breached", limit: number, before = ""): Promise<Page<OrderRow>> {
  const given = Object.entries({ area: area(), state, limit: String(limit), before }).filter(([, value]) => value !== "");
  const found = await call<{ orders: OrderRow[]; next?: string }>("GET", `/orders?${new URLSearchParams(given)}`);
  return { rows: found.orders, next: found.next };
}

function breached(row: OrderRow): void {
  orders.hear(row);
  raiseAlarm(row, (words) => {
    const look = element("button", { type: "button", class: "secondary", "aria-label": `${text("look")}: ${row.subject}` }, text("look"));
    look.addEventListener("click", () => {
      quietAlarm(row.order);
      void attempt(() => open(row.order));
    });
    return [element("span", {}, words), look];
  });
  if (order?.order === row.order) void refreshOrder(row.order);
}

function showRows(rows: readonly OrderRow[], hasMore: boolean): void {
  const focused = document.activeElement?.id ?? "";
  at("orders").replaceChildren(...rows.map((row) => rowOf(row, (number) => void attempt(() => open(number)))));
  if (focused !== "" && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
  show(at("none"), rows.length === 0);
  show(at("more"), hasMore);
}

// ---- one order -----------------------------------------------------------------------------------

/** Opens an order, unless another one is opened meanwhile. */
async function open(number: string): Promise<void> {
  const shown = await opening.take(() => call<Order>("GET", `/orders/${number}`));
  if (shown === undefined) return;
  const isOther = order?.order !== number;
  takeUp(shown);
  if (isOther) at("one").focus();
}

/** The opened order as it is now, while somebody may be typing into it; should that fail, the next word of it tells. */
async function refreshOrder(number: string): Promise<void> {
  const shown = await refreshing.take(() => call<Order>("GET", `/orders/${number}`)).catch(() => undefined);
  if (shown && order?.order === number) showOrder(shown);
}

/** Shows it, with nothing in its forms that was meant for another. */
function takeUp(shown: Order): void {
  if (order?.order !== shown.order) for (const id of ["end", "move"]) at<HTMLFormElement>(id).reset();
  order = shown;
  diary?.show(shown);
  showOrder(shown);
  if (mayOrder()) void offerFacilities();
}

function showOrder(shown: Order): void {
  // Closed meanwhile: an answer opens nothing again.
  if (order?.order !== shown.order) return;
  order = shown;
  refreshing.end();
  at("one-state").textContent = text(`order_${shown.state}`);
  at("one-state").className = `state big ${classOf(shown.state)}`;
  at("one-title").textContent = shown.subject;
  at("one-facts").replaceChildren(...factsOf(linesOf(shown)).children);
  at<HTMLAnchorElement>("one-who").href = `/desk?${new URLSearchParams({ subject: shown.subject, lang: language })}`;
  at("one-breaches").replaceChildren(...[...shown.broken_by].reverse().map(seenItem));
  show(at("one-broken"), shown.broken_by.length > 0);
  at("one-diary").replaceChildren(...[...shown.diary].reverse().map(entryItem));
  show(at("one-diary-none"), shown.diary.length === 0);
  const isOver = shown.state === "ended";
  show(at("diary"), !isOver);
  show(at("change"), !isOver && !shown.ended && mayOrder());
  show(at("one"));
}

function close(): void {
  const number = order?.order;
  opening.end();
  order = null;
  show(at("one"), false);
  document.getElementById(`open-${number}`)?.focus();
}

async function end(): Promise<void> {
  if (order === null || !confirm(text("end_sure", { subject: order.subject }))) return;
  const { order: number } = order;
  const { reason, note = "" } = readValues(at<HTMLFormElement>("end"));
  const body = { reason, ...(note.trim() === "" ? {} : { note: note.trim() }) };
  await call("POST", `/orders/${number}/end`, { body });
  await goOn(number, number);
}

async function move(): Promise<void> {
  if (order === null) return;
  const { order: number } = order;
  const { site = "" } = readValues(at<HTMLFormElement>("move"));
  const moved = await call<Order>("POST", `/orders/${number}/move`, { body: site === "" ? {} : { site } });
  await goOn(number, moved.order);
}

/** Shows what became of an order, where it is still the one that is open. */
async function goOn(number: string, now: string): Promise<void> {
  if (order?.order === number) {
    for (const id of ["end", "move"]) at<HTMLFormElement>(id).reset();
    // Whoever has it moved into another area sees it there no more.
    await open(now).catch(close);
  }
  await live.refresh();
}

async function offerFacilities(): Promise<void> {
  try {
    await fillFacilities(at("move-site"));
    say(at("move-told"), "");
  } catch (failure) {
    say(at("move-told"), troubleOf(failure));
  }
}
