// What a pass is worth now: a word for it, and how long it lasts.

import type { KeptPass } from "./device";
import { moment, span } from "./format";
import { text } from "./texts";

export type PassState = "valid" | "unverified" | "expired" | "revoked" | "not_yet";

/** What the state depends on. */
type Dated = Pick<KeptPass, "issued_at" | "valid_until" | "revoked" | "state">;

/** The state at `now`, in unix milliseconds. */
export function stateOf(pass: Dated, now: number): PassState {
  if (pass.revoked) return "revoked";
  if (now >= pass.valid_until) return "expired";
  if (now < pass.issued_at - SKEW_MS) return "not_yet";
  return pass.state === "unverified" ? "unverified" : "valid";
}

/** The state in a word, and in a sentence with the time that is left. */
export function wordsOf(pass: Dated, now: number): { word: string; sentence: string } {
  const state = stateOf(pass, now);
  const until = moment(pass.valid_until);
  const left = span(pass.valid_until - now);
  return { word: text(`state_${state}`), sentence: text(`about_${state}`, { until, left }) };
}

/** The clock of a telephone may be this much slow. */
const SKEW_MS = 10 * 60_000;
