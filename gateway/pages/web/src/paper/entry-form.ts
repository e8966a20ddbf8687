// A form on which people are entered one after the other, by keyboard alone: what /paper and /arrivals share.

import { Problem } from "../api";
import type { AreaField } from "../area-field";
import { knownPath, learnPath } from "../areas";
import type { DeclarationMade } from "../contract";
import type { Values } from "../declaration";
import { at, say, show } from "../dom";
import { fillCountries, readValues, writeValues } from "../fields";
import { clearFlaw, clearFlaws, showDisagreement, showFlaws } from "../flaws";
import { untilAnswered } from "../retry";
import { singly } from "../singly";
import type { TabDraft } from "../tab-draft";
import { text } from "../texts";
import { troubleOf } from "../trouble";
import type { Unanswered } from "../unanswered";
import { goToFirst, startKeys } from "./keys";
import { printPass } from "./print";
import { leftOf } from "./values";

/** One person on the way to the server. */
export interface Entering {
  name: string;
  request: Unanswered;
  post: () => Promise<DeclarationMade>;
}

/** What a form is of. */
export interface EntryOf {
  form: HTMLFormElement;
  /** Its areas, by the name of their field. */
  areas: Map<string, AreaField>;
  /** Told whatever is typed or sent. */
  keep: (draft: TabDraft) => void;
  /** Shows what depends on other fields; `target` is what was typed into. */
  show: (target?: HTMLInputElement) => void;
  /** What was typed, to be sent; `null` where something is wrong, which was told. `last` has no answer yet. */
  read: (last: Unanswered | null, acceptMismatches: boolean) => Entering | null;
  /** Says that it was saved; answers what the next person's form begins with. */
  saved: (name: string, made: DeclarationMade) => Values;
  /** The text for somebody whom the account may not enter. */
  outOfReach: string;
}

export class EntryForm {
  private unanswered: Unanswered | null = null;
  private readonly send = singly((acceptMismatches: boolean) => this.sendOnce(acceptMismatches));

  constructor(private readonly of: EntryOf) {
    const { form } = of;
    for (const select of form.querySelectorAll<HTMLSelectElement>("[data-countries]")) fillCountries(select, "VN");
    startKeys(form, () => void this.send(false));
    form.addEventListener("input", (event) => this.typed(event));
    form.addEventListener("change", (event) => this.typed(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.send(false);
    });
    at("correct").addEventListener("click", () => {
      show(at("disagrees"), false);
      goToFirst(form);
    });
    at("insist").addEventListener("click", () => void this.send(true));
  }

  /** Begins with what was kept. */
  async restore({ values, places, sent }: TabDraft): Promise<void> {
    this.unanswered = sent ?? null;
    for (const [code, path] of Object.entries(places)) learnPath(code, path);
    writeValues(this.of.form, values);
    for (const [name, field] of this.of.areas) if (values[name]) await field.choose(values[name] ?? "");
  }

  private typed(event: Event): void {
    const target = event.target as HTMLInputElement;
    const field = target.closest<HTMLElement>(".field");
    // A text that loses the focus to its own flaw says `change` too; an area that was chosen says nothing else.
    if (field && (event.type === "input" || target.type === "hidden")) clearFlaw(field);
    this.of.show(target);
    this.keep();
  }

  private keep(): void {
    const values = readValues(this.of.form);
    const codes = [...this.of.areas.keys()].map((name) => values[name] ?? "").filter(Boolean);
    this.of.keep({ values, places: Object.fromEntries(codes.map((code) => [code, knownPath(code)])), sent: this.unanswered });
  }

  private async sendOnce(acceptMismatches: boolean): Promise<void> {
    show(at("disagrees"), false);
    clearFlaws();
    const entering = this.of.read(this.unanswered, acceptMismatches);
    if (entering === null) return;
    const { name, request, post } = entering;
    this.unanswered = request;
    // Before it is sent: with the tab loaded anew the same is still the same declaration.
    this.keep();
    try {
      const made = await this.held(() => untilAnswered(post, { onWaiting: () => say(at("said"), text("waiting")), attempts: ATTEMPTS }));
      this.unanswered = null;
      this.offerPrinting(name, made);
      this.beginNext(this.of.saved(name, made));
    } catch (failure) {
      this.unanswered = leftOf(request, failure);
      this.refused(failure);
    }
  }

  /** Until there is an answer nothing can be typed: it would be sent with nobody, or taken away with who was sent. */
  private async held<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    this.setHeld(true);
    try {
      return await work();
    } finally {
      this.setHeld(false);
    }
  }

  /** All but what the form says: that is read out still. */
  private setHeld(isHeld: boolean): void {
    at<HTMLButtonElement>("save").disabled = isHeld;
    for (const part of this.of.form.children) if (part.id !== "said") (part as HTMLElement).inert = isHeld;
  }

  private offerPrinting(name: string, { pass }: DeclarationMade): void {
    const button = at("print-one");
    button.textContent = text("print_one", { name });
    button.onclick = () => printPass(name, pass);
    show(button);
  }

  /** At once: whoever types quickly is typing the next person already. */
  private beginNext(values: Values): void {
    const { form, areas } = this.of;
    form.reset();
    for (const [name, field] of areas) void field.choose(values[name] ?? "");
    writeValues(form, values);
    this.of.show();
    this.keep();
    goToFirst(form);
  }

  private refused(failure: unknown): void {
    say(at("said"), "");
    const problem = failure instanceof Problem ? failure : null;
    if (problem?.kind === "register-disagrees") return showDisagreement(problem.flaws, "correct");
    if (problem?.kind === "two-people") return showFlaws([], text("two_people"));
    if (problem?.status === 403) return showFlaws([], text(this.of.outOfReach));
    if (problem && problem.flaws.length > 0) return showFlaws(problem.flaws, text("flaws_lead"));
    showFlaws([], troubleOf(failure));
  }
}

const ATTEMPTS = 5;
