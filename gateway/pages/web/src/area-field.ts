// A field in which an area is searched as one types: a combobox with a list box, as ARIA describes it.
//
//   <div class="field area-field" data-field="person.permanent.area">
//     <label class="label" for="ID">…</label>
//     <input id="ID"> <input type="hidden" name="person.permanent.area">
//   </div>

import { areaPath, knownPath, learnPath, searchAreas } from "./areas";
import type { Area } from "./contract";
import { element } from "./dom";
import { text } from "./texts";

const QUIET_MS = 150;
const QUERY_CHARS_MIN = 2;

export class AreaField {
  private readonly input: HTMLInputElement;
  private readonly hidden: HTMLInputElement;
  private readonly list: HTMLUListElement;
  private readonly note: HTMLParagraphElement;
  private found: Area[] = [];
  private active = -1;
  private timer = 0;
  private asking = new AbortController();

  constructor(field: HTMLElement) {
    this.input = field.querySelector("input:not([type=hidden])") as HTMLInputElement;
    this.hidden = field.querySelector("input[type=hidden]") as HTMLInputElement;
    const id = `${this.input.id}-list`;
    const label = field.querySelector(".label")?.textContent?.trim() ?? "";
    this.list = element("ul", { id, role: "listbox", class: "area-list", "aria-label": label, hidden: "" });
    this.note = element("p", { class: "area-note", role: "status" });
    field.append(this.list, this.note);
    this.describeInput(id);
    this.listen();
  }

  /** The code of the chosen area, or "". */
  get code(): string {
    return this.hidden.value;
  }

  /** Shows the area with this code. */
  async choose(code: string): Promise<void> {
    this.hidden.value = code;
    this.showPath(knownPath(code));
    const path = await areaPath(code);
    if (this.hidden.value === code) this.showPath(path);
  }

  /** The name in the field, what it lies in below: both would not fit on a telephone. */
  private showPath(path: string): void {
    const [name = "", ...rest] = path.split(", ");
    this.input.value = name;
    this.tell(rest.join(", "));
  }

  private describeInput(listId: string): void {
    const attributes = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": listId };
    for (const [name, value] of Object.entries(attributes)) this.input.setAttribute(name, value);
    this.input.autocomplete = "off";
    this.input.spellcheck = false;
  }

  private listen(): void {
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => this.left());
    // Pressing on the list must not take the focus from the field.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = (event.target as HTMLElement).closest("li");
      if (option) this.take(Number(option.dataset["index"]));
    });
  }

  private typed(): void {
    this.hidden.value = "";
    clearTimeout(this.timer);
    this.asking.abort();
    this.tell("");
    const query = this.input.value.trim();
    if (query.length < QUERY_CHARS_MIN) return this.close();
    this.timer = window.setTimeout(() => void this.search(query), QUIET_MS);
  }

  private async search(query: string): Promise<void> {
    this.asking = new AbortController();
    const { signal } = this.asking;
    try {
      const found = await searchAreas(query, signal);
      if (!signal.aborted) this.open(found);
    } catch {
      if (!signal.aborted) this.tell(text("areas_unreachable"));
    }
  }

  private open(found: Area[]): void {
    this.found = found;
    this.active = -1;
    this.list.replaceChildren(...found.map((area, index) => this.option(area, index)));
    this.list.hidden = found.length === 0;
    this.input.setAttribute("aria-expanded", String(found.length > 0));
    this.input.removeAttribute("aria-activedescendant");
    this.tell(found.length === 0 ? text("areas_none") : "");
  }

  private option(area: Area, index: number): HTMLLIElement {
    const [name = area.name, ...rest] = area.path.split(", ");
    const id = `${this.list.id}-${index}`;
    const option = element("li", { role: "option", id, "aria-selected": "false", "data-index": String(index) });
    option.append(element("strong", {}, name), element("span", {}, rest.join(", ")));
    if (area.successor) option.append(element("em", {}, text("area_now", { path: area.successor.path })));
    return option;
  }

  private key(event: KeyboardEvent): void {
    if (this.list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") this.move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter") this.take(Math.max(0, this.active));
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
  }

  private move(by: number): void {
    const options = [...this.list.children];
    options[this.active]?.setAttribute("aria-selected", "false");
    this.active = (this.active + by + options.length) % options.length;
    const option = options[this.active];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option?.id ?? "");
  }

  private take(index: number): void {
    const area = this.found[index];
    if (!area) return;
    // Who lives in a place that was merged may know it by its old name.
    const { code, path } = !area.is_current && area.successor ? area.successor : area;
    learnPath(code, path);
    this.hidden.value = code;
    this.close();
    this.showPath(path);
    this.hidden.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** What was typed and not chosen is no area; a single find is what was meant. */
  private left(): void {
    if (this.hidden.value === "" && this.found.length === 1 && !this.list.hidden) this.take(0);
    if (this.hidden.value === "" && this.input.value.trim() !== "") this.tell(text("areas_choose"));
    this.close();
  }

  private close(): void {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  private tell(words: string): void {
    if (this.note.textContent !== words) this.note.textContent = words;
  }
}
