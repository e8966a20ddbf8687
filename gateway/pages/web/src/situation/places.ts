// What is shown of the situation along a journey: places by their part in it, those between by their level.
// Pure.

import type { Arrivals, AreaSituation, JourneySituation, Level, Situation } from "../contract";

/** Areas of one level, or of none. */
export interface Group {
  level: string | undefined;
  areas: AreaSituation[];
}

/** The situation as a box shows it; of a journey that is not chosen whole, what is known. */
export interface Shown {
  ends: { part: "from" | "to"; area: AreaSituation }[];
  between: Group[];
  levels: Level[];
  /** What arrivals need; none while the journey is not chosen whole. */
  arrivals: Arrivals | null;
  /** What those need who come through these areas, where that is more. */
  through: { areas: AreaSituation[]; arrivals: Arrivals } | null;
}

/** Where to ask about a journey, and `null` where nothing of it is chosen yet. `departsAt` where not now. */
export function questionOf(from: string, to: string, departsAt: number | null): string | null {
  const at: Record<string, string> = departsAt === null ? {} : { at: String(departsAt) };
  if (from && to) return `/situation/journey?${new URLSearchParams({ from, to, ...at })}`;
  const area = from || to;
  return area ? `/situation?${new URLSearchParams({ area, ...at })}` : null;
}

/** What to show of an answer to `questionOf`. */
export function shownOf(answer: JourneySituation | Situation, isFrom: boolean): Shown {
  if ("areas" in answer) {
    const ends = answer.areas.map((area) => ({ part: isFrom ? ("from" as const) : ("to" as const), area }));
    return { ends, between: [], levels: answer.levels, arrivals: null, through: null };
  }
  const { from, to, between, levels, arrivals, arrivals_through } = answer;
  const ends = [{ part: "from" as const, area: from }, { part: "to" as const, area: to }];
  const asking = levels.filter((level) => Object.keys(level.arrivals).length > 0).map(({ code }) => code);
  const areas = between.filter(({ level }) => level !== undefined && asking.includes(level));
  const through = arrivals_through ? { areas, arrivals: arrivals_through } : null;
  return { ends, between: byLevel(between, levels), levels, arrivals, through };
}

/** Areas together by their level, the gravest first, those without one last. */
export function byLevel(areas: AreaSituation[], levels: Level[]): Group[] {
  const codes = [...new Set(areas.map(({ level }) => level))];
  const grave = (code: string | undefined): number => levels.findIndex((level) => level.code === code);
  codes.sort((a, b) => grave(b) - grave(a));
  return codes.map((level) => ({ level, areas: areas.filter((area) => area.level === level) }));
}

/** Whether any place has a level. */
export function isAnythingKnown({ ends, between }: Shown): boolean {
  return [...ends.map(({ area }) => area.level), ...between.map(({ level }) => level)].some((level) => level !== undefined);
}
