// The page /arrivals: officers at the border enter who arrives, one by one or as a list of passengers, see who
// came on a flight by seat, and print the passes.

import { startEntry } from "../arrivals/entry";
import { landingNow, landingValues, startLanding } from "../arrivals/landing";
import { follow, load, startPassengers } from "../arrivals/passengers";
import { listOf } from "../arrivals/values";
import { at, show } from "../dom";
import { showFlaws } from "../flaws";
import { openDraft } from "../paper/draft";
import { clearSheets } from "../paper/print";
import { lookAgain, startTable } from "../paper/table";
import { text } from "../texts";
import { troubleOf } from "../trouble";
import { startWork } from "../work";

/** Who may enter arrivals. */
const ENTERERS = ["officer", "health"];

void start();

async function start(): Promise<void> {
  const me = await startWork(ENTERERS);
  if (me === null) return;
  try {
    await startLanding(me, landingChanged);
  } catch (failure) {
    return showFlaws([], troubleOf(failure));
  }
  if (at<HTMLSelectElement>("site").options.length === 0) return notHere();
  for (const way of document.querySelectorAll<HTMLInputElement>('input[name="way"]')) way.addEventListener("change", showWay);
  const { draft, keep } = openDraft("arrivals", me);
  startTable({
    address: "/arrivals/lists",
    preview: "/arrivals/lists/preview",
    fields: FIELDS,
    shown: SHOWN,
    kept: draft.upload,
    onUpload: (upload) => keep({ upload }),
    given: () => {
      const landing = landingValues();
      return landing && listOf(landing);
    },
  });
  startPassengers();
  window.addEventListener("afterprint", clearSheets);
  showWay();
  await startEntry(draft, keep);
}

/** The account's site lies not at the border. */
function notHere(): void {
  for (const part of document.querySelectorAll<HTMLElement>("[data-work]")) show(part, false);
  showFlaws([], text("other_border"));
}

function showWay(): void {
  const way = chosenWay();
  show(at("one-by-one"), way === "one");
  show(at("as-table"), way === "table");
  show(at("passengers"), way === "passengers");
  if (way === "passengers") void load();
  if (way === "table") lookWhereTold();
}

/** While it is filled in nobody is told what is missing. */
function landingChanged(): void {
  const way = chosenWay();
  if (way === "passengers") void follow();
  if (way === "table") lookWhereTold();
}

function lookWhereTold(): void {
  if (landingNow() !== null) lookAgain();
}

function chosenWay(): string {
  return document.querySelector<HTMLInputElement>('input[name="way"]:checked')?.value ?? "one";
}

/** In the order in which people fill them in. */
const FIELDS = [
  "seat", "name", "surname", "birth_date", "sex", "document", "document_country", "nationality", "phone", "permanent",
  "quarantine", "quarantine_days", "quarantine_until", "test_kind", "test_result", "test_at",
];

/** What of a row is shown before it is sent. */
const SHOWN = ["seat", "name", "birth_date", "sex", "document", "nationality", "quarantine", "quarantine_until"];
