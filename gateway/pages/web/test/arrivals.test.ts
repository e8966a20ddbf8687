// What an officer types at the border, and what it becomes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { arrivalOf, forNext, landingFlaws, listOf, listQuery, nextSeat, wasOn } from "../src/arrivals/values";

const LANDING = { site: "SB-NB", kind: "flight", number: " VN51 ", date: "2021-08-20", from: "KR", arrived_at: "2021-08-20T07:00", days: "14", facility: "CL-01" };
const PERSON = { seat: "12A", passport: "C1234567", country: "VN", nationality: "VN", name: "NGUYEN VAN AN", birth_date: "02031990", sex: "male", stay: "", phone: "" };

test("the seat goes on along the row, then to the next row", () => {
  assert.deepEqual(["12A", " 12e ", "12F", "31K", "", "B7", "cabin"].map(nextSeat), ["12B", "12F", "13A", "32A", "", "", ""]);
});

test("two forms make one arrival: the flight's, and the person's", () => {
  const { traveller, crossing } = arrivalOf(LANDING, PERSON);
  assert.deepEqual(traveller.passport, { number: "C1234567", country: "VN" });
  assert.equal(traveller.birth_date, "1990-03-02");
  assert.equal("phone" in traveller, false);
  assert.deepEqual(crossing.carriage, { kind: "flight", number: "VN51", date: "2021-08-20" });
  assert.equal(crossing.arrived_at, Date.UTC(2021, 7, 20), "in the time of the country, wherever the computer's clock is set");
  const { facility, home, until } = crossing.quarantine;
  assert.deepEqual([facility, home, until - crossing.arrived_at], ["CL-01", undefined, 14 * 86_400_000]);
});

test("quarantine is where all stay, in another facility, or at home", () => {
  const stays = (values: Record<string, string>) => arrivalOf(LANDING, { ...PERSON, ...values }).crossing.quarantine;
  assert.equal(stays({ stay: "CL-02" }).facility, "CL-02");
  const { facility, home } = stays({ stay: "home", home_area: "VN25-00097", address: " 8 Hàng Bạc " });
  assert.deepEqual([facility, home], [undefined, { area: "VN25-00097", address: "8 Hàng Bạc" }]);
});

test("what is missing of the flight is told before anything is sent", () => {
  assert.deepEqual(landingFlaws(LANDING), []);
  const fields = landingFlaws({ kind: "flight", days: "x" }).map(({ field }) => field);
  assert.deepEqual(fields, ["crossing.site", "crossing.carriage.number", "crossing.carriage.date", "crossing.arrived_at", "crossing.from", "crossing.quarantine.until"]);
  assert.deepEqual(landingFlaws({ ...LANDING, kind: "on_foot", number: "" }), [], "nobody on foot has a number");
  assert.equal(listOf(LANDING)["carriage"], "VN51");
});

test("the next person's form has the seat beside and the same facility; nobody else goes to one person's home", () => {
  const { seat, country, nationality, stay, name } = forNext({ ...PERSON, stay: "CL-02" });
  assert.deepEqual([seat, country, nationality, stay, name], ["12B", "VN", "VN", "CL-02", undefined]);
  assert.equal(forNext({ ...PERSON, stay: "home" })["stay"], "");
});

test("a flight's people are asked for by its number, who walked by the site and the day", () => {
  assert.equal(String(listQuery(LANDING)), "kind=flight&carriage=VN51&date=2021-08-20");
  const walked = { ...LANDING, kind: "on_foot", number: "" };
  assert.equal(String(listQuery(walked)), "site=SB-NB");
  const { crossing } = arrivalOf(walked, PERSON);
  const flown = arrivalOf(LANDING, PERSON).crossing;
  assert.deepEqual([crossing, flown].map((one) => wasOn(one, crossing.carriage)), [true, false]);
  assert.equal(wasOn(crossing, { kind: "on_foot", date: "2021-08-21" }), false);
  assert.equal(wasOn(flown, flown.carriage), true);
});
