// The declaration on its way to the server: written down on the device before it is sent, sent again with
// the same key until it is answered, also by the next page that opens.

import { call, Problem } from "./api";
import type { Declaration, DeclarationMade } from "./contract";
import type { Device, Letter } from "./device";
import { untilAnswered, type Patience } from "./retry";

export type Post = (letter: Letter) => Promise<DeclarationMade>;

const post: Post = (letter) =>
  call<DeclarationMade>("POST", "/declarations", {
    idempotencyKey: letter.key,
    body: { declaration: letter.declaration, accept_unverified: letter.accept_unverified },
  });

/** Writes a new letter with a key of its own; it replaces one that was answered with "no". */
export function writeLetter(device: Device, declaration: Declaration, acceptUnverified: boolean): Letter {
  const letter = { key: newKey(), declaration, accept_unverified: acceptUnverified };
  device.letter = letter;
  return letter;
}

/** Sends the letter until it is answered, then takes it away. Throws the server's refusal. */
export async function deliver(
  device: Device,
  letter: Letter,
  patience: Patience = {},
  send: Post = post,
): Promise<DeclarationMade> {
  try {
    const made = await untilAnswered(() => send(letter), patience);
    device.keepPass(passOf(letter.declaration, made));
    device.draft = null;
    device.letter = null;
    return made;
  } catch (refusal) {
    // Whoever must sign in again sends the same letter afterwards: an earlier try may have arrived.
    if (!(refusal instanceof Problem && refusal.status === 401)) device.letter = null;
    throw refusal;
  }
}

function passOf(declaration: Declaration, made: DeclarationMade): Parameters<Device["keepPass"]>[0] {
  const { departs_at } = declaration.journey;
  const { state, declaration: number } = made;
  return { ...made.pass, declaration: number, state, departs_at, holder: declaration.person.name };
}

/** A random UUID; `crypto.randomUUID` is missing in browsers of 2018. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
