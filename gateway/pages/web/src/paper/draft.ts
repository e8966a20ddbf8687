// What an official is typing, so that a reload loses nothing: in this tab alone, of the account that is signed
// in, and gone when somebody signs out in any tab.

import type { Values } from "../declaration";

/** A form that is being filled in. */
export interface PaperDraft {
  account: string;
  /** Unix milliseconds. */
  at: number;
  values: Values;
  /** What the areas in `values` are called, by their code. */
  places: Record<string, string>;
  /** The upload that was looked at last; names nobody. */
  upload: string;
}

/** The draft of this account, where nobody has signed out since. */
export function readDraft(account: string): PaperDraft | null {
  try {
    const draft = JSON.parse(sessionStorage.getItem(DRAFT) ?? "null") as PaperDraft | null;
    const signedOutAt = Number(localStorage.getItem(SIGNED_OUT) ?? 0);
    if (draft?.account === account && draft.at > signedOutAt) return draft;
    sessionStorage.removeItem(DRAFT);
  } catch {
    // Storage is switched off, or holds what an older version wrote.
  }
  return null;
}

export function writeDraft(draft: Omit<PaperDraft, "at">): void {
  try {
    sessionStorage.setItem(DRAFT, JSON.stringify({ ...draft, at: Date.now() }));
  } catch {
    // Storage is switched off or full: the page works, but a reload begins anew.
  }
}

/** Takes away what officials typed here; other tabs find out that it is theirs no more. */
export function forgetDrafts(): void {
  try {
    sessionStorage.removeItem(DRAFT);
    localStorage.setItem(SIGNED_OUT, String(Date.now()));
  } catch {
    // Storage is switched off: there is nothing to take away.
  }
}

const DRAFT = "truyvet.paper";
const SIGNED_OUT = "truyvet.signed-out";
