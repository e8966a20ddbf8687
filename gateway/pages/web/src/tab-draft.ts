// What is being typed on a page that many people's facts are entered on, so that a reload loses nothing: in this
// tab alone, of whoever is signed in, and gone when somebody signs out in any tab.

import type { Me } from "./contract";
import type { Values } from "./declaration";
import type { Unanswered } from "./unanswered";

/** A form that is being filled in. */
export interface TabDraft {
  values: Values;
  /** What the areas in `values` are called, by their code. */
  places: Record<string, string>;
  /** What was sent of it and has no answer yet. */
  sent?: Unanswered | null;
}

interface Kept<Draft> {
  /** Whose it is. */
  whose: string;
  /** Unix milliseconds. */
  at: number;
  draft: Draft;
}

/** Whose draft it is that somebody types who is signed in so. */
export function draftOwner(me: Me): string {
  if (me.kind === "account") return me.account;
  return me.kind === "citizen" ? [me.document_kind, me.document_last4, me.phone_last3].join(" ") : me.kind;
}

/** The draft of this page by this owner, where nobody has signed out since. */
export function readDraft<Draft extends TabDraft>(page: string, whose: string): Draft | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(PREFIX + page) ?? "null") as Kept<Draft> | null;
    const signedOutAt = Number(localStorage.getItem(SIGNED_OUT) ?? 0);
    if (kept?.whose === whose && kept.at > signedOutAt) return kept.draft;
    sessionStorage.removeItem(PREFIX + page);
  } catch {
    // Storage is switched off, or holds what an older version wrote.
  }
  return null;
}

export function writeDraft<Draft extends TabDraft>(page: string, whose: string, draft: Draft): void {
  try {
    const kept: Kept<Draft> = { whose, at: Date.now(), draft };
    sessionStorage.setItem(PREFIX + page, JSON.stringify(kept));
  } catch {
    // Storage is switched off or full: the page works, but a reload begins anew.
  }
}

/** Takes away a page's draft once it was sent. */
export function forgetDraft(page: string): void {
  try {
    sessionStorage.removeItem(PREFIX + page);
  } catch {
    // Storage is switched off: there is nothing to take away.
  }
}

/** Takes away what was typed in this tab; other tabs find out that it is theirs no more. */
export function forgetDrafts(): void {
  try {
    const names = Array.from({ length: sessionStorage.length }, (_, i) => sessionStorage.key(i) ?? "");
    for (const name of names) if (name.startsWith(PREFIX)) sessionStorage.removeItem(name);
    localStorage.setItem(SIGNED_OUT, String(Date.now()));
  } catch {
    // Storage is switched off: there is nothing to take away.
  }
}

const PREFIX = "truyvet.draft.";
const SIGNED_OUT = "truyvet.signed-out";
