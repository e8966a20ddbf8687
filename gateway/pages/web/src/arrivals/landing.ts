// What all who are entered came on: told once, and kept in this tab. It names nobody.

import { call } from "../api";
import type { AccountSession } from "../contract";
import { localTime } from "../country-time";
import type { Values } from "../declaration";
import { at } from "../dom";
import { fillCountries, readValues, writeValues } from "../fields";
import { clearFlaws, showFlaws } from "../flaws";
import { siteOption } from "../site-option";
import { text } from "../texts";
import type { ArrivalPlace } from "./contract";
import { landingFlaws } from "./values";

const form = at<HTMLFormElement>("landing");

/** Fills the form's lists, with what was kept of the account that is signed in; `onChange` is told of changes. */
export async function startLanding(me: AccountSession, onChange: () => void): Promise<void> {
  const { border, quarantine } = await call<{ border: ArrivalPlace[]; quarantine: ArrivalPlace[] }>("GET", "/arrivals/places");
  // An officer enters at the own site alone.
  const sites = border.filter(({ site }) => me.site === undefined || site === me.site);
  at("site").replaceChildren(...sites.map(siteOption));
  for (const id of ["facility", "stay"]) at(id).append(...quarantine.map(siteOption));
  fillCountries(at<HTMLSelectElement>("from"), "KR");
  const now = localTime(Date.now());
  writeValues(form, { date: now.slice(0, 10), arrived_at: now, ...kept(me.account) });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    keep(me.account);
    onChange();
  });
}

/** The values, or `null` where something is missing, which is told. */
export function landingValues(): Values | null {
  const flaws = landingFlaws(readValues(form));
  clearFlaws();
  if (flaws.length > 0) showFlaws(flaws, text("landing_first"));
  return landingNow();
}

/** The values, or `null` where something is missing: nobody is told who is filling it in. */
export function landingNow(): Values | null {
  const values = readValues(form);
  return landingFlaws(values).length === 0 ? values : null;
}

function kept(account: string): Values {
  try {
    const landing = JSON.parse(sessionStorage.getItem(LANDING) ?? "null") as { account: string; values: Values } | null;
    return landing?.account === account ? landing.values : {};
  } catch {
    return {};
  }
}

function keep(account: string): void {
  try {
    sessionStorage.setItem(LANDING, JSON.stringify({ account, values: readValues(form) }));
  } catch {
    // Storage is switched off: the form begins anew after a reload.
  }
}

const LANDING = "truyvet.landing";
