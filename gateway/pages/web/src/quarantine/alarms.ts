// Who in quarantine was seen elsewhere while the page was open: each stays until somebody has looked.

import { at, element, show } from "../dom";
import { moment } from "../format";
import { text } from "../texts";
import type { OrderRow } from "./contract";
import { alarmsWith } from "./rules";

let alarms: OrderRow[] = [];

/** Adds one to `#alarm`, with what `lead` makes of its words: a way to the order. */
export function raiseAlarm(row: OrderRow, lead: (words: string) => Node[]): void {
  const { last_breach, subject, order } = row;
  if (!last_breach) return;
  alarms = alarmsWith(alarms, row);
  const words = text("alarm", { subject, site: last_breach.site_name, at: moment(last_breach.at) });
  // The others stay as they are: whatever is new in an alert is read out.
  const list = at("alarms");
  list.querySelector(`[data-order="${order}"]`)?.remove();
  list.prepend(element("li", { "data-order": order }, ...lead(words)));
  while (list.children.length > alarms.length) list.lastElementChild?.remove();
  show(at("alarm"));
}

/** Takes the one of this order away: somebody has looked. */
export function quietAlarm(order: string): void {
  alarms = alarms.filter((row) => row.order !== order);
  at("alarms").querySelector(`[data-order="${order}"]`)?.remove();
  show(at("alarm"), alarms.length > 0);
}
