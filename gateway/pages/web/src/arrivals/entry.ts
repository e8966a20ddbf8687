// One arrival after the other, by keyboard alone: the flight stays, the seat goes on.

import { call } from "../api";
import { AreaField } from "../area-field";
import type { DeclarationMade } from "../contract";
import type { Values } from "../declaration";
import { at, say, show } from "../dom";
import { readValues } from "../fields";
import { fieldOf, showFlaws } from "../flaws";
import { EntryForm, type Entering } from "../paper/entry-form";
import { goToFirst } from "../paper/keys";
import type { TabDraft } from "../tab-draft";
import { text } from "../texts";
import { requestOf, type Unanswered } from "../unanswered";
import { landingValues } from "./landing";
import { arrivalOf, forNext } from "./values";

const form = at<HTMLFormElement>("entry");

/** Starts the form with what was kept; `keep` is told whatever is typed. */
export async function startEntry(kept: TabDraft, keep: (draft: TabDraft) => void): Promise<void> {
  // Before the form hears of it too, and keeps it.
  at("country").addEventListener("change", () => {
    at<HTMLSelectElement>("nationality").value = at<HTMLSelectElement>("country").value;
  });
  const areas = new Map([["home_area", new AreaField(fieldOf("crossing.quarantine.home.area") as HTMLElement)]]);
  const entry = new EntryForm({ form, areas, keep, show: showHome, read, saved, outOfReach: "other_border" });
  await entry.restore(kept);
  showHome();
  goToFirst(form);
}

function showHome(): void {
  const isHome = at<HTMLSelectElement>("stay").value === "home";
  for (const field of form.querySelectorAll<HTMLElement>("[data-home]")) show(field, isHome);
}

function read(last: Unanswered | null, acceptMismatches: boolean): Entering | null {
  const landing = landingValues();
  if (landing === null) return null;
  const values = readValues(form);
  if (!values["sex"]) {
    showFlaws([{ field: "traveller.sex", code: "missing" }], text("flaws_lead"));
    return null;
  }
  const seen = { arrival: arrivalOf(landing, values), document_seen: values["document_seen"] === "yes" };
  // Whether mismatches are accepted makes no other arrival of it.
  const request = requestOf(JSON.stringify(seen), last, Date.now());
  const body = { ...seen, accept_mismatches: acceptMismatches };
  const post = (): Promise<DeclarationMade> => call("POST", "/arrivals", { body, idempotencyKey: request.key });
  return { name: seen.arrival.traveller.name, request, post };
}

function saved(name: string, made: DeclarationMade): Values {
  say(at("said"), [text("saved", { name, pass: made.pass.pass }), text(`state_${made.state}`)].join(" · "));
  return forNext(readValues(form));
}
