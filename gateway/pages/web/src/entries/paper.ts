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
  startTable({
    address: "/paper/uploads",
    preview: "/paper/preview",
    fields: FIELDS,
    shown: SHOWN,
    kept: draft.upload,
    onUpload: (upload) => {
      draft.upload = upload;
      writeDraft(PAGE, whose, draft);
    },
    given: () => ({}),
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

/** In the order in which people fill them in. */
const FIELDS = [
  "name", "birth_date", "sex", "document", "document_kind", "document_country", "nationality", "phone", "permanent",
  "permanent_address", "present", "from", "to", "departs_at", "departs_time", "purpose", "route", "vehicle", "plate",
  "symptoms", "exposure", "vaccine_doses", "test_kind", "test_result", "test_at",
];

/** What of a row is shown before it is sent. */
const SHOWN = ["name", "birth_date", "sex", "document", "permanent", "from", "to", "departs_at"];
