// A request that may have arrived although no answer came. The same again goes under the same key, so the server
// makes it once; where the page is loaded anew in between, the tab's draft has kept it.

import { Problem } from "./api";
import { newKey } from "./outbox";
import { mayHelp } from "./retry";

/** What was sent and has no answer yet. */
export interface Unanswered {
  /** All that it says. */
  content: string;
  /** Its idempotency key. */
  key: string;
  /** When it was first sent, unix milliseconds: what says "now" in it means then. */
  at: number;
}

/** The request with this content: the one before, where that says the same; to be kept before it is sent. */
export function requestOf(content: string, last: Unanswered | null, now: number): Unanswered {
  return last?.content === content ? last : { content, key: newKey(), at: now };
}

/**
 * Whether the failure is the server's word that it did not do what was asked. It looks first whether it has done so
 * before; only somebody who is not signed in is told nothing of that.
 */
export function isRefusal(failure: unknown): boolean {
  return failure instanceof Problem && failure.status !== 401 && !mayHelp(failure);
}
