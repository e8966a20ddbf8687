// Parts of a form that repeat: people aboard, areas of a route. Made of the templates `aboard-row`, `route-row`.

import { AreaField } from "../area-field";
import type { Values } from "../declaration";
import { showDocument, startDocument } from "../document-field";
import { at, show } from "../dom";
import { fillCountries, readValues, startBirthDate, writeValues } from "../fields";
import { countOf, without } from "./form";

export const ABOARD_MAX = 60;
export const ROUTE_MAX = 64;

/** Rows of people in `#aboard`. */
export class AboardRows {
  constructor(private readonly form: HTMLFormElement) {
    at("add-aboard").addEventListener("click", () => this.add());
  }

  /** Shows as many rows as the values name people, one at least. */
  show(values: Values): void {
    const count = Math.max(1, countOf(values, "aboard"));
    at("aboard").replaceChildren(...Array.from({ length: count }, (_, i) => this.row(i)));
    writeValues(this.form, values);
    for (let i = 0; i < count; i++) showDocument(at("aboard"), `aboard[${i}].document`);
    show(at("add-aboard"), count < ABOARD_MAX);
    at("aboard-total").textContent = String(count);
  }

  private add(): void {
    const values = readValues(this.form);
    const count = countOf(values, "aboard");
    this.show({ ...values, [`aboard[${count}].name`]: "" });
    at(`aboard[${count}].name`).focus();
  }

  private remove(index: number): void {
    this.show(without(readValues(this.form), "aboard", index));
    at("add-aboard").focus();
  }

  private row(index: number): HTMLElement {
    const made = copyOf("aboard-row", index);
    startBirthDate(made.querySelector(".birth-date") as HTMLElement);
    fillCountries(made.querySelector("[data-countries]") as HTMLSelectElement, "VN");
    startDocument(made, `aboard[${index}].document`);
    for (const part of made.querySelectorAll<HTMLElement>("[data-driver]")) show(part, index === 0);
    for (const part of made.querySelectorAll<HTMLElement>("[data-others]")) show(part, index > 0);
    made.querySelector("[data-remove]")?.addEventListener("click", () => this.remove(index));
    return made;
  }
}

/** Rows of areas in `#route`. */
export class RouteRows {
  private fields: AreaField[] = [];

  constructor(private readonly form: HTMLFormElement) {
    at("add-route").addEventListener("click", () => {
      const values = readValues(this.form);
      void this.show({ ...values, [`route[${countOf(values, "route")}]`]: "" });
    });
  }

  /** Shows as many rows as the values name areas, two at least. */
  async show(values: Values): Promise<void> {
    const count = Math.max(2, countOf(values, "route"));
    const rows = Array.from({ length: count }, (_, i) => this.row(i));
    at("route").replaceChildren(...rows);
    this.fields = rows.map((row) => new AreaField(row.querySelector(".area-field") as HTMLElement));
    show(at("add-route"), count < ROUTE_MAX);
    await Promise.all(this.fields.map((field, i) => field.choose(values[`route[${i}]`] ?? "")));
  }

  private row(index: number): HTMLElement {
    const made = copyOf("route-row", index);
    const remove = made.querySelector<HTMLElement>("[data-remove]");
    if (remove) show(remove, index > 1);
    remove?.addEventListener("click", () => {
      void this.show(without(readValues(this.form), "route", index));
      at("add-route").focus();
    });
    return made;
  }
}

function copyOf(template: string, index: number): HTMLElement {
  const made = at<HTMLTemplateElement>(template).content.firstElementChild?.cloneNode(true) as HTMLElement;
  for (const node of [made, ...made.querySelectorAll("*")]) {
    for (const { name, value } of [...node.attributes]) {
      if (value.includes("[#]")) node.setAttribute(name, value.replace(/\[#\]/g, `[${index}]`));
    }
  }
  return made;
}
