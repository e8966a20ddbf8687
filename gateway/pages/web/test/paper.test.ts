// What officials type from paper.

import assert from "node:assert/strict";
import { test } from "node:test";

import { birthDateTyped, citizenFacts, declared, forNext, kindOf } from "../src/paper/values";

test("a citizen id tells sex, year and province", () => {
  assert.deepEqual(citizenFacts("079 190 012 345"), { sex: "female", year: 1990, province: "VN21-79" });
  assert.deepEqual(citizenFacts("001305000001"), { sex: "female", year: 2005, province: "VN21-01" });
  assert.deepEqual(citizenFacts("001205000001")?.sex, "male");
  for (const none of ["", "12", "00109001234", "179190012345", "001590012345", "B1234567"]) assert.equal(citizenFacts(none), null);
});

test("the kind of a document is that of its number's form", () => {
  assert.deepEqual(["079190012345", "023 456 789", "b1234567", "079", ""].map(kindOf), [
    "citizen_id",
    "old_id",
    "passport",
    "citizen_id",
    "citizen_id",
  ]);
});

test("birth dates are typed in several ways, the day first", () => {
  for (const typed of ["2/3/1990", "02-03-1990", "2.3.1990", "02031990", "1990-03-02", " 2 3 1990 "]) {
    assert.equal(birthDateTyped(typed), "1990-03-02", typed);
  }
  assert.equal(birthDateTyped("1990"), "1990", "a year alone is meant so");
  assert.equal(birthDateTyped("2/3/90"), "2/3/90", "what is none is told");
});

test("the form's values are those of a declaration, and the journey stays for the next person", () => {
  const typed = { "person.birth_date": "2/3/1990", "person.documents[0].number": "079 190 012 345", "journey.from": "A", "person.name": "Mai", "document_seen": "yes" };
  const values = declared(typed);
  assert.equal(values["person.birth_date"], "1990-03-02");
  assert.equal(values["person.documents[0].number"], "079190012345");
  assert.equal(values["journey.when"], "now");
  assert.equal(declared({ "journey.departs_at": "2026-03-02T07:30" })["journey.when"], "later");
  const next = forNext(typed);
  assert.deepEqual([next["journey.from"], next["document_seen"], next["person.name"]], ["A", "yes", undefined]);
});
