// The form of a diary: sends an entry, and tells what is wrong with it.

import { call, Problem } from "../api";
import { at, say } from "../dom";
import { readValues } from "../fields";
import { clearFlaw, clearFlaws, showFlaws } from "../flaws";
import { text } from "../texts";
import { troubleOf } from "../trouble";
import type { Order } from "./contract";
import { entryOf } from "./rules";

/** Lets the form `#diary` write into the order that `current` names; `written` gets the order with it. */
export function startDiary(current: () => string | undefined, written: (order: Order) => void): void {
  const form = at<HTMLFormElement>("diary");
  const button = at<HTMLButtonElement>("write");
  form.addEventListener("input", ({ target }) => {
    const field = (target as HTMLElement).closest<HTMLElement>(".field");
    if (field) clearFlaw(field);
    say(at("written"), "");
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const order = current();
    if (order === undefined) return;
    clearFlaws();
    const entry = entryOf(readValues(form), Date.now());
    if ("wrong" in entry) return showFlaws([{ field: entry.wrong, code: "form" }], text("flaws_lead"));
    button.disabled = true;
    call<Order>("POST", `/orders/${order}/diary`, { body: entry })
      .then((shown) => {
        form.reset();
        written(shown);
        say(at("written"), text("diary_written"));
      })
      .catch((failure: unknown) => {
        const problem = failure instanceof Problem ? failure : null;
        if (problem && problem.flaws.length > 0) return showFlaws(problem.flaws, text("flaws_lead"));
        showFlaws([], problem?.status === 409 ? text("order_over") : troubleOf(failure));
      })
      .finally(() => (button.disabled = false));
  });
}
