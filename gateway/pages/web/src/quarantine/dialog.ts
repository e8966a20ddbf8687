// The dialog that orders quarantine for one, or for all whom trace questions find: tries it first, so that one sees
// for how many and for whom not, and sends it once it is confirmed. The same letter again orders nothing twice.

import { call, Problem } from "../api";
import { at, element, say, show } from "../dom";
import { readValues } from "../fields";
import { newKey } from "../outbox";
import { locale, text } from "../texts";
import { troubleOf } from "../trouble";
import { Turns } from "../turns";
import type { BulkOrdered, OrderReason, OrderTerms, PlaceKind } from "./contract";
import { fillFacilities } from "./facilities";
import { remarksOf, untilAfter } from "./rules";

/** For whom. */
export interface Whom {
  /** Codes, or the bodies of questions by their kind. */
  named: { subjects?: string[]; contacts?: object; chain?: object; stays?: object; passed?: object };
  /** The question in codes, to be kept with each order. */
  origin?: string;
}

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });

export class OrderDialog {
  private readonly dialog = at<HTMLDialogElement>("order");
  private readonly form = at<HTMLFormElement>("order-form");
  private whom: Whom | null = null;
  private letter = { content: "", key: "", until: 0 };
  private readonly tries = new Turns();
  private readonly orders = new Turns();

  /** `done` is called when it was ordered. */
  constructor(private readonly done: () => void = () => undefined) {
    at("order-close").addEventListener("click", () => this.dialog.close());
    this.form.addEventListener("change", () => void this.look());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.send();
    });
  }

  /** Opens it for these. */
  open(whom: Whom): void {
    this.whom = whom;
    this.form.reset();
    this.letter = { content: "", key: "", until: 0 };
    // An answer for those of before is told to nobody.
    this.orders.end();
    this.hold(false);
    show(at("order-fields"));
    show(at("order-yes"));
    at("order-lists").replaceChildren();
    this.dialog.showModal();
    void this.look();
  }

  /** Says for how many it would be. */
  private async look(): Promise<void> {
    show(at("order-site-field"), readValues(this.form)["kind"] === "facility");
    at<HTMLButtonElement>("order-yes").disabled = true;
    this.tell(text("order_looking"), null);
    try {
      const tried = await this.tries.take(() => this.tried());
      if (tried === undefined) return;
      if (tried === null) return this.tell(text("order_no_site"), null);
      this.tell(text("order_would", this.counts(tried)), tried);
      at<HTMLButtonElement>("order-yes").disabled = tried.ordered === 0;
      at("order-yes").textContent = text("order_yes", { n: whole.format(tried.ordered) });
    } catch (failure) {
      this.tell(trouble(failure), null);
    }
  }

  /** `null` where there is no facility to choose. */
  private async tried(): Promise<BulkOrdered | null> {
    const { kind, days } = readValues(this.form);
    if (kind === "facility") await fillFacilities(at("order-site"));
    const body = this.body(untilAfter(Number(days), Date.now()));
    return body && (await call<BulkOrdered>("POST", "/orders/bulk", { body: { ...body, tried: true } }));
  }

  private async send(): Promise<void> {
    if (at<HTMLButtonElement>("order-yes").disabled) return;
    const content = JSON.stringify(this.body(0));
    const isSame = content === this.letter.content;
    if (!isSame) this.letter = { content, key: newKey(), until: untilAfter(Number(readValues(this.form)["days"]), Date.now()) };
    const body = this.body(this.letter.until);
    if (body === null) return;
    this.hold(true);
    this.tell(text("order_sending"), null);
    try {
      const idempotencyKey = this.letter.key;
      const made = await this.orders.take(() => call<BulkOrdered>("POST", "/orders/bulk", { body, idempotencyKey }));
      if (made !== undefined) this.ordered(made);
    } catch (failure) {
      this.tell(trouble(failure), null);
      this.hold(false);
      at<HTMLButtonElement>("order-yes").disabled = false;
    }
  }

  private ordered(made: BulkOrdered): void {
    this.hold(false);
    this.tell(text("order_done", this.counts(made)), made);
    show(at("order-fields"), false);
    show(at("order-yes"), false);
    at("order-close").focus();
    this.done();
  }

  /** Nothing is changed while it is sent. */
  private hold(isSending: boolean): void {
    at("order-fields").inert = isSending;
    at<HTMLButtonElement>("order-yes").disabled = true;
  }

  /** What is sent; `null` where a facility is to be chosen and there is none. */
  private body(until: number): object | null {
    const { kind, site = "", reason } = readValues(this.form);
    const { named, origin } = this.whom as Whom;
    if (kind === "facility" && site === "") return null;
    const place = kind === "facility" ? { site } : {};
    const asked = origin === undefined ? {} : { origin };
    const terms: OrderTerms = { kind: kind as PlaceKind, reason: reason as OrderReason, until, ...asked, ...place };
    return { ...named, terms };
  }

  private counts({ ordered, ordered_before, areas }: BulkOrdered): Record<string, string> {
    return { n: whole.format(ordered + ordered_before), areas: whole.format(areas) };
  }

  private tell(words: string, answer: BulkOrdered | null): void {
    say(at("order-told"), words);
    const lists = (answer?.not_ordered ?? []).map(({ why, subjects, list }) => {
      const codes = list.slice(0, CODES_SHOWN).join(", ") + (list.length > CODES_SHOWN ? ", …" : "");
      const summary = text(`not_ordered_${why}`, { n: whole.format(subjects) });
      return element("details", {}, element("summary", {}, summary), element("p", { class: "codes" }, codes));
    });
    const remarks = answer === null ? [] : remarksOf(answer).map(([name, values]) => element("p", { class: "note" }, text(name, values)));
    at("order-lists").replaceChildren(...remarks, ...lists);
  }
}

function trouble(failure: unknown): string {
  const detail = failure instanceof Problem && failure.status === 413 ? failure.body["detail"] : null;
  return typeof detail === "string" ? text("order_too_many") : troubleOf(failure);
}

const CODES_SHOWN = 200;
