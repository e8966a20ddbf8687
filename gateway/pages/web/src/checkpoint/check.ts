// One check, from what was scanned to what is shown: the phone's verdict at once, then what the server adds.

import { Problem } from "../api";
import type { Entry } from "./entry";
import type { Lists } from "./lists";
import type { Trip } from "../vehicle/contract";
import type { CheckAnswer, Facts, Question } from "./server";
import { checkToken } from "./token";
import type { Pass } from "./token";
import { amended, combined, findingsOf } from "./verdict";
import type { Finding } from "./verdict";

/** How far the server has come. */
export type ServerState = "asking" | "answered" | "unreachable" | "signed_out" | "failed" | "not_asked";

/** What is known of what was scanned. */
export interface Checked {
  /** The gravest first; none before the server has answered about a number, a card or a document. */
  findings: Finding[];
  /** What the token says, once it can be believed. */
  pass: Pass | null;
  facts: Facts | null;
  /** What was declared of a vehicle, and who is aboard. */
  vehicle: Trip | null;
  /** Since when the holder has been inside this venue, as far as the server knows; `null`: not that anybody knows. */
  insideSince: number | null;
  /** Why, in the server's or the list's word. */
  reason: string;
  /** Among these the officer has to choose. */
  matches: CheckAnswer[];
  server: ServerState;
}

/** What a check needs. */
export interface Means {
  lists: () => Lists;
  /** The server's time, unix milliseconds. */
  now: () => number;
  /** Whether it may be far later than that. */
  isTimeLost: () => boolean;
  ask: (question: Question) => Promise<CheckAnswer>;
  /** Fetches the lists anew; `false` where that was not possible. */
  refreshLists: () => Promise<boolean>;
}

/** Checks an entry, and shows what is known each time more is. */
export async function check(entry: Entry, means: Means, show: (checked: Checked) => void): Promise<void> {
  if (entry.kind === "other") return show({ ...NOTHING, findings: ["foreign"], server: "not_asked" });
  const first = entry.kind === "token" ? await ofToken(entry.token, means) : ofLists(entry, means.lists());
  const isReadable = !["damaged", "foreign"].includes(first.findings[0] ?? "");
  // The server is being asked already: its answer is waited for, and only without one is it told to ask.
  const shown = first.findings[0] === "ask_server" ? { ...first, findings: [] } : first;
  show(isReadable ? shown : { ...first, server: "not_asked" });
  if (!isReadable) return;
  show(await withServer(first, questionOf(entry), means));
}

/** What is known once the officer has chosen one of the matches. */
export function chosen(match: CheckAnswer, means: Means): Promise<Checked> {
  return withAnswer(NOTHING, { ...match, matches: [] }, means);
}

async function ofToken(token: string, means: Means): Promise<Checked> {
  const judge = async (): Promise<Checked> => {
    const lists = means.lists();
    const outcome = await checkToken(token, lists.keys, means.now(), lists.skewMs);
    const subjects = outcome.pass ? [outcome.pass.subject, ...(lists.vehicles.get(outcome.pass.number) ?? [])] : [];
    const reason = subjects.map((subject) => lists.watch.get(subject)).find(Boolean) ?? "";
    return { ...NOTHING, findings: findingsOf(outcome, lists, means.now(), means.isTimeLost()), pass: outcome.pass, reason };
  };
  const judged = await judge();
  const isKeyMissing = judged.findings.includes("unknown_key");
  return isKeyMissing && (await means.refreshLists()) ? judge() : judged;
}

/** A number can be on the list of revoked passes; all else only the server knows. */
function ofLists(entry: Entry, lists: Lists): Checked {
  const isRevoked = entry.kind === "number" && lists.revoked.has(entry.pass);
  return { ...NOTHING, findings: isRevoked ? ["revoked"] : [] };
}

async function withServer(first: Checked, question: Question, means: Means): Promise<Checked> {
  try {
    return await withAnswer(first, await means.ask(question), means);
  } catch (reason) {
    if (!(reason instanceof Problem)) return { ...first, server: "unreachable" };
    return { ...first, server: reason.status === 401 ? "signed_out" : "failed" };
  }
}

async function withAnswer(first: Checked, answer: CheckAnswer, means: Means): Promise<Checked> {
  const matches = answer.matches ?? [];
  if (matches.length > 0 && !answer.facts) return { ...first, matches, server: "answered" };
  // What the server found by a number or a card is a pass like any other: the phone checks it too.
  const token = first.pass === null && first.findings.length === 0 ? answer.pass?.token : undefined;
  const own = token === undefined ? first : await ofToken(token, means);
  // Of a forged pass the server knows nothing; that is no second finding.
  const isForged = own.findings[0] === "forged" && answer.verdict === "unknown";
  return {
    findings: isForged ? own.findings : combined(amended(own.findings, answer.verdict), answer.off_route ? ["off_route"] : []),
    pass: own.pass,
    facts: answer.facts ?? null,
    vehicle: answer.vehicle ?? null,
    insideSince: answer.inside_since ?? null,
    // Why the server knows no such pass is no word for people; the phone has judged the token itself.
    reason: own.reason || (answer.verdict === "unknown" ? "" : (answer.reason ?? "")),
    matches: [],
    server: "answered",
  };
}

function questionOf(entry: Exclude<Entry, { kind: "other" }>): Question {
  switch (entry.kind) {
    case "token":
      return { token: entry.token };
    case "number":
      return { pass: entry.pass };
    case "card":
      return { card: entry.card };
    case "document":
      return { document: entry.document };
  }
}

const NOTHING: Checked = { findings: [], pass: null, facts: null, vehicle: null, insideSince: null, reason: "", matches: [], server: "asking" };
