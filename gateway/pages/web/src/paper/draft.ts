// What is kept in the tab of a page on which people are entered: the person being typed, and the last upload.

import type { Me } from "../contract";
import { draftOwner, readDraft, writeDraft, type TabDraft } from "../tab-draft";

export interface EnteringDraft extends TabDraft {
  /** The upload that was looked at last; names nobody. */
  upload: string;
}

/** The draft of this page, and how it is changed and kept. */
export function openDraft(page: string, me: Me): { draft: EnteringDraft; keep: (changed: Partial<EnteringDraft>) => void } {
  const whose = draftOwner(me);
  const draft = readDraft<EnteringDraft>(page, whose) ?? { values: {}, places: {}, upload: "" };
  const keep = (changed: Partial<EnteringDraft>): void => {
    Object.assign(draft, changed);
    writeDraft(page, whose, draft);
  };
  return { draft, keep };
}
