// The page /quarantine: orders of an area for its officials, the broken ones first, as it happens; each with its
// diary, and for those who may, its end and another place, and an order for one person more.

import { call, Problem } from "../api";
import { AreaField } from "../area-field";
import { learnPath } from "../areas";
import type { AccountSession } from "../contract";
import { at, element, say, show } from "../dom";
import { readValues } from "../fields";
import { clearFlaws, showFlaws } from "../flaws";
import { moment } from "../format";
import type { Facility, Order, OrderRow } from "../quarantine/contract";
import { OrderDialog } from "../quarantine/dialog";
import { startDiary } from "../quarantine/diary";
import { heard, inOrder, type Wanted } from "../quarantine/rules";
import { classOf, entryItem, linesOf, rowOf, seenItem } from "../quarantine/show";
import { factsOf } from "../review";
import { language, text } from "../texts";
import { troubleOf } from "../trouble";
import { startWork } from "../work";

/** Who is told of orders, and who of them may end one. */
const TOLD = ["ward", "health", "epidemiologist"];
const ORDER = ["health", "epidemiologist"];
const which = at<HTMLFormElement>("which");
const field = new AreaField(which.querySelector(".area-field") as HTMLElement);

let account: AccountSession | null = null;
let rows: OrderRow[] = [];
let next: string | undefined;
let order: Order | null = null;
let live: EventSource | null = null;
/** Counts what was asked: an answer to an earlier question is not shown. */
let asked = 0;

void start();

async function start(): Promise<void> {
  const me = await startWork(TOLD);
  if (me === null) return;
  account = me;
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
  at("more").addEventListener("click", () => void attempt(() => load(next)));
  at("close").addEventListener("click", close);
  at("alarm-open").addEventListener("click", () => {
    const number = at("alarm").dataset["order"];
    show(at("alarm"), false);
    if (number) void attempt(() => open(number));
  });
  startDiary(() => order?.order, (shown) => {
    showOrder(shown);
    void attempt(() => load());
  });
  onSubmit("end", end);
  onSubmit("move", move);
  addEventListener("pagehide", () => live?.close());
  if (mayOrder()) startOrdering();
}

function startOrdering(): void {
  void fillFacilities();
  const orders = new OrderDialog(() => void attempt(() => load()));
  show(at("for-one"));
  onSubmit("for-one", async () => {
    const code = (readValues(at<HTMLFormElement>("for-one"))["code"] ?? "").trim().toUpperCase();
    if (code === "") return showFlaws([{ field: "code", code: "missing" }], text("flaws_lead"));
    orders.open({ named: { subjects: [code] } });
  });
}

function onSubmit(id: string, act: () => Promise<void>): void {
  at(id).addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt(act);
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
    const problem = failure instanceof Problem ? failure : null;
    if (problem && problem.flaws.length > 0) return showFlaws(problem.flaws, text("flaws_lead"));
    showFlaws([], problem?.status === 409 ? text("order_over") : troubleOf(failure));
  }
}

// ---- the list ------------------------------------------------------------------------------------

function area(): string {
  return field.code || account?.area || "";
}

function wanted(): Wanted {
  return (readValues(which)["state"] ?? "open") as Wanted;
}

/** Shows what there is, and listens for more: the ear comes first, so that nothing falls between. */
async function ask(): Promise<void> {
  if (area() === "") return say(at("live"), text("choose_area"));
  listen();
  await attempt(() => load());
}

async function load(before?: string): Promise<void> {
  const own = ++asked;
  const state = wanted();
  // The broken ones first, however old: of those that are open they are asked for by themselves.
  const broken = state === "open" && !before ? page("breached") : Promise.resolve({ orders: [], next: undefined });
  const [first, found] = await Promise.all([broken, page(state, before)]);
  if (own !== asked) return;
  next = found.next;
  const open = first.orders.filter((row) => row.state !== "ended");
  rows = inOrder([...(before ? rows : open), ...found.orders]);
  showRows();
}

function page(state: Wanted, before = ""): Promise<{ orders: OrderRow[]; next?: string }> {
  const given = Object.entries({ area: area(), state, before }).filter(([, value]) => value !== "");
  return call("GET", `/orders?${new URLSearchParams(given)}`);
}

/** Hears what happens. The browser connects again by itself; what happened meanwhile is asked then. */
function listen(): void {
  live?.close();
  const source = new EventSource(`/api/v1/orders/live?${new URLSearchParams({ area: area() })}`);
  live = source;
  let wasOpen = false;
  const again = (): void => void attempt(() => load());
  source.addEventListener("open", () => {
    say(at("live"), text("live"));
    if (wasOpen) again();
    wasOpen = true;
  });
  source.addEventListener("error", () => say(at("live"), text("not_live")));
  source.addEventListener("missed", again);
  source.addEventListener("changed", again);
  source.addEventListener("breached", ({ data }: MessageEvent<string>) => breached(JSON.parse(data) as OrderRow));
}

function breached(row: OrderRow): void {
  rows = heard(rows, wanted(), row);
  showRows();
  const { last_breach, subject } = row;
  if (last_breach) {
    at("alarm-words").textContent = text("alarm", { subject, site: last_breach.site_name, at: moment(last_breach.at) });
    at("alarm").dataset["order"] = row.order;
    show(at("alarm"));
  }
  if (order?.order === row.order) void attempt(() => open(row.order));
}

function showRows(): void {
  const focused = document.activeElement?.id ?? "";
  at("orders").replaceChildren(...rows.map((row) => rowOf(row, (number) => void attempt(() => open(number)))));
  document.getElementById(focused)?.focus();
  show(at("none"), rows.length === 0);
  show(at("more"), next !== undefined);
}

// ---- one order -----------------------------------------------------------------------------------

async function open(number: string): Promise<void> {
  const isOther = order?.order !== number;
  showOrder(await call<Order>("GET", `/orders/${number}`));
  if (isOther) at("one").focus();
}

function showOrder(shown: Order): void {
  order = shown;
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
  order = null;
  show(at("one"), false);
  document.getElementById(`open-${number}`)?.focus();
}

async function end(): Promise<void> {
  const { reason, note = "" } = readValues(at<HTMLFormElement>("end"));
  const body = { reason, ...(note.trim() === "" ? {} : { note: note.trim() }) };
  await call("POST", `/orders/${order?.order}/end`, { body });
  await reload(order?.order);
}

async function move(): Promise<void> {
  const { site = "" } = readValues(at<HTMLFormElement>("move"));
  const body = site === "" ? {} : { site };
  const moved = await call<Order>("POST", `/orders/${order?.order}/move`, { body });
  await reload(moved.order);
}

async function reload(number?: string): Promise<void> {
  for (const id of ["end", "move"]) at<HTMLFormElement>(id).reset();
  // Whoever has it moved into another area sees it there no more.
  if (number) await open(number).catch(close);
  await load();
  show(at("one"), order !== null);
}

async function fillFacilities(): Promise<void> {
  const { facilities } = await call<{ facilities: Facility[] }>("GET", "/orders/facilities").catch(() => ({ facilities: [] }));
  const options = facilities.map(({ site, name, area }) => element("option", { value: site }, [name, area].filter(Boolean).join(" · ")));
  at("move-site").append(...options);
}
