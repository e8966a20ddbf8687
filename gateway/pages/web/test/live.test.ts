// Server-sent events are heard again after whatever has ended them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import type { Me } from "../src/contract";
import { Ear } from "../src/live";

const OFFICIAL = { kind: "local" } as Me;

/** What a browser's `EventSource` does, when the test says so. */
class FakeSource extends EventTarget {
  readyState = 0;

  opens(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  /** The network breaks: the browser itself connects again. */
  breaks(): void {
    this.readyState = 0;
    this.dispatchEvent(new Event("error"));
  }

  /** An answer says no: the browser gives up. */
  isRefused(): void {
    this.readyState = 2;
    this.dispatchEvent(new Event("error"));
  }

  close(): void {
    this.readyState = 2;
  }
}

function started(sessions: (Me | null | Error)[]) {
  const sources: FakeSource[] = [];
  const told: string[] = [];
  const means = {
    open: () => {
      sources.push(new FakeSource());
      return sources[sources.length - 1] as unknown as EventSource;
    },
    whoAmI: async () => {
      const next = sessions.shift();
      if (next instanceof Error) throw next;
      return next ?? null;
    },
    wait: () => turn(),
  };
  const hearing = {
    onOpen: () => void told.push("open"),
    onLost: (isSignedOut: boolean) => void told.push(isSignedOut ? "signed out" : "lost"),
    events: { changed: (data: string) => void told.push(data) },
  };
  const ear = new Ear("/live", hearing, means);
  return { ear, sources, told };
}

/** Long enough for all that waits. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

test("each connection is told, the first too, since nobody heard what happened before it", async () => {
  const { sources: [source], told } = started([]);
  source?.opens();
  source?.breaks();
  source?.opens();
  source?.dispatchEvent(Object.assign(new Event("changed"), { data: "1" }));
  await settled();
  assert.deepEqual(told, ["open", "lost", "open", "1"]);
});

test("after an answer that says no it connects again by itself, once the server can be asked who listens", async () => {
  const { ear, sources, told } = started([new Error("no network"), OFFICIAL]);
  sources[0]?.isRefused();
  await settled();
  assert.equal(sources.length, 2);
  assert.equal(ear.isOpen, false);
  sources[1]?.opens();
  assert.equal(ear.isOpen, true);
  assert.deepEqual(told, ["lost", "lost", "open"]);
});

test("that the session has ended is told, and one that begins in another tab is listened with", async () => {
  const { sources, told } = started([null, OFFICIAL]);
  sources[0]?.isRefused();
  await settled();
  assert.deepEqual(told, ["lost", "signed out"]);
  assert.equal(sources.length, 2);
});

test("an ear that was stopped stays so", async () => {
  const { ear, sources } = started([OFFICIAL, OFFICIAL]);
  sources[0]?.isRefused();
  ear.stop();
  await settled();
  assert.equal(sources.length, 1);
});
