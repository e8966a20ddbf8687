// The server's clock, scanners that type, citizen cards, lists, and verdicts put together.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isCard } from "../src/checkpoint/card";
import { ServerClock } from "../src/checkpoint/clock";
import { scanned, typed } from "../src/checkpoint/entry";
import { Gate } from "../src/checkpoint/gate";
import { ageOf, readLists } from "../src/checkpoint/lists";
import type { ListsAnswer } from "../src/checkpoint/lists";
import type { Outcome } from "../src/checkpoint/token";
import { FINDINGS, amended, findingsOf, serverFinding, toneOf } from "../src/checkpoint/verdict";
import { WedgeScanner } from "../src/checkpoint/wedge";

const DAY = 86_400_000;
const SERVER = 1_628_164_800_000;
const look = (monotonic: number, wall: number, isAwake = true) => ({ monotonic, wall, isAwake });

test("a phone whose clock is a day off still knows the server's time", () => {
  const clock = new ServerClock(null, look(0, SERVER - DAY));
  assert.equal(clock.isKnown, false);
  clock.heard(SERVER, 200, look(1000, SERVER - DAY));
  assert.equal(clock.now, SERVER + 100);
  assert.ok(clock.isWallWrong);
  clock.look(look(61_000, SERVER - DAY + 60_000));
  assert.equal(clock.now, SERVER + 60_100);
  assert.equal(clock.isStale, false);
});

test("setting the phone's clock while the page is open changes nothing", () => {
  for (const jump of [DAY, -DAY]) {
    const clock = new ServerClock(null, look(0, SERVER));
    clock.heard(SERVER, 0, look(0, SERVER));
    clock.look(look(1000, SERVER + 1000 + jump));
    assert.equal(clock.now, SERVER + 1000);
    assert.ok(clock.isWallWrong);
  }
});

test("time goes on while the phone sleeps", () => {
  const clock = new ServerClock(null, look(0, SERVER));
  clock.heard(SERVER, 0, look(0, SERVER));
  clock.look(look(10, SERVER + 10, false));
  clock.look(look(20, SERVER + 3_600_000, true));
  assert.equal(clock.now, SERVER + 3_600_000);
  assert.ok(clock.isStale, "an hour that only the phone's clock has seen");
  assert.equal(clock.isWallWrong, false);
});

test("time goes on while the page is closed, and never back", () => {
  const clock = new ServerClock(null, look(500, SERVER));
  clock.heard(SERVER, 0, look(500, SERVER));
  const kept = clock.kept();
  assert.equal(new ServerClock(kept, look(0, SERVER + 5000)).now, SERVER + 5000);
  const setBack = new ServerClock(kept, look(0, SERVER - DAY));
  assert.equal(setBack.now, SERVER);
  assert.ok(setBack.isWallWrong);
  assert.ok(new ServerClock(kept, look(0, SERVER + DAY)).isStale);
});

test("the time is unconfirmed from the opening of the page until the server is heard", () => {
  const clock = new ServerClock(null, look(500, SERVER));
  clock.heard(SERVER, 0, look(500, SERVER));
  assert.equal(clock.isStale, false);
  const again = new ServerClock(clock.kept(), look(0, SERVER + 5000));
  assert.ok(again.isKnown, "the officer goes on");
  assert.ok(again.isStale, "the clock may have been set back by less than was away");
  assert.equal(again.isLost, false);
  again.look(look(1000, SERVER + 6000));
  assert.ok(again.isStale);
  again.heard(SERVER + 7000, 0, look(2000, SERVER + 7000));
  assert.equal(again.isStale, false);
});

test("a clock that was set back while the page was closed or the phone may have slept leaves the time lost until the server is heard", () => {
  const clock = new ServerClock(null, look(0, SERVER));
  clock.heard(SERVER, 0, look(0, SERVER));
  const closed = new ServerClock(clock.kept(), look(0, SERVER - 1));
  assert.ok(closed.isLost && closed.isStale);
  assert.equal(closed.now, SERVER);
  const reopened = new ServerClock(closed.kept(), look(0, SERVER + DAY));
  assert.ok(reopened.isLost, "setting it forward again mends nothing");
  reopened.heard(SERVER, 0, look(0, SERVER));
  assert.equal(reopened.isLost || reopened.isStale, false);

  clock.look(look(1000, SERVER + 1000, false));
  clock.look(look(5000, SERVER + 3500, true));
  assert.equal(clock.isLost, false, "a clock that is slowed down is none that was set");
  clock.look(look(6000, SERVER + 4500, false));
  clock.look(look(7000, SERVER - 3_600_000, true));
  assert.ok(clock.isLost);
  clock.heard(SERVER, 0, look(8000, SERVER));
  clock.look(look(9000, SERVER - DAY));
  assert.equal(clock.isLost, false, "awake, the other clock counted");
});

