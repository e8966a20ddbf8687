// Times in words.

import assert from "node:assert/strict";
import { test } from "node:test";

const words = { n_days: "{n} days", one_days: "1 day", n_hours: "{n} hours", one_hours: "1 hour", n_minutes: "{n} minutes", one_minutes: "1 minute", end_of_day: "the end of {day}" };
const page = { getElementById: () => ({ textContent: JSON.stringify(words) }), documentElement: { lang: "en" } };
Object.assign(globalThis, { document: page });
const { birthDate, end, moment, span } = await import("../src/format");

const MINUTE = 60_000;

test("a span of time is told by its two largest units, rounded down", () => {
  assert.equal(span(72 * 60 * MINUTE), "3 days");
  assert.equal(span(71 * 60 * MINUTE + 59 * MINUTE), "2 days 23 hours");
  assert.equal(span(25 * 60 * MINUTE), "1 day 1 hour");
  assert.equal(span(61 * MINUTE), "1 hour 1 minute");
  assert.equal(span(1), "1 minute");
});

test("a birth date is written day first, or as the year alone", () => {
  assert.equal(birthDate("1990-03-02"), "02/03/1990");
  assert.equal(birthDate("1990"), "1990");
});

test("a span that ends at midnight ends with the day before, any other at its moment", () => {
  const midnight = Date.UTC(2021, 8, 2, 17);
  assert.equal(end(midnight), "the end of 02/09/2021");
  assert.equal(end(midnight + 10 * 60 * MINUTE), moment(midnight + 10 * 60 * MINUTE));
});
