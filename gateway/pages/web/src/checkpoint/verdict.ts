// What the officer is told. Everything that was found counts, from the phone and from the server: the
// gravest is the verdict, the others stand below it. So the server can make a verdict stricter, and milder in
// what it alone can know: see AMENDED.

import type { Lists } from "./lists";
import { areKeysFresh } from "./lists";
import type { Outcome } from "./token";

/** Everything that can be found, the gravest first. */
export const FINDINGS = [
  "forged", // signed by nobody who may, or by a key that is not known although the keys are fresh
  "watch", // the bearer is to be stopped, whatever the pass says
  "quarantine", // the bearer is to stay elsewhere
  "revoked",
  "expired",
  "not_yet_valid",
  "unknown_key", // cannot be judged before new keys have come
  "must_update", // made for a newer reader
  "unknown", // the server knows no such pass or declaration
  "damaged", // to be scanned again
  "foreign", // another system's code
  "not_sealed", // a vehicle that was not checked at its depot
  "off_route", // a vehicle where its route does not lead
  "not_verified",
  "ask_server", // nothing is against it that this phone knows, and it does not know enough
  "valid",
] as const;

/** One thing that was found. */
export type Finding = (typeof FINDINGS)[number];

/** How a finding looks and sounds: let through, look closely, stop, or scan again. */
export type Tone = "good" | "careful" | "stop" | "again";

/**
 * What the phone alone finds in a token's outcome, with its lists, at `now`; `isTimeLost` where it may be far later
 * than that.
 */
export function findingsOf(outcome: Outcome, lists: Lists, now: number, isTimeLost = false): Finding[] {
  switch (outcome.outcome) {
    case "not_a_pass":
      return ["foreign"];
    case "truncated":
    case "damaged":
      return ["damaged"];
    case "unknown_version":
    case "unknown_flags":
      return ["must_update"];
    case "unknown_key":
      return [areKeysFresh(lists, now) ? "forged" : "unknown_key"];
    case "bad_signature":
      return ["forged"];
    default:
      return combined([outcome.outcome, ...(isTimeLost ? UNSURE : [])], ofPass(outcome.pass, lists));
  }
}

type Told = { number: string; subject: string; isVerified: boolean; isVehicle: boolean };

/** Of a vehicle everyone aboard is looked at; sealed since its code was printed, it is on the lists. */
function ofPass(pass: Told, lists: Lists): Finding[] {
  const findings: Finding[] = [];
  const aboard = lists.vehicles.get(pass.number);
  if (lists.revoked.has(pass.number)) findings.push("revoked");
  if ([pass.subject, ...(aboard ?? [])].some((subject) => lists.watch.has(subject))) findings.push("watch");
  if ([pass.subject, ...(aboard ?? [])].some((subject) => lists.quarantine.has(subject))) findings.push("quarantine");
  if (!pass.isVerified && aboard === undefined) findings.push(pass.isVehicle ? "not_sealed" : "not_verified");
  if (lists.isCut) findings.push(...UNSURE);
  return findings;
}

/** Both together, the gravest first; "valid" only where nothing else was found. */
export function combined(some: readonly Finding[], others: readonly Finding[]): Finding[] {
  const all = FINDINGS.filter((finding) => some.includes(finding) || others.includes(finding));
  return all.length > 1 ? all.filter((finding) => finding !== "valid") : all;
}

/** What the phone found together with the server's verdict. */
export function amended(own: readonly Finding[], verdict: string): Finding[] {
  const answer = serverFinding(verdict);
  const over = [...UNSURE, ...(BEHIND_QUARANTINE.includes(verdict) ? ELSEWHERE : []), ...(answer === "valid" ? AMENDED : [])];
  return combined(own.filter((finding) => !over.includes(finding)), [answer]);
}

/** The server's verdict as a finding; a word that is not known here is taken as something to look at. */
export function serverFinding(verdict: string): Finding {
  return SERVER_VERDICTS.find((known) => known === verdict) ?? "not_verified";
}

/** How the finding looks and sounds. */
export function toneOf(finding: Finding): Tone {
  switch (finding) {
    case "valid":
      return "good";
    case "not_verified":
    case "ask_server":
    case "not_sealed":
    case "off_route":
    case "not_yet_valid":
    case "unknown_key":
    case "must_update":
    case "unknown":
      return "careful";
    case "damaged":
    case "foreign":
      return "again";
    default:
      return "stop";
  }
}

const UNSURE: Finding[] = ["ask_server"];
/**
 * What the server may know better: an officer has compared it since, or sealed the vehicle; and what lists that were
 * cut, or a clock that was set back, leave open.
 */
const AMENDED: Finding[] = ["not_verified", "not_sealed"];
/** The server alone knows whether this very site is the one where somebody in quarantine is to be. */
const ELSEWHERE: Finding[] = ["quarantine"];
/** Verdicts that the server gives only where nobody is kept from this site. */
const BEHIND_QUARANTINE = ["valid", "expired", "revoked", "not_verified", "not_sealed", "not_yet_valid"];

const SERVER_VERDICTS = [
  "valid", "expired", "revoked", "not_verified", "not_sealed", "watch", "quarantine", "not_yet_valid", "unknown",
] as const;
