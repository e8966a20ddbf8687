// What is kept in a tab of what somebody types.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openDraft } from "../src/paper/draft";
import { draftOwner, forgetDraft, forgetDrafts, readDraft, writeDraft } from "../src/tab-draft";
import { MemoryStorage } from "./storage";

const DRAFT = { values: { "person.name": "Nguyễn Văn An" }, places: {} };

test("a draft outlives a reload, belongs to one owner and one page, and ends with any signing out", () => {
  Object.assign(globalThis, { sessionStorage: new MemoryStorage(), localStorage: new MemoryStorage() });
  writeDraft("paper", "mai", DRAFT);
  assert.deepEqual(readDraft("paper", "mai"), DRAFT);
  assert.equal(readDraft("vehicle", "mai"), null);
  assert.equal(readDraft("paper", "lan"), null);
  assert.equal(readDraft("paper", "mai"), null, "it was taken away for good");
  writeDraft("paper", "mai", DRAFT);
  writeDraft("vehicle", "mai", DRAFT);
  forgetDraft("vehicle");
  assert.equal(readDraft("vehicle", "mai"), null);
  assert.deepEqual(readDraft("paper", "mai"), DRAFT);
  forgetDrafts();
  assert.equal(sessionStorage.length, 0);
  // As another tab has it: what was written before somebody signed out is not shown again.
  sessionStorage.setItem("truyvet.draft.paper", JSON.stringify({ whose: "mai", at: Date.now() - 1_000, draft: DRAFT }));
  assert.equal(readDraft("paper", "mai"), null);
  assert.equal(sessionStorage.length, 0);
});

test("citizens are told apart by document and phone", () => {
  const citizen = { kind: "citizen", document_kind: "citizen_id", document_last4: "0001", phone_last3: "567", expires_at: 0 } as const;
  assert.notEqual(draftOwner(citizen), draftOwner({ ...citizen, phone_last3: "568" }));
});

test("a passenger who is being typed is there after a reload, beside the upload, and for nobody else", () => {
  Object.assign(globalThis, { sessionStorage: new MemoryStorage(), localStorage: new MemoryStorage() });
  const official = (account: string) => ({ kind: "account", account, name: "", role: "officer", expires_at: 0 }) as const;
  const { keep } = openDraft("arrivals", official("mai"));
  keep({ upload: "U1" });
  keep({ values: { seat: "12A", name: "NGUYEN VAN AN" }, places: {} });
  const { draft } = openDraft("arrivals", official("mai"));
  assert.deepEqual([draft.values["name"], draft.upload], ["NGUYEN VAN AN", "U1"]);
  assert.deepEqual(openDraft("arrivals", official("lan")).draft, { values: {}, places: {}, upload: "" });
});
