// The map: each area a shape with its level's colour and sign, and in words for those who do not see it. One
// stop of the Tab key; arrow keys go on to the area that lies there.

import type { AreaSituation, Level } from "../contract";
import { text } from "../texts";
import { nearest } from "./nearest";
import shapes from "./vn.json";
import { wordsOf } from "./words";

const SVG = "http://www.w3.org/2000/svg";

/** Draws the areas that the map has; whether there are any. `choose` is called with the code of one. */
export function drawMap(map: SVGSVGElement, areas: AreaSituation[], levels: Level[], choose: (code: string) => void): boolean {
  const known = new Map(areas.map((area) => [area.code, area]));
  const drawn = shapes.areas.filter(({ code }) => known.has(code));
  const [width = 0, height = 0] = shapes.view;
  map.setAttribute("viewBox", `-6 -6 ${width + 12} ${height + 12}`);
  const frames = shapes.frames.flatMap(frameOf);
  const before = map.querySelector('[tabindex="0"]')?.getAttribute("data-code");
  const parts = drawn.map((shape) => shapeOf(shape, known.get(shape.code) as AreaSituation, levels));
  const first = parts.find((part) => part.getAttribute("data-code") === before) ?? parts[0];
  first?.setAttribute("tabindex", "0");
  map.replaceChildren(...frames, ...parts);
  map.onclick = (event) => chosen(event.target as Element, choose);
  map.onkeydown = (event) => pressed(event, map, choose);
  return drawn.length > 0;
}

/** Marks the chosen area. */
export function markOnMap(map: SVGSVGElement, code: string): void {
  for (const part of map.querySelectorAll("[data-code]")) {
    const isIt = part.getAttribute("data-code") === code;
    part.setAttribute("aria-pressed", String(isIt));
    if (isIt) map.append(part); // its outline above those of its neighbours
  }
}

function shapeOf({ code, at, path }: (typeof shapes.areas)[number], area: AreaSituation, levels: Level[]): SVGElement {
  const level = levels.find((known) => known.code === area.level);
  const word = level ? wordsOf(level.name) : (area.level ?? text("level_none"));
  const part = made("g", { role: "button", tabindex: "-1", "data-code": code, "aria-pressed": "false", "aria-label": `${area.name}: ${word}` });
  const outline = made("path", { d: path });
  const [x = 0, y = 0] = at;
  const sign = made("text", { x: String(x), y: String(y), "aria-hidden": "true" });
  sign.textContent = level?.sign ?? "";
  if (level) {
    outline.style.fill = level.ground;
    sign.style.fill = level.ink;
  }
  const title = made("title", {});
  title.textContent = `${area.name}: ${word}`;
  part.append(title, outline, sign);
  return part;
}

function chosen(target: Element, choose: (code: string) => void): void {
  const code = target.closest("[data-code]")?.getAttribute("data-code");
  if (code) choose(code);
}

function pressed(event: KeyboardEvent, map: SVGSVGElement, choose: (code: string) => void): void {
  const from = (event.target as Element).closest("[data-code]")?.getAttribute("data-code");
  if (!from) return;
  if (event.key === "Enter" || event.key === " ") {
    choose(from);
  } else {
    const to = nearest(shapes.areas, from, event.key);
    if (to === null) return;
    for (const part of map.querySelectorAll<SVGElement>("[data-code]")) {
      const isIt = part.getAttribute("data-code") === to;
      part.setAttribute("tabindex", isIt ? "0" : "-1");
      if (isIt) part.focus();
    }
  }
  event.preventDefault();
}

/** The frame around islands that lie further out, with their name. */
function frameOf({ name, ...place }: (typeof shapes.frames)[number]): SVGElement[] {
  const sides = Object.entries(place).map(([side, value]) => [side, String(value)]);
  const frame = made("rect", { ...Object.fromEntries(sides), class: "frame" });
  const label = made("text", { x: String(place.x + place.width / 2), y: String(place.y + place.height - 12), class: "frame-name" });
  label.textContent = name;
  return [frame, label];
}

function made<K extends keyof SVGElementTagNameMap>(name: K, attributes: Record<string, string>): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
