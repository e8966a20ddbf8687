// Step one: document and phone, then the one-time code.

import { call, Problem } from "./api";
import type { CitizenSession, IdDocument } from "./contract";
import { at, say, show } from "./dom";
import { moment } from "./format";
import { mayHelp, untilAnswered } from "./retry";
import { text } from "./texts";

export interface Identity {
  document: IdDocument;
  phone: string;
}

export interface CodeSent {
  expires_at: number;
  again_at: number;
}

/** Says so while an answer is awaited. */
function waiting(): void {
  say(at("sync"), text("sync_waiting"));
}

/** Has a code sent to the phone. */
export async function askCode(identity: Identity): Promise<CodeSent> {
  const ask = (): Promise<CodeSent> => call<CodeSent>("POST", "/codes", { body: identity });
  return untilAnswered(ask, { onWaiting: waiting, attempts: ATTEMPTS });
}

/** Begins the session of a citizen. */
export async function redeemCode(identity: Identity, code: string): Promise<CitizenSession> {
  const ask = (): Promise<CitizenSession> => call("POST", "/codes/redeem", { body: { ...identity, code } });
  return untilAnswered(ask, { onWaiting: waiting, attempts: ATTEMPTS });
}

/** Shows the part in which the code is typed, and when another may be asked for. */
export function showCodePart(phone: string, sent: CodeSent): void {
  show(at("identity"), false);
  show(at("code-part"));
  at("code-hint").textContent = text("code_sent", { phone: phone.slice(-3), until: moment(sent.expires_at) });
  holdAgain(sent.again_at);
  at("code").focus();
}

/** Goes back to document and phone. */
export function showIdentityPart(): void {
  show(at("code-part"), false);
  show(at("identity"));
  at<HTMLInputElement>("code").value = "";
}

function holdAgain(againAt: number): void {
  const again = at<HTMLButtonElement>("code-again");
  again.disabled = true;
  setTimeout(() => (again.disabled = false), Math.min(MAX_HOLD_MS, Math.max(0, againAt - Date.now())));
}

/** What went wrong, in words for a person. */
export function codeTrouble(failure: unknown): string {
  if (!(failure instanceof Problem)) return text("unreachable");
  if (failure.status === 429) return text("too_many", { minutes: minutesOf(failure) });
  if (failure.kind === "code-expired") return text("code_expired");
  if (failure.kind === "wrong-code") return wrongCode(failure);
  return mayHelp(failure) ? text("unreachable") : text("refused");
}

function wrongCode(failure: Problem): string {
  const left = failure.body["attempts_left"];
  return typeof left === "number" ? text("wrong_code_left", { n: left }) : text("wrong_code");
}

function minutesOf(failure: Problem): number {
  return Math.max(1, Math.ceil((failure.retryAfterMs ?? 0) / 60_000));
}

/** A person waits at this step: after so many failures it is said that there is no network. */
const ATTEMPTS = 6;
const MAX_HOLD_MS = 300_000;
