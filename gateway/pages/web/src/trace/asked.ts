// A question to the engine as it was asked: what the form says by the time of the answer may be another. Pure.

import { Problem } from "../api";
import type { Flaw } from "../contract";

/** What the form says. */
export interface Form {
  /** The question that is chosen. */
  kind: string;
  code: string;
  /** As fields for date and time hold them. */
  from: string;
  to: string;
  window_minutes: string;
  generations: string;
  overlap_minutes: string;
}

export interface Asked {
  /** The question that was chosen. */
  kind: string;
  /** What is asked for its answer, by kind: one question may be answered by two. */
  parameters: Map<string, URLSearchParams>;
}

/** The question that the form asks; `code` names the parameter of its code, `kinds` what is asked for it. */
export function askedOf(form: Form, code: string, kinds: readonly string[]): Asked {
  return { kind: form.kind, parameters: new Map(kinds.map((kind) => [kind, parametersOf(form, code, kind)])) };
}

function parametersOf(form: Form, code: string, kind: string): URLSearchParams {
  const parameters = new URLSearchParams({
    [code]: form.code,
    from: new Date(form.from).toISOString(),
    to: new Date(form.to).toISOString(),
  });
  if (kind === "contacts" || kind === "chain") parameters.set("window", `${form.window_minutes}m`);
  if (kind === "chain") parameters.set("generations", form.generations);
  if (kind === "stays" && form.kind === "stays") parameters.set("overlap", `${Math.max(1, Number(form.overlap_minutes) * 60_000)}ms`);
  return parameters;
}

/** The address of one of them, below that of the API. */
export function addressOf({ parameters }: Asked, kind: string): string {
  return `/trace/${kind}?${parameters.get(kind)}`;
}

/** All of them as an order for many takes them. */
export function namedBy({ parameters }: Asked): Record<string, Record<string, string>> {
  return Object.fromEntries([...parameters].map(([kind, values]) => [kind, Object.fromEntries(values)]));
}

/** The question in codes, to be kept with each order that follows from it. */
export function originOf({ kind, parameters }: Asked): string {
  const { from, to, ...others } = Object.fromEntries(parameters.get(kind) ?? []);
  const words = Object.entries(others).map(([name, value]) => `${name} ${value}`);
  return [[...parameters.keys()].join(" + "), ...words, `${from} – ${to}`].join(", ").slice(0, ORIGIN_CHARS_MAX);
}

/** What no server needs to be asked about. */
export function flawOf({ code, from, to }: Form): Flaw | null {
  if (code.trim() === "") return { field: "code", code: "missing" };
  return new Date(from) < new Date(to) ? null : { field: "to", code: "before_from" };
}

/** The name of the text for a refusal that questions alone meet; `null` for any other. */
export function refusalOf(failure: unknown): string | null {
  if (!(failure instanceof Problem)) return null;
  return REFUSALS[failure.status] ?? null;
}

const REFUSALS: Record<number, string> = { 400: "question_wrong", 413: "question_too_large", 504: "question_too_long" };
const ORIGIN_CHARS_MAX = 300;
