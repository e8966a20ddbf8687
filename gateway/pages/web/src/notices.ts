// What a ward is told of journeys: how notices are kept in order, and said in words. Pure.

import type { AreaName } from "./contract";
import { instantOf } from "./country-time";

export type Side = "leaving" | "coming" | "within";
export type JourneyState = "expected" | "under_way" | "arrived" | "ended";

export interface Notice {
  side: Side;
  declaration: string;
  pass: string;
  subject: string;
  state: JourneyState;
  from: AreaName & { path: string };
  to: AreaName & { path: string };
  departs_at: number;
  declared_at: number;
  valid_until: number;
  revoked: boolean;
  companions: number;
  /** Number of checks in a vehicle off its route. */
  off_route?: number;
  passages: number;
  last?: { at: number; site: string; site_name: string; verdict: string };
  arrival?: { at: number; by: string };
}

/** Which of them one wants to see; "" is all. */
export interface Wanted {
  side: "" | "coming" | "leaving";
  state: "" | JourneyState;
}

/** Whether a notice is wanted. One within the area both leaves and comes. */
export function isWanted({ side, state }: Wanted, notice: Notice): boolean {
  const fits = side === "" || notice.side === side || notice.side === "within";
  return fits && (state === "" || notice.state === state);
}

/** The notices with one that has just been heard: in the place of the same journey's, else by its number. */
export function heard(notices: readonly Notice[], wanted: Wanted, fresh: Notice): Notice[] {
  const others = notices.filter(({ declaration }) => declaration !== fresh.declaration);
  if (!isWanted(wanted, fresh)) return others;
  const older = others.findIndex(({ declaration }) => isNewer(fresh.declaration, declaration));
  const place = older < 0 ? others.length : older;
  return [...others.slice(0, place), fresh, ...others.slice(place)];
}

/** Each once, the latter of two, in the order in which they were declared, the newest first. */
export function inOrder(notices: readonly Notice[]): Notice[] {
  const once = [...new Map(notices.map((notice) => [notice.declaration, notice])).values()];
  return once.sort((a, b) => (isNewer(a.declaration, b.declaration) ? -1 : 1));
}

/** Whether the first of two declarations was made later: their numbers rise, beyond what a double can hold. */
export function isNewer(one: string, other: string): boolean {
  return BigInt(one) > BigInt(other);
}

/** Whether the ward may say that this traveller has arrived. */
export function mayArrive(notice: Notice): boolean {
  return notice.side !== "leaving" && notice.state !== "arrived";
}

/** The day as the server's bounds, unix milliseconds: from midnight to the next. */
export function boundsOf(day: string): { from: number; to: number } | null {
  const from = instantOf(day);
  return from === 0 ? null : { from, to: from + DAY_MS };
}

const DAY_MS = 86_400_000;
