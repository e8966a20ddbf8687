// The page /paper: what citizens declared on paper, typed one by one or sent as a table.

import { at, show } from "../dom";
import { startEntry, todaysSheets } from "../paper/entry";
import { clearSheets, PAGES_AT_ONCE, printSheets } from "../paper/print";
import { startTable } from "../paper/table";
import { draftOwner, readDraft, writeDraft, type TabDraft } from "../tab-draft";
import { startWork } from "../work";

interface PaperDraft extends TabDraft {
  /** The upload that was looked at last; names nobody. */
  upload: string;
}

/** Who may enter paper. */
const ENTERERS = ["officer", "ward", "health"];

void start();

async function start(): Promise<void> {
  const me = await startWork(ENTERERS);
  if (me === null) return;
  const whose = draftOwner(me);
  for (const way of document.querySelectorAll<HTMLInputElement>('input[name="way"]')) way.addEventListener("change", showWay);
  showWay();
  const draft = readDraft<PaperDraft>(PAGE, whose) ?? { values: {}, places: {}, upload: "" };
  startTable(draft.upload, (upload) => {
    draft.upload = upload;
    writeDraft(PAGE, whose, draft);
  });
  at("print-entered").addEventListener("click", () => {
    const { path, passes } = todaysSheets();
    void printSheets(path, 1, Math.min(PAGES_AT_ONCE, Math.ceil(passes / ON_A_SHEET)));
  });
  window.addEventListener("afterprint", clearSheets);
  const kept = Object.keys(draft.values).length > 0 ? draft : null;
  await startEntry(kept, (typed) => {
    Object.assign(draft, typed);
    writeDraft(PAGE, whose, draft);
  });
}

function showWay(): void {
  const isTable = document.querySelector<HTMLInputElement>('input[name="way"]:checked')?.value === "table";
  show(at("one-by-one"), !isTable);
  show(at("as-table"), isTable);
}

const PAGE = "paper";
const ON_A_SHEET = 8;
