// The lists that a check without a network needs: revoked passes, watched people, keys of the issuer.

import { fromBase64 } from "./bytes";
import { readPassNumber } from "./numbers";
import type { IssuerKey } from "./token";

/** The lists as the server gives them, and as they are kept. */
export interface ListsAnswer {
  now: number;
  skew_ms?: number;
  revoked: string[];
  watch: { subject: string; reason?: string }[];
  /** Lists kept before there were orders have none. */
  quarantine?: string[];
  keys: { id: number; public_key: string; from: number; until?: number | null }[];
  /** Lists kept before there were vehicles have none. */
  vehicles?: { pass: string; aboard: string[] }[];
  /** Whether the server had more than it lists: what is not on the lists must be checked online. */
  is_cut?: boolean;
}

/** Lists as kept on the phone. */
export interface KeptLists {
  answer: ListsAnswer;
  etag: string | null;
  /** The server's time when it last gave them, or said that they have not changed. */
  checkedAt: number;
}

/** Lists made ready for looking things up. */
export interface Lists {
  revoked: Set<string>;
  /** Why somebody is watched, by the code of the subject. */
  watch: Map<string, string>;
  /** Codes of those who are to stay in quarantine. */
  quarantine: Set<string>;
  keys: IssuerKey[];
  /** Codes of those aboard, by the number of the pass of a vehicle that is under way. */
  vehicles: Map<string, string[]>;
  /** Whether it means nothing that something is not on them. */
  isCut: boolean;
  skewMs: number;
  checkedAt: number;
}

/** The kept lists, ready; of what cannot be read nothing is taken. */
export function readLists(kept: KeptLists): Lists {
  const { answer, checkedAt } = kept;
  const keys = answer.keys.flatMap((key) => {
    const publicKey = fromBase64(key.public_key);
    if (publicKey?.length !== 32) return [];
    return [{ id: key.id, publicKey, from: key.from, until: key.until ?? null }];
  });
  return {
    revoked: new Set(answer.revoked.map((number) => readPassNumber(number) ?? number)),
    watch: new Map(answer.watch.map(({ subject, reason }) => [subject, reason ?? ""])),
    quarantine: new Set(answer.quarantine ?? []),
    keys,
    vehicles: new Map((answer.vehicles ?? []).map(({ pass, aboard }) => [readPassNumber(pass) ?? pass, aboard])),
    isCut: answer.is_cut ?? false,
    skewMs: answer.skew_ms ?? DEFAULT_SKEW_MS,
    checkedAt,
  };
}

/** How old lists may be: "fresh", "old" above an hour, "stale" above a day, "none" where there are none. */
export type Age = "fresh" | "old" | "stale" | "none";

/** How old the lists are at `now`, by the server's clock. */
export function ageOf(lists: Lists | null, now: number): Age {
  if (lists === null) return "none";
  const age = now - lists.checkedAt;
  if (age > 24 * HOUR_MS) return "stale";
  return age > HOUR_MS ? "old" : "fresh";
}

/** Whether a key that is not on the lists must be a forger's, and not merely a new one. */
export function areKeysFresh(lists: Lists, now: number): boolean {
  return now - lists.checkedAt < KEYS_FRESH_MS;
}

/**
 * Codes of those aboard a vehicle now, as far as this phone knows; `null` where it does not. Crews change at
 * stops: what is older is asked of the server, which knows who was aboard at each instant.
 */
export function aboardOf(lists: Lists, pass: string, now: number): string[] | null {
  const isFresh = now - lists.checkedAt < ABOARD_FRESH_MS;
  return (isFresh && lists.vehicles.get(pass)) || null;
}

const DEFAULT_SKEW_MS = 60_000;
const HOUR_MS = 3_600_000;
const KEYS_FRESH_MS = 10 * 60_000;
const ABOARD_FRESH_MS = 10 * 60_000;
