// Occupancy as bars: how many were inside at most in each cell of time, against the capacity.

import { ZONE } from "../country-time";
import { locale } from "../texts";
import type { Cell } from "./contract";

/** A bar in a picture of `WIDTH` by `HEIGHT`. */
export interface Bar {
  x: number;
  y: number;
  width: number;
  height: number;
  isOver: boolean;
}

export const WIDTH = 640;
export const HEIGHT = 200;
/** Room for the times below. */
const FOOT = 24;
const TOP = 8;

/** The bars, and where the line of the capacity lies; `null` where there is none. */
export function barsOf(cells: Cell[], capacity: number | undefined): { bars: Bar[]; line: number | null } {
  const most = Math.max(1, capacity ?? 0, ...cells.map((cell) => cell.most));
  const [room, step] = [HEIGHT - FOOT - TOP, WIDTH / Math.max(1, cells.length)];
  const y = (count: number): number => TOP + room - (room * count) / most;
  const bars = cells.map((cell, index) => ({
    x: index * step + step * 0.1,
    y: y(cell.most),
    width: step * 0.8,
    height: (room * cell.most) / most,
    isOver: capacity !== undefined && cell.most > capacity,
  }));
  return { bars, line: capacity === undefined ? null : y(capacity) };
}

/** Draws into an `svg`; `label` is what a screen reader says of it, `time` how an instant is written below. */
export function drawBars(
  svg: SVGElement, cells: Cell[], capacity: number | undefined, label: string, time: (unixMs: number) => string = hour,
): void {
  const { bars, line } = barsOf(cells, capacity);
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("aria-label", label);
  const drawn = bars.filter(({ height }) => height > 0);
  const parts = drawn.map(({ x, y, width, height, isOver }) => part("rect", { x, y, width, height, class: isOver ? "over" : "" }));
  const base = HEIGHT - FOOT;
  parts.push(part("path", { d: `M0 ${base}H${WIDTH}`, class: "base" }));
  if (line !== null) parts.push(part("path", { d: `M0 ${line}H${WIDTH}`, class: "capacity" }));
  svg.replaceChildren(...parts, ...timesOf(cells, bars, time));
}

/** As many times as have room. */
function timesOf(cells: Cell[], bars: Bar[], time: (unixMs: number) => string): SVGElement[] {
  const each = Math.max(1, Math.ceil(cells.length / TIMES_MAX));
  return cells.flatMap(({ from }, index) => {
    const bar = bars[index];
    if (bar === undefined || index % each !== 0) return [];
    const words = part("text", { x: bar.x + bar.width / 2, y: HEIGHT - 6 });
    words.textContent = time(from);
    return [words];
  });
}

/** The hour of the day, in the time of the country. */
export function hour(unixMs: number): string {
  return HOURS.format(unixMs);
}

function part(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, typeof value === "number" ? String(Math.round(value * 10) / 10) : value);
  }
  return made;
}

const TIMES_MAX = 8;
const HOURS = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", timeZone: ZONE });
