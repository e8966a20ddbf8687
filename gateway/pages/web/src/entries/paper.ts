// The page /paper: what citizens declared on paper, typed one by one or sent as a table.

import { at, show } from "../dom";
import { openDraft } from "../paper/draft";
import { printToday, startEntry } from "../paper/entry";
import { clearSheets } from "../paper/print";
import { startTable } from "../paper/table";
import { startWork } from "../work";

/** Who may enter paper. */
const ENTERERS = ["officer", "ward", "health"];

void start();

async function start(): Promise<void> {
  const me = await startWork(ENTERERS);
  if (me === null) return;
  for (const way of document.querySelectorAll<HTMLInputElement>('input[name="way"]')) way.addEventListener("change", showWay);
  showWay();
  const { draft, keep } = openDraft("paper", me);
  startTable({
    address: "/paper/uploads",
    preview: "/paper/preview",
    fields: FIELDS,
    shown: SHOWN,
    kept: draft.upload,
    onUpload: (upload) => keep({ upload }),
    given: () => ({}),
  });
  at("print-entered").addEventListener("click", () => void printToday());
  window.addEventListener("afterprint", clearSheets);
  await startEntry(Object.keys(draft.values).length > 0 ? draft : null, keep);
}

function showWay(): void {
  const isTable = document.querySelector<HTMLInputElement>('input[name="way"]:checked')?.value === "table";
  show(at("one-by-one"), !isTable);
  show(at("as-table"), isTable);
}

/** In the order in which people fill them in. */
const FIELDS = [
  "name", "birth_date", "sex", "document", "document_kind", "document_country", "nationality", "phone", "permanent",
  "permanent_address", "present", "from", "to", "departs_at", "departs_time", "purpose", "route", "vehicle", "plate",
  "symptoms", "exposure", "vaccine_doses", "test_kind", "test_result", "test_at",
];

/** What of a row is shown before it is sent. */
const SHOWN = ["name", "birth_date", "sex", "document", "permanent", "from", "to", "departs_at"];
