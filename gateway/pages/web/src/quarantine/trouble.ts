// Why something about an order was not done, in words.

import { Problem } from "../api";
import { showFlaws } from "../flaws";
import { hasText, text } from "../texts";
import { troubleOf } from "../trouble";

/** Words for a refusal, or for no answer at all. */
export function orderTrouble(failure: unknown): string {
  if (!(failure instanceof Problem) || failure.status !== 409) return troubleOf(failure);
  const { why } = failure.body;
  if (typeof why !== "string") return text("order_over");
  return text(hasText(`not_one_${why}`) ? `not_one_${why}` : "refused");
}

/** Shows it, the flaws of fields at their fields. */
export function showOrderTrouble(failure: unknown): void {
  const flaws = failure instanceof Problem ? failure.flaws : [];
  showFlaws(flaws, flaws.length > 0 ? text("flaws_lead") : orderTrouble(failure));
}
