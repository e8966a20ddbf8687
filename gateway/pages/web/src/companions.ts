// Who travels along: a part of the form that repeats.

import { at } from "./dom";
import { companionCount, type Values } from "./declaration";
import { fillCountries, startBirthDate } from "./fields";
import { startDocument } from "./document-field";

const COMPANIONS_MAX = 20;

/** Makes as many parts as the values name companions. */
export function showCompanions(values: Values, onRemove: (index: number) => void): void {
  const parts = Array.from({ length: companionCount(values) }, (_, i) => part(i, onRemove));
  at("companions").replaceChildren(...parts);
  at("add-companion").hidden = parts.length >= COMPANIONS_MAX;
}

/** The values without companion number `index`; those after it move up. */
export function withoutCompanion(values: Values, index: number): Values {
  const kept = Object.entries(values).flatMap(([name, value]): [string, string][] => {
    const found = /^companions\[(\d+)\](.*)$/.exec(name);
    if (!found) return [[name, value]];
    const i = Number(found[1]);
    if (i === index) return [];
    return [[`companions[${i > index ? i - 1 : i}]${found[2]}`, value]];
  });
  return Object.fromEntries(kept);
}

function part(index: number, onRemove: (index: number) => void): HTMLElement {
  const template = at<HTMLTemplateElement>("companion");
  const made = template.content.firstElementChild?.cloneNode(true) as HTMLElement;
  for (const node of [made, ...made.querySelectorAll("*")]) number(node, index);
  startBirthDate(made.querySelector(".birth-date") as HTMLElement);
  fillCountries(made.querySelector("[data-countries]") as HTMLSelectElement, "");
  startDocument(made, `companions[${index}].document`);
  made.querySelector("[data-remove]")?.addEventListener("click", () => onRemove(index));
  return made;
}

function number(node: Element, index: number): void {
  for (const { name, value } of [...node.attributes]) {
    if (value.includes("[#]")) node.setAttribute(name, value.replace("[#]", `[${index}]`));
  }
}
