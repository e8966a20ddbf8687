// Levels and what follows from them, in words and signs.

import type { Arrivals, AreaSituation, Level, Words } from "../contract";
import { element } from "../dom";
import { day, moment } from "../format";
import { language, text } from "../texts";

/** A text of the scale in the page's language. */
export function wordsOf(words: Words): string {
  return words[language];
}

/** A level by sign, word and colour; by its code where the scale no longer has it. */
export function badge(code: string | undefined, levels: Level[]): HTMLElement {
  const level = levels.find((known) => known.code === code);
  if (!level) return element("span", { class: "level none" }, code ?? text("level_none"));
  const shown = element("span", { class: "level" }, element("span", { "aria-hidden": "true" }, level.sign), ` ${wordsOf(level.name)}`);
  shown.style.color = level.ink;
  shown.style.background = level.ground;
  return shown;
}

/** What arrivals need, a sentence each; nothing is nothing. */
export function measures({ test_hours, home_days, facility_days }: Arrivals): string[] {
  return [
    ...(test_hours ? [text("need_test", { hours: test_hours })] : []),
    ...(facility_days ? [text("need_facility", { days: facility_days })] : []),
    ...(home_days ? [text("need_home", { days: home_days })] : []),
  ];
}

/** Whose level it is where not the area's own, since when, and until when where that is known. */
export function circumstances({ inherited_from, successor, since, until }: AreaSituation): string {
  const parts = [
    successor ? text("area_now", { path: successor.name }) : "",
    inherited_from ? text("level_of", { area: inherited_from.name }) : "",
    since !== undefined ? text("level_since", { day: day(since) }) : "",
    until !== undefined ? text("level_until", { at: moment(until) }) : "",
  ];
  return parts.filter(Boolean).join(" · ");
}
