// Flaws shown twice: in a summary that takes the focus and links to the fields, and beside each field.
// A field is a `.field` with `data-field` = the path in the server's errors.

import type { Flaw } from "./contract";
import { at, element, show } from "./dom";
import { hasText, text } from "./texts";

/** Shows these flaws in place of those shown before; `lead` says what happened. */
export function showFlaws(flaws: Flaw[], lead: string): void {
  clearFlaws();
  const list = element("ul");
  for (const flaw of flaws) {
    const field = fieldOf(flaw.field);
    const words = wordsFor(flaw);
    if (!field) {
      list.append(element("li", {}, words));
      continue;
    }
    const control = controlOf(field);
    markField(field, control, words);
    const link = element("a", { href: `#${control.id}` }, `${labelOf(field)} – ${words}`);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      control.focus();
    });
    list.append(element("li", {}, link));
  }
  at("flaws").replaceChildren(element("h2", {}, lead), list);
  show(at("flaws"));
  at("flaws").focus();
}

/** Takes all flaws away. */
export function clearFlaws(): void {
  show(at("flaws"), false);
  for (const field of document.querySelectorAll<HTMLElement>(".field.wrong")) clearFlaw(field);
}

/** Takes the flaw of one field away: somebody is correcting it. */
export function clearFlaw(field: HTMLElement): void {
  field.classList.remove("wrong");
  field.querySelector(".flaw")?.remove();
  for (const control of field.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid");
    restoreDescription(control);
  }
}

/** The field with this path, or of what it lies in. */
export function fieldOf(path: string): HTMLElement | null {
  const known = document.querySelector<HTMLElement>(`.field[data-field="${CSS.escape(path)}"]`);
  const outer = path.slice(0, Math.max(0, path.lastIndexOf(".")));
  return known ?? (outer === "" ? null : fieldOf(outer));
}

function markField(field: HTMLElement, control: HTMLElement, words: string): void {
  if (field.classList.contains("wrong")) return;
  field.classList.add("wrong");
  const id = `${control.id}-flaw`;
  const flaw = element("p", { class: "flaw", id }, words);
  (field.querySelector(".label, legend") ?? field).after(flaw);
  control.setAttribute("aria-invalid", "true");
  control.dataset["describedBefore"] = control.getAttribute("aria-describedby") ?? "";
  control.setAttribute("aria-describedby", `${id} ${control.dataset["describedBefore"]}`.trim());
}

function restoreDescription(control: Element): void {
  const before = (control as HTMLElement).dataset["describedBefore"] ?? "";
  if (before === "") control.removeAttribute("aria-describedby");
  else control.setAttribute("aria-describedby", before);
}

let controls = 0;

function controlOf(field: HTMLElement): HTMLElement {
  const control = field.querySelector<HTMLElement>("input:not([type=hidden]), select, textarea") ?? field;
  if (control.id === "") control.id = `control-${++controls}`;
  return control;
}

/** Names in `#disagrees` the fields that a register has otherwise, and moves the focus there. */
export function showDisagreement(flaws: Flaw[], focused: "disagrees" | "correct"): void {
  const fields = flaws.map((flaw) => fieldOf(flaw.field));
  const names = new Set(fields.map((field) => (field ? labelOf(field) : "")).filter(Boolean));
  at("disagrees-list").replaceChildren(...[...names].map((name) => element("li", {}, name)));
  show(at("disagrees"));
  at(focused).focus();
}

/** What the field is called, without remarks such as "(optional)". */
function labelOf(field: HTMLElement): string {
  return field.querySelector(".label, legend")?.firstChild?.textContent?.trim() ?? "";
}

/** What is wrong, in the words for this very field where there are such. */
function wordsFor(flaw: Flaw): string {
  const field = flaw.field.replace(/^.*\./, "").replace(/\[\d+\]/g, "");
  const particular = `flaw_${field}_${flaw.code}`;
  if (hasText(particular)) return text(particular);
  return text(hasText(`flaw_${flaw.code}`) ? `flaw_${flaw.code}` : "flaw_form");
}
