// Enter in a form that is filled in without a mouse, on a document of the few things that it asks of one.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { startKeys } from "../src/paper/keys";

class Control {
  type = "text";
  value = "";
  constructor(readonly id: string, private readonly isSkipped = false) {}

  /** Of what a form asks for, a field lies in `[data-skip]` or in nothing. */
  closest(selector: string): object | null {
    return this.isSkipped && selector.includes("[data-skip]") ? {} : null;
  }

  focus(): void {
    focused = this.id;
  }

  select(): void {}
}

class Select extends Control {}

Object.assign(globalThis, { HTMLInputElement: Control, HTMLSelectElement: Select });
const NUMBER = new Control("number");
const ADDRESS = new Control("address", true);
const SEX = new Select("sex");
const SEEN = new Control("seen", true);
let focused = "";
let sent = 0;
let press: (event: object) => void = () => undefined;

beforeEach(() => {
  [focused, sent] = ["", 0];
  const form = {
    addEventListener: (kind: string, heard: (event: object) => void) => {
      if (kind === "keydown") press = heard;
    },
    querySelectorAll: () => [NUMBER, ADDRESS, SEX, SEEN],
  };
  startKeys(form as unknown as HTMLFormElement, () => void (sent += 1));
});

function enter(target: Control, more: object = {}): void {
  press({ key: "Enter", target, preventDefault: () => undefined, ...more });
}

test("Enter goes on to the next field, also from one that it does not visit itself, and sends from the last", () => {
  enter(NUMBER);
  assert.equal(focused, "sex", "past the address");
  enter(ADDRESS);
  assert.equal(focused, "sex", "not back to the first");
  enter(SEX);
  assert.equal(sent, 1);
  enter(SEEN);
  assert.equal(sent, 2, "behind it is nothing more to fill in");
});

test("Ctrl+Enter sends from anywhere, and a key that is held down sends nothing", () => {
  enter(NUMBER, { ctrlKey: true });
  enter(NUMBER, { ctrlKey: true, repeat: true });
  assert.equal(sent, 1);
  enter(SEX, { repeat: true });
  assert.equal(sent, 1);
  enter(NUMBER, { repeat: true });
  assert.equal(focused, "sex", "it goes on all the same");
});
