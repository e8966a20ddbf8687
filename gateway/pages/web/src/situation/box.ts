// The box that tells a citizen the epidemic situation along a journey.

import type { JourneySituation, Situation } from "../contract";
import type { Device } from "../device";
import { element, show } from "../dom";
import { span } from "../format";
import { language, text } from "../texts";
import { askSituation } from "./ask";
import { isAnythingKnown, questionOf, shownOf, type Shown } from "./places";
import { badge, circumstances, measures, wordsOf } from "./words";

/** Shows the same in each of the elements; they are hidden until there is something to tell. */
export class SituationBox {
  private asked: string | null = null;

  constructor(
    private readonly boxes: HTMLElement[],
    private readonly device: Device,
  ) {}

  /** Asks anew where the journey is another than before. `departsAt`: unix milliseconds where not now. */
  async update(from: string, to: string, departsAt: number | null): Promise<void> {
    const question = questionOf(from, to, departsAt);
    if (question === this.asked) return;
    this.asked = question;
    if (question === null) return this.hide();
    try {
      const { answer, keptAt } = await askSituation<JourneySituation | Situation>(this.device, question);
      if (this.asked === question) this.draw(shownOf(answer, from !== ""), keptAt);
      if (keptAt !== null) this.forget(question);
    } catch {
      this.forget(question);
      this.hide();
    }
  }

  /** What was not told by the server is asked again with the next change. */
  private forget(question: string): void {
    if (this.asked === question) this.asked = null;
  }

  private hide(): void {
    for (const box of this.boxes) show(box, false);
  }

  private draw(shown: Shown, keptAt: number | null): void {
    for (const box of this.boxes) {
      box.replaceChildren(element("h3", {}, text("situation_title")), ...contentOf(shown, keptAt));
      show(box);
    }
  }
}

function contentOf(shown: Shown, keptAt: number | null): HTMLElement[] {
  const { ends, between, levels } = shown;
  const places = ends.map(({ part, area }) =>
    placeOf(text(part), element("strong", {}, area.name), badge(area.level, levels), element("span", { class: "note" }, circumstances(area))),
  );
  const groups = between.map(({ level, areas }) => element("p", {}, badge(level, levels), ` ${areas.map(({ name }) => name).join(", ")}`));
  if (groups.length > 0) places.push(placeOf(text("situation_between"), ...groups));
  const age = keptAt === null ? [] : [element("p", { class: "note" }, text("situation_kept", { span: span(Date.now() - keptAt) }))];
  const more = element("a", { href: `/situation?lang=${language}` }, text("situation_more"));
  return [element("dl", { class: "places" }, ...places), ...followsFrom(shown), ...age, element("p", { class: "note" }, more)];
}

function placeOf(part: string, ...told: HTMLElement[]): HTMLElement {
  return element("div", {}, element("dt", {}, part), element("dd", {}, ...told));
}

/** What arrivals need, and what holds where they arrive. */
function followsFrom(shown: Shown): HTMLElement[] {
  if (shown.arrivals === null) return [];
  if (!isAnythingKnown(shown)) return [element("p", {}, text("situation_unknown"))];
  const needs = measures(shown.arrivals);
  const told = needs.length > 0 ? needed(text("situation_needs"), needs) : [element("p", { class: "needs" }, text("situation_needs_none"))];
  if (shown.through !== null) {
    const areas = shown.through.areas.map(({ name }) => name).join(", ");
    told.push(...needed(text("situation_needs_through", { areas }), measures(shown.through.arrivals)));
  }
  const there = shown.levels.find(({ code }) => code === shown.ends.find(({ part }) => part === "to")?.area.level);
  return there ? [...told, element("p", {}, text("situation_there", { note: wordsOf(there.note) }))] : told;
}

function needed(when: string, needs: string[]): HTMLElement[] {
  return [element("p", { class: "needs" }, when), element("ul", {}, ...needs.map((need) => element("li", {}, need)))];
}
