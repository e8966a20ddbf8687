// What went wrong with a request of an official, in words.

import { Problem } from "./api";
import { text } from "./texts";

/** Words for a refusal, or for no answer at all. */
export function troubleOf(failure: unknown): string {
  if (!(failure instanceof Problem)) return text("unreachable");
  if (failure.status === 401) return text("signed_out");
  if (failure.status === 403) return text("not_allowed");
  if (failure.status === 404) return text("not_found");
  return failure.status >= 500 ? text("unreachable") : text("refused");
}
