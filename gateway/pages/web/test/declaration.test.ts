// Between form and declaration, and what is told wrong before it is sent.

import assert from "node:assert/strict";
import { test } from "node:test";

import { flawsOfStep } from "../src/check";
import { companionCount, declarationOf, valuesOf, type Values } from "../src/declaration";

const NOW = Date.UTC(2021, 7, 19, 3);
const filled: Values = {
  "phone": "0912 345 678",
  "person.documents[0].kind": "citizen_id",
  "person.documents[0].number": "079 090 012 345",
  "person.documents[0].country": "VN",
  "person.name": " Nguyễn Văn An ",
  "person.birth_date": "1990-03-02",
  "person.sex": "male",
  "person.nationality": "VN",
  "person.permanent.area": "VN21-26740",
  "person.permanent.address": "",
  "person.present.same": "yes",
  "person.present.area": "left over",
  "person.temporary.same": "",
  "person.temporary.area": "VN21-00001",
  "person.temporary.address": "12 Hàng Bài",
  "journey.from": "VN21-26740",
  "journey.to": "VN21-00001",
  "journey.when": "now",
  "journey.departs_at": "",
  "journey.purpose": "work",
  "journey.vehicle.kind": "motorbike",
  "journey.vehicle.plate": "59X1-123.45",
  "companions[0].name": "Bé Na",
  "companions[0].birth_date": "2019",
  "companions[0].document.kind": "citizen_id",
  "companions[0].document.number": "",
  "health.symptoms": "none",
  "health.exposure": "none",
  "health.vaccine_doses": "2",
  "health.test.kind": "none",
};

test("a form becomes a declaration that says what was filled in and no more", () => {
  assert.deepEqual(declarationOf(filled, NOW), {
    person: {
      name: "Nguyễn Văn An",
      birth_date: "1990-03-02",
      sex: "male",
      nationality: "VN",
      documents: [{ kind: "citizen_id", number: "079 090 012 345" }],
      permanent: { area: "VN21-26740" },
      temporary: { area: "VN21-00001", address: "12 Hàng Bài" },
    },
    journey: {
      from: "VN21-26740",
      to: "VN21-00001",
      departs_at: NOW,
      purpose: "work",
      vehicle: { kind: "motorbike", plate: "59X1-123.45" },
    },
    health: { symptoms: [], exposure: "none", vaccine_doses: 2 },
    companions: [{ name: "Bé Na", birth_date: "2019" }],
  });
});

test("a time chosen and a test taken are instants in the time of the country", () => {
  const chosen = { "journey.when": "later", "journey.departs_at": "2021-08-20T07:30" };
  const tested = { "health.test.kind": "pcr", "health.test.result": "negative", "health.test.taken_at": "2021-08-18" };
  const { journey, health } = declarationOf({ ...filled, ...chosen, ...tested }, NOW);
  assert.equal(journey.departs_at, Date.UTC(2021, 7, 20, 0, 30));
  assert.deepEqual(health.test, { kind: "pcr", result: "negative", taken_at: Date.UTC(2021, 7, 17, 17) });
});

test("a declaration that is reused comes back as it was, but for what must be told anew", () => {
  const declared = declarationOf(filled, NOW);
  const values = valuesOf(declared, NOW);
  assert.equal(values["health.symptoms"], undefined);
  assert.equal(values["health.exposure"], undefined);
  const again = declarationOf({ ...values, "health.symptoms": "none", "health.exposure": "none" }, NOW);
  assert.deepEqual(again, declared);
});

test("an old test is not taken over", () => {
  const declared = declarationOf(filled, NOW);
  declared.health.test = { kind: "pcr", result: "negative", taken_at: NOW - 8 * 86_400_000 };
  assert.equal(valuesOf(declared, NOW)["health.test.kind"], undefined);
});

test("companions are counted by the highest number", () => {
  assert.equal(companionCount({}), 0);
  assert.equal(companionCount({ "companions[2].name": "" }), 3);
});

test("a form that is filled in has no flaw, and each flaw names its field as the server does", () => {
  const flaws = (values: Values): string[] => {
    const found = [1, 2, 3, 4].flatMap((step) => flawsOfStep(step, values, "2021-08-19"));
    return found.map(({ field, code }) => `${field} ${code}`);
  };
  assert.deepEqual(flaws(filled), []);
  const wrong: [Values, string][] = [
    [{ "person.documents[0].number": "12" }, "person.documents[0].number form"],
    [{ "phone": "912" }, "phone form"],
    [{ "person.birth_date": "1990-02-30" }, "person.birth_date form"],
    [{ "person.birth_date": "2021-08-20" }, "person.birth_date time"],
    [{ "person.temporary.area": "" }, "person.temporary.area missing"],
    [{ "journey.when": "later" }, "journey.departs_at missing"],
    [{ "companions[0].birth_date": "19" }, "companions[0].birth_date form"],
    [{ "companions[0].document.number": "1" }, "companions[0].document.number form"],
    [{ "health.symptoms": "" }, "health.symptoms missing"],
    [{ "health.test.kind": "pcr" }, "health.test.result missing"],
  ];
  for (const [change, expected] of wrong) assert.ok(flaws({ ...filled, ...change }).includes(expected), expected);
});
