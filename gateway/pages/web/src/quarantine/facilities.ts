// The facilities that people can be ordered into, in a list to choose from.

import { call } from "../api";
import { siteOption } from "../site-option";
import { once } from "../turns";
import type { Facility } from "./contract";

const facilities = once(() => call<{ facilities: Facility[] }>("GET", "/orders/facilities"));
const filled = new WeakSet<HTMLSelectElement>();

/** Puts them into the list, behind what it has, unless they are there. Throws where they cannot be asked now. */
export async function fillFacilities(select: HTMLSelectElement): Promise<void> {
  const found = await facilities();
  if (filled.has(select)) return;
  filled.add(select);
  select.append(...found.facilities.map(siteOption));
}
