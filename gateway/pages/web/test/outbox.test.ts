// A declaration is sent once, whatever happens between the device and the server.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem, Unreachable } from "../src/api";
import type { Declaration, DeclarationMade } from "../src/contract";
import { Device, type Letter } from "../src/device";
import { deliver, newKey, writeLetter } from "../src/outbox";
import { MemoryStorage } from "./storage";

const declaration = { person: { name: "Nguyễn Văn An" }, journey: { departs_at: 1 } } as Declaration;
const made: DeclarationMade = {
  declaration: "KB-1",
  state: "verified",
  made_at: 1,
  mismatches: [],
  pass: { pass: "K7M4-2222", token: "TVP1:AA", issued_at: 1, valid_until: 2, revoked: false, registered: true },
};
const draft = { step: 5, quick: false, values: {}, places: {} };
const patience = { wait: async (): Promise<void> => undefined };

test("the key stays the same through failures and a reload, until there is an answer", async () => {
  const storage = new MemoryStorage();
  writeLetter(new Device(storage), declaration, false);
  const keys: string[] = [];
  const unlucky = async (letter: Letter): Promise<DeclarationMade> => {
    keys.push(letter.key);
    throw new Unreachable();
  };
  // The page is closed while it waits: nothing of it runs any more.
  const closed = { wait: (): Promise<void> => new Promise(() => undefined) };
  void deliver(new Device(storage), new Device(storage).letter as Letter, closed, unlucky);
  await new Promise(setImmediate);

  const reopened = new Device(storage);
  reopened.draft = draft;
  const send = async (letter: Letter): Promise<DeclarationMade> => {
    keys.push(letter.key);
    if (keys.length < 4) throw new Unreachable();
    return made;
  };
  await deliver(reopened, reopened.letter as Letter, patience, send);
  assert.equal(keys.length, 4);
  assert.equal(new Set(keys).size, 1);
  assert.equal(reopened.letter, null);
  assert.equal(reopened.draft, null);
  assert.equal(reopened.passes[0]?.holder, "Nguyễn Văn An");
});

test("a refusal ends the letter and keeps the draft; whoever must sign in again sends the same letter", async () => {
  for (const [status, kept] of [[422, false], [409, false], [401, true]] as const) {
    const device = new Device(new MemoryStorage());
    device.draft = draft;
    const letter = writeLetter(device, declaration, false);
    const send = async (): Promise<DeclarationMade> => Promise.reject(new Problem("", status, [], null, {}));
    await assert.rejects(deliver(device, letter, patience, send), { status });
    assert.equal(device.letter !== null, kept, `after ${status}`);
    assert.deepEqual(device.draft, draft);
  }
});

test("keys are random UUIDs of version 4", () => {
  const keys = Array.from({ length: 100 }, newKey);
  assert.equal(new Set(keys).size, 100);
  for (const key of keys) assert.match(key, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
