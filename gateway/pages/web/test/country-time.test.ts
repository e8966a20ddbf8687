// Fields and pages keep to the time of the country, on a device that is set to another.

import assert from "node:assert/strict";
import { test } from "node:test";

import { instantOf, localTime, midnight } from "../src/country-time";

process.env["TZ"] = "America/New_York";
const page = { getElementById: () => ({ textContent: "{}" }), documentElement: { lang: "vi" } };
Object.assign(globalThis, { document: page });
const { day, moment } = await import("../src/format");

const LANDED = Date.UTC(2021, 7, 19, 18, 5);

test("what is typed into a field is an instant in the time of the country, and comes back as it was typed", () => {
  assert.equal(new Date(LANDED).getHours(), 14, "the device has another time");
  assert.equal(instantOf("2021-08-20T01:05"), LANDED);
  assert.equal(localTime(LANDED), "2021-08-20T01:05");
  assert.equal(instantOf("2021-08-20"), Date.UTC(2021, 7, 19, 17));
  assert.equal(midnight(LANDED), Date.UTC(2021, 7, 19, 17));
  for (const none of [undefined, "", "soon"]) assert.equal(instantOf(none), 0);
});

test("times in words are those of the country too", () => {
  assert.equal(day(LANDED), "20/08/2021");
  assert.ok(moment(LANDED).includes("01:05"), moment(LANDED));
});
