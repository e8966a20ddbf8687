// The form of a diary: sends an entry, once, into the order that is shown, and keeps what is typed for each.

import { call } from "../api";
import { localTime } from "../country-time";
import { at, say, show } from "../dom";
import { keepNoneAlone, readValues, writeValues } from "../fields";
import { clearFlaw, clearFlaws, showFlaws } from "../flaws";
import { untilAnswered } from "../retry";
import { forgetDraft, readDraft, writeDraft } from "../tab-draft";
import { text } from "../texts";
import { isRefusal, requestOf, type Unanswered } from "../unanswered";
import type { Order } from "./contract";
import { entryOf } from "./rules";
import { showOrderTrouble } from "./trouble";

export class DiaryForm {
  private readonly form = at<HTMLFormElement>("diary");
  private readonly button = at<HTMLButtonElement>("write");
  /** The order that is written into. */
  private order = "";
  private sent: Unanswered | null = null;
  /** Orders into which an entry is on its way. */
  private readonly sending = new Set<string>();

  /** For whoever types, by the name of the drafts; `written` gets the order that is shown, with the new entry. */
  constructor(
    private readonly whose: string,
    private readonly written: (order: Order) => void,
  ) {
    this.form.addEventListener("input", ({ target }) => this.typed(target as HTMLInputElement));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.send();
    });
  }

  /** Writes into this order from now on: what was typed for another stays with that one. */
  show({ order }: Order): void {
    if (order === this.order) return;
    this.order = order;
    const draft = readDraft(draftOf(order), this.whose);
    this.sent = draft?.sent ?? null;
    this.begin();
    if (draft) writeValues(this.form, draft.values);
    this.showDay();
    say(at("written"), "");
    this.showBusy();
  }

  private typed(control: HTMLInputElement): void {
    if (control.name === "symptoms") keepNoneAlone(this.form, control);
    const field = control.closest<HTMLElement>(".field");
    if (field) clearFlaw(field);
    this.showDay();
    say(at("written"), "");
    this.keep();
  }

  private async send(): Promise<void> {
    const { order } = this;
    if (this.sending.has(order)) return;
    clearFlaws();
    const values = readValues(this.form);
    const request = requestOf(JSON.stringify(values), this.sent, Date.now());
    const entry = entryOf(values, request.at);
    if ("wrong" in entry) return showFlaws([entry.wrong], text("flaws_lead"));
    this.sent = request;
    // Before it is sent: with the tab loaded anew the same is still the same entry.
    this.keep();
    this.sending.add(order);
    this.showBusy();
    const post = (): Promise<Order> => call("POST", `/orders/${order}/diary`, { body: entry, idempotencyKey: request.key });
    try {
      const shown = await untilAnswered(post, { onWaiting: () => this.tell(order, text("diary_waiting")), attempts: ATTEMPTS });
      this.sending.delete(order);
      this.done(shown);
    } catch (failure) {
      this.sending.delete(order);
      this.refused(order, failure);
    }
  }

  private done(shown: Order): void {
    forgetDraft(draftOf(shown.order));
    if (shown.order !== this.order) return this.tell(this.order, text("diary_written_other", { subject: shown.subject }));
    this.sent = null;
    this.begin();
    this.showBusy();
    // The form has lost it while nothing could be typed.
    if (document.activeElement === document.body) this.button.focus();
    this.written(shown);
    say(at("written"), text("diary_written"));
  }

  private refused(order: string, failure: unknown): void {
    // What was typed for another is there when that one is opened again.
    if (order !== this.order) return this.tell(this.order, text("diary_not_written_other"));
    if (isRefusal(failure)) this.sent = null;
    this.keep();
    this.showBusy();
    say(at("written"), "");
    showOrderTrouble(failure);
  }

  private tell(order: string, words: string): void {
    if (order === this.order) say(at("written"), words);
  }

  private begin(): void {
    this.form.reset();
    const today = localTime(Date.now()).slice(0, 10);
    Object.assign(at<HTMLInputElement>("test_day"), { value: today, max: today });
    this.showDay();
  }

  private showDay(): void {
    show(at("test-day-field"), at<HTMLSelectElement>("test").value !== "");
  }

  /** Nothing is typed into an entry that is on its way. */
  private showBusy(): void {
    const isBusy = this.sending.has(this.order);
    this.form.inert = this.button.disabled = isBusy;
  }

  private keep(): void {
    writeDraft(draftOf(this.order), this.whose, { values: readValues(this.form), places: {}, sent: this.sent });
  }
}

/** The name of the draft of an order's entry. */
function draftOf(order: string): string {
  return `diary-${order}`;
}

const ATTEMPTS = 5;
