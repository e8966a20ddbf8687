// What the device keeps, and that it forgets.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Device } from "../src/device";
import { MemoryStorage } from "./storage";

function pass(name: string, issued_at: number): Parameters<Device["keepPass"]>[0] {
  return { pass: name, token: "TVP1:AA", issued_at, valid_until: issued_at + 1, revoked: false, registered: true };
}

test("passes stand newest first, and what was known of one stays when it is brought up to date", () => {
  const device = new Device(new MemoryStorage());
  device.keepPass({ ...pass("A", 1), holder: "An" });
  device.keepPass(pass("B", 2));
  device.keepPass({ ...pass("A", 1), revoked: true });
  assert.deepEqual(device.passes.map((kept) => kept.pass), ["B", "A"]);
  assert.equal(device.passes[1]?.holder, "An");
  assert.equal(device.passes[1]?.revoked, true);
});

test("no more than twenty passes are kept", () => {
  const device = new Device(new MemoryStorage());
  for (let i = 0; i < 30; i++) device.keepPass(pass(`P${i}`, i));
  assert.equal(device.passes.length, 20);
  assert.equal(device.passes[0]?.pass, "P29");
});

test("forgetting takes everything of ours and nothing else", () => {
  const storage = new MemoryStorage();
  storage.setItem("other", "stays");
  const device = new Device(storage);
  device.draft = { step: 2, quick: false, values: { "person.name": "An" }, places: {} };
  device.keepPass(pass("A", 1));
  device.forget();
  assert.equal(storage.length, 1);
  assert.equal(device.draft, null);
  assert.deepEqual(device.passes, []);
});

test("what an older version wrote does no harm", () => {
  const storage = new MemoryStorage();
  storage.setItem("truyvet.draft", "{not json");
  assert.equal(new Device(storage).draft, null);
});