test("a contact long ago is stale even on a page that stayed open", () => {
  const clock = new ServerClock(null, look(0, SERVER));
  clock.heard(SERVER, 0, look(0, SERVER));
  clock.look(look(DAY + 1, SERVER + DAY + 1));
  assert.ok(clock.isStale);
});

/** Types a text, `gap` milliseconds between its keys, and ends with Enter. */
function type(scanner: WedgeScanner, text: string, gap: number, isTyping = false) {
  let at = 1000;
  for (const key of text) scanner.key(key, (at += gap), isTyping);
  return scanner.key("Enter", at + gap, isTyping);
}

test("fast keys that end with Enter are a scanner's, and Enter presses no button", () => {
  assert.deepEqual(type(new WedgeScanner(), "TVP1:AEAAC", 8), { text: "TVP1:AEAAC", isScanners: true });
});

test("a person's keys are no scan, neither slow ones nor those into a field", () => {
  assert.deepEqual(type(new WedgeScanner(), "TVP1:AEAAC", 90), { text: null, isScanners: false });
  assert.deepEqual(type(new WedgeScanner(), "TVP1:AEAAC", 8, true), { text: null, isScanners: false });
  assert.deepEqual(new WedgeScanner().key("Enter", 5, false), { text: null, isScanners: false });
});

test("a key pressed before a scan is not part of it, and Shift between its keys does not stop it", () => {
  const scanner = new WedgeScanner();
  scanner.key("x", 0, false);
  for (const [at, key] of ["Shift", "T", "V", "Shift", "P", "1", "2", "3"].entries()) scanner.key(key, 500 + at, false);
  assert.equal(scanner.key("Enter", 510, false).text, "TVP123");
});

test("spaces inside a scan press no button", () => {
  const scanner = new WedgeScanner();
  scanner.key("A", 0, false);
  assert.equal(scanner.key(" ", 10, false).isScanners, true);
});

const CARD = "001090012345|012345678|Nguyễn Văn An|02031990|Nam|Số 1, phường Ba Đình, Hà Nội|25042021";

test("a citizen card's code is known, of whichever year", () => {
  assert.ok(isCard(CARD));
  assert.ok(isCard(CARD.replace("012345678", "")));
  assert.ok(isCard(`${CARD}||Nguyễn Văn Ba|Trần Thị Tư|`));
  assert.ok(!isCard(CARD.replace("02031990", "02131990")));
  assert.ok(!isCard(CARD.slice(1)));
  assert.ok(!isCard("https://example.org/|||||"));
});

test("what is scanned or typed is known for what it is", () => {
  assert.equal(scanned("tvp1:aeaa").kind, "token");
  assert.deepEqual(scanned(CARD), { kind: "card", card: CARD });
  assert.deepEqual(scanned("04HMA-SW9NF-6YYA"), { kind: "number", pass: "04HMA-SW9NF-6YYA" });
  assert.equal(scanned("001090012345").kind, "other", "a bar code of 12 digits is not a person's");
  assert.deepEqual(typed("001 090 012 345"), {
    kind: "document", document: { kind: "citizen_id", number: "001090012345" },
  });
  assert.deepEqual(typed("b1234567"), { kind: "document", document: { kind: "passport", number: "B1234567" } });
  assert.equal(typed("https://example.org").kind, "other");
});

test("a code is let through once until it has been out of sight", () => {
  const gate = new Gate();
  assert.ok(gate.passes("A", 0));
  assert.ok(!gate.passes("A", 100));
  assert.ok(!gate.passes("A", 2000));
  assert.ok(gate.passes("B", 2100));
  gate.keep(60_000);
  assert.ok(!gate.passes("B", 60_100));
  assert.ok(gate.passes("B", 62_100));
});

const PASS = {
  number: "04HMA-SW9NF-6YYA", subject: "M2GT58X4MPKAFA59", issuedAt: 0, validUntil: 1, isVerified: true,
  isVehicle: false, hasCompanions: false,
};
const ANSWER: ListsAnswer = { now: SERVER, revoked: [], watch: [], keys: [] };
const listsOf = (answer: Partial<ListsAnswer>) =>
  readLists({ answer: { ...ANSWER, ...answer }, etag: null, checkedAt: SERVER });
const valid: Outcome = { outcome: "valid", pass: PASS };

