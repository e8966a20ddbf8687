// What a text is that was scanned or typed, and how the server is asked about it.

import type { IdDocument } from "../contract";
import { isCard } from "./card";
import { readPassNumber } from "./numbers";
import { looksLikeToken } from "./token";

/** What was scanned or typed. */
export type Entry =
  | { kind: "token"; token: string }
  | { kind: "number"; pass: string }
  | { kind: "card"; card: string }
  | { kind: "document"; document: IdDocument }
  | { kind: "other"; text: string };

/** What a scanner has read: a pass, a citizen card, or another system's code. */
export function scanned(text: string): Entry {
  if (looksLikeToken(text)) return { kind: "token", token: text };
  if (isCard(text)) return { kind: "card", card: text.trim() };
  const pass = readPassNumber(text);
  return pass === null ? { kind: "other", text } : { kind: "number", pass };
}

/** What an officer has typed: also the number of a document. */
export function typed(text: string): Entry {
  const entry = scanned(text);
  if (entry.kind !== "other") return entry;
  const number = text.replace(/[\s.-]/g, "").toUpperCase();
  if (/^\d{12}$/.test(number)) return { kind: "document", document: { kind: "citizen_id", number } };
  if (/^\d{9}$/.test(number)) return { kind: "document", document: { kind: "old_id", number } };
  if (/^[A-Z]{1,2}\d{6,8}$/.test(number)) return { kind: "document", document: { kind: "passport", number } };
  return entry;
}
