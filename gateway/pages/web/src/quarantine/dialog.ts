// The dialog that orders quarantine for one, or for all whom trace questions find: tries it first, so that one sees
// for how many and for whom not, and sends it once it is confirmed. The same letter again orders nothing twice.

import { call, Problem } from "../api";
import { at, element, say, show } from "../dom";
import { readValues } from "../fields";
import { locale, text } from "../texts";
import { troubleOf } from "../trouble";
import type { BulkOrdered, Facility, OrderReason, OrderTerms, PlaceKind } from "./contract";
import { untilAfter } from "./rules";

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
  /** Counts what was asked: an answer to an earlier question is not shown. */
  private asked = 0;

  /** `done` is called when it was ordered. */
  constructor(private readonly done: () => void = () => undefined) {
    at("order-close").addEventListener("click", () => this.dialog.close());
    this.form.addEventListener("change", () => void this.look());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.send();
    });
    void this.fillFacilities();
  }

  /** Opens it for these. */
  open(whom: Whom): void {
    this.whom = whom;
    this.form.reset();
    this.letter = { content: "", key: "", until: 0 };
    at<HTMLButtonElement>("order-yes").disabled = true;
    show(at("order-fields"));
    show(at("order-yes"));
    at("order-lists").replaceChildren();
    this.dialog.showModal();
    void this.look();
  }

  private async fillFacilities(): Promise<void> {
    const { facilities } = await call<{ facilities: Facility[] }>("GET", "/orders/facilities").catch(() => ({ facilities: [] }));
    const options = facilities.map(({ site, name, area }) => element("option", { value: site }, [name, area].filter(Boolean).join(" · ")));
    at("order-site").replaceChildren(...options);
  }

  /** Says for how many it would be. */
  private async look(): Promise<void> {
    const own = ++this.asked;
    const values = readValues(this.form);
    show(at("order-site-field"), values["kind"] === "facility");
    at<HTMLButtonElement>("order-yes").disabled = true;
    const body = this.body(untilAfter(Number(values["days"]), Date.now()));
    if (body === null) return this.tell(text("order_no_site"), null);
    this.tell(text("order_looking"), null);
    try {
      const tried = await call<BulkOrdered>("POST", "/orders/bulk", { body: { ...body, tried: true } });
      if (own !== this.asked) return;
      this.tell(text("order_would", this.counts(tried)), tried);
      at<HTMLButtonElement>("order-yes").disabled = tried.ordered === 0;
      at("order-yes").textContent = text("order_yes", { n: whole.format(tried.ordered) });
    } catch (failure) {
      if (own === this.asked) this.tell(trouble(failure), null);
    }
  }

  private async send(): Promise<void> {
    const button = at<HTMLButtonElement>("order-yes");
    const content = JSON.stringify(this.body(0));
    const isSame = content === this.letter.content;
    if (!isSame) this.letter = { content, key: newKey(), until: untilAfter(Number(readValues(this.form)["days"]), Date.now()) };
    const body = this.body(this.letter.until);
    if (body === null) return;
    button.disabled = true;
    this.tell(text("order_sending"), null);
    try {
      const made = await call<BulkOrdered>("POST", "/orders/bulk", { body, idempotencyKey: this.letter.key });
      this.tell(text("order_done", this.counts(made)), made);
      show(at("order-fields"), false);
      show(button, false);
      at("order-close").focus();
      this.done();
    } catch (failure) {
      this.tell(trouble(failure), null);
      button.disabled = false;
    }
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
    if (answer?.cut) lists.unshift(element("details", { open: "" }, element("summary", {}, text("order_cut"))));
    at("order-lists").replaceChildren(...lists);
  }
}

function trouble(failure: unknown): string {
  const detail = failure instanceof Problem && failure.status === 413 ? failure.body["detail"] : null;
  return typeof detail === "string" ? text("order_too_many") : troubleOf(failure);
}

/** By chance; `crypto.randomUUID` is there for pages over HTTPS alone. */
function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const CODES_SHOWN = 200;