test("a pass on a list is told, whatever else is found", () => {
  assert.deepEqual(findingsOf(valid, listsOf({}), SERVER), ["valid"]);
  assert.deepEqual(findingsOf(valid, listsOf({ revoked: ["04hma sw9nf 6yya"] }), SERVER), ["revoked"]);
  const watched = listsOf({ watch: [{ subject: PASS.subject, reason: "isolation" }] });
  assert.deepEqual(findingsOf({ outcome: "expired", pass: PASS }, watched, SERVER), ["watch", "expired"]);
  const inQuarantine = listsOf({ quarantine: [PASS.subject] });
  assert.deepEqual(findingsOf(valid, inQuarantine, SERVER), ["quarantine"]);
  assert.deepEqual(amended(["quarantine"], "valid"), ["valid"], "this is where they are to be");
  assert.deepEqual(amended(["quarantine", "expired"], "expired"), ["expired"], "and here still, when the pass is over");
  assert.deepEqual(amended(["watch", "quarantine"], "revoked"), ["watch", "revoked"]);
  for (const silent of ["watch", "unknown", "something_new"]) assert.ok(amended(["quarantine"], silent).includes("quarantine"), silent);
  assert.deepEqual(amended(["valid"], "quarantine"), ["quarantine"]);
  const unverified: Outcome = { outcome: "valid", pass: { ...PASS, isVerified: false } };
  assert.deepEqual(findingsOf(unverified, listsOf({}), SERVER), ["not_verified"]);
});

test("an unknown key is a forger's only where the keys are fresh", () => {
  const unknown: Outcome = { outcome: "unknown_key", pass: null, number: PASS.number };
  assert.deepEqual(findingsOf(unknown, listsOf({}), SERVER + 60_000), ["forged"]);
  assert.deepEqual(findingsOf(unknown, listsOf({}), SERVER + 3_600_000), ["unknown_key"]);
});

test("what is not on lists that were cut is not green without the server", () => {
  const cut = listsOf({ is_cut: true, revoked: ["04HMA-SW9NF-6YYA"] });
  assert.ok(cut.isCut);
  assert.equal(listsOf({}).isCut, false);
  const other: Outcome = { outcome: "valid", pass: { ...PASS, number: "XXXXX-XXXXX-XXXX" } };
  assert.deepEqual(findingsOf(other, cut, SERVER), ["ask_server"]);
  assert.equal(toneOf("ask_server"), "careful");
  assert.deepEqual(findingsOf(valid, cut, SERVER), ["revoked", "ask_server"], "what is on them counts");
  assert.deepEqual(amended(["ask_server"], "valid"), ["valid"]);
  assert.deepEqual(amended(["not_verified", "ask_server"], "valid"), ["valid"]);
  assert.deepEqual(amended(["ask_server"], "watch"), ["watch"]);
});

test("the server makes a verdict stricter, and milder only in what it alone can know", () => {
  for (const phone of FINDINGS) {
    for (const verdict of ["valid", "expired", "revoked", "not_verified", "not_sealed", "watch", "quarantine", "not_yet_valid", "unknown"]) {
      const [gravest] = amended([phone], verdict);
      assert.ok(gravest !== undefined);
      if (phone === "ask_server") assert.equal(gravest, verdict);
      else if (["not_verified", "not_sealed"].includes(phone) && verdict === "valid") assert.equal(gravest, "valid");
      else if (phone === "quarantine" && !["watch", "unknown"].includes(verdict)) assert.equal(gravest, verdict);
      else assert.ok(FINDINGS.indexOf(gravest) <= FINDINGS.indexOf(phone), `${phone} + ${verdict}`);
    }
  }
});

test("only a pass with nothing against it is green, and a verdict of a later server is looked at", () => {
  assert.deepEqual(FINDINGS.filter((finding) => toneOf(finding) === "good"), ["valid"]);
  assert.equal(toneOf(serverFinding("something_new")), "careful");
});

test("lists grow old after an hour and stale after a day", () => {
  const lists = listsOf({});
  assert.equal(ageOf(null, SERVER), "none");
  assert.equal(ageOf(lists, SERVER + 3_600_000), "fresh");
  assert.equal(ageOf(lists, SERVER + 3_600_001), "old");
  assert.equal(ageOf(lists, SERVER + DAY + 1), "stale");
});

test("a key of the wrong length is no key", () => {
  const keys = [{ id: 1, public_key: "AAAA", from: 0 }, { id: 2, public_key: btoa("x".repeat(32)), from: 0 }];
  assert.deepEqual(listsOf({ keys }).keys.map(({ id }) => id), [2]);
});
