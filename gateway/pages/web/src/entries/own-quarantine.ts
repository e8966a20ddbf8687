// The page /quarantine/own: one's own order in plain words, and one's diary.

import { call } from "../api";
import { at, element, say, show } from "../dom";
import { clearFlaws, showFlaws } from "../flaws";
import { day, end, moment } from "../format";
import type { Order } from "../quarantine/contract";
import { DiaryForm } from "../quarantine/diary";
import { daysLeft } from "../quarantine/rules";
import { entryItem, linesOf, placeOf, seenItem } from "../quarantine/show";
import { factsOf } from "../review";
import { startSession } from "../shell";
import { draftOwner } from "../tab-draft";
import { text } from "../texts";
import { troubleOf } from "../trouble";

let diary: DiaryForm | null = null;

void start();

async function start(): Promise<void> {
  const me = await startSession();
  const isCitizen = me?.kind === "citizen";
  show(at("sign-in-part"), !isCitizen);
  if (!isCitizen) return;
  diary = new DiaryForm(draftOwner(me), showOrder);
  await load();
}

async function load(): Promise<void> {
  try {
    const { orders } = await call<{ orders: Order[] }>("GET", "/orders/own");
    clearFlaws();
    const now = orders.find(({ state }) => state !== "ended");
    if (now) showOrder(now);
    show(at("none"), now === undefined);
    const before = orders.filter((one) => one !== now);
    at("before").replaceChildren(...before.map(beforeItem));
    show(at("before-part"), before.length > 0);
  } catch (failure) {
    showFlaws([], troubleOf(failure));
  }
}

function showOrder(shown: Order): void {
  diary?.show(shown);
  const left = daysLeft(shown.until, Date.now());
  const isPlanned = shown.state === "planned";
  at("own-title").textContent = isPlanned ? text("own_planned", { at: moment(shown.from) }) : text("own_until", { until: end(shown.until) });
  say(at("own-left"), text("own_left", { days: text(left === 1 ? "one_days" : "n_days", { n: left }) }));
  at("own-where").textContent = text(`own_${shown.kind}`, { place: placeOf(shown, shown.address) });
  at("own-facts").replaceChildren(...factsOf(linesOf(shown).slice(1, 4)).children);
  at("own-breaches").replaceChildren(...[...shown.broken_by].reverse().map(seenItem));
  show(at("own-broken"), shown.broken_by.length > 0);
  at("one-diary").replaceChildren(...[...shown.diary].reverse().map(entryItem));
  show(at("one-diary-none"), shown.diary.length === 0);
  show(at("own"));
}

function beforeItem(order: Order): HTMLLIElement {
  const how = text(order.ended ? `order_how_${order.ended.how}` : "order_how_completed");
  const span = `${day(order.from)} – ${end(order.until)}`;
  return element("li", {}, element("strong", {}, span), element("span", {}, placeOf(order, order.address)), element("span", { class: "note" }, how));
}
