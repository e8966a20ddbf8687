// The time of the country. What pages say, and what is typed into their fields, is meant in it, whatever clock the
// device is set to. Pure.

export const ZONE = "Asia/Ho_Chi_Minh";

/** "2021-08-19T07:30", as a field for date and time holds it. */
export function localTime(unixMs: number): string {
  return new Date(unixMs + EAST_MS).toISOString().slice(0, 16);
}

/** The instant of a field's date, with or without a time; `0` where it is none. */
export function instantOf(local: string | undefined): number {
  const moment = local?.length === 10 ? `${local}T00:00` : local;
  return Date.parse(`${moment ?? ""}${OFFSET}`) || 0;
}

/** When the day of this instant began. */
export function midnight(unixMs: number): number {
  return instantOf(localTime(unixMs).slice(0, 10));
}

/** As servers have it: the country has no other offset, and none in summer. */
const OFFSET = "+07:00";
const EAST_MS = 7 * 3_600_000;
