// Times and numbers in words that people read.

import { midnight, ZONE } from "./country-time";
import { locale, text } from "./texts";

const two = "2-digit";
const moments = new Intl.DateTimeFormat(locale, { weekday: "short", day: two, month: two, year: "numeric", hour: two, minute: two, timeZone: ZONE });
const days = new Intl.DateTimeFormat(locale, { day: two, month: two, year: "numeric", timeZone: ZONE });

/** Day and time of an instant, in the time of the country. */
export function moment(unixMs: number): string {
  return moments.format(new Date(unixMs));
}

/** Day of an instant. */
export function day(unixMs: number): string {
  return days.format(new Date(unixMs));
}

/** The end of a span that people keep to: the moment, or the last day where that counts to its end. */
export function end(unixMs: number): string {
  return unixMs === midnight(unixMs) ? text("end_of_day", { day: day(unixMs - 1) }) : moment(unixMs);
}

/** A birth date: "02/03/1990", or the year alone. */
export function birthDate(date: string): string {
  const [year = "", month, dayOfMonth] = date.split("-");
  return month && dayOfMonth ? `${dayOfMonth}/${month}/${year}` : year;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A span of time by its two largest units, rounded down: "2 days 3 hours". */
export function span(ms: number): string {
  if (ms >= DAY_MS) return join(count("days", ms / DAY_MS), count("hours", (ms % DAY_MS) / HOUR_MS));
  if (ms >= HOUR_MS) return join(count("hours", ms / HOUR_MS), count("minutes", (ms % HOUR_MS) / MINUTE_MS));
  return count("minutes", Math.max(1, ms / MINUTE_MS));
}

function count(unit: "days" | "hours" | "minutes", value: number): string {
  const n = Math.floor(value);
  if (n === 0) return "";
  return text(n === 1 ? `one_${unit}` : `n_${unit}`, { n });
}

function join(...parts: string[]): string {
  return parts.filter(Boolean).join(" ");
}
