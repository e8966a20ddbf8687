// Reads and checks the token of a pass without a network, as PASS.md says in its sections 1 to 5.

import { BASE32, fromBase32, joined } from "./bytes";
import { verify } from "./ed25519";
import { passNumber, subjectCode } from "./numbers";

type Bytes = Uint8Array<ArrayBuffer>;

/** A key of the issuer; it speaks for what was issued from `from` to before `until`, unix milliseconds. */
export interface IssuerKey {
  id: number;
  publicKey: Bytes;
  from: number;
  until: number | null;
}

/** What a token says. */
export interface Pass {
  /** Its number, `XXXXX-XXXXX-XXXX`. */
  number: string;
  /** The code of who carries it. */
  subject: string;
  /** Unix milliseconds. */
  issuedAt: number;
  /** Unix milliseconds; no longer valid at this instant. */
  validUntil: number;
  isVerified: boolean;
  isVehicle: boolean;
  hasCompanions: boolean;
}

/** What is wrong with a text that is not a pass that can be believed. */
export type Flaw =
  | "not_a_pass"
  | "truncated"
  | "damaged"
  | "unknown_version"
  | "unknown_key"
  | "bad_signature"
  | "unknown_flags";

/** The outcome of checking; a pass is there once its signature is good. */
export type Outcome =
  | { outcome: "valid" | "expired" | "not_yet_valid"; pass: Pass }
  | { outcome: "unknown_flags"; pass: null; number: string }
  | { outcome: "unknown_key" | "bad_signature"; pass: null; number: string }
  | { outcome: Exclude<Flaw, "unknown_key" | "bad_signature" | "unknown_flags">; pass: null };

/** Checks a text at `now`, unix milliseconds by the issuer's clock give or take `skewMs`. */
export async function checkToken(
  text: string, keys: IssuerKey[], now: number, skewMs: number,
): Promise<Outcome> {
  const bytes = bytesOf(text);
  if (typeof bytes === "string") return { outcome: bytes, pass: null };
  const view = new DataView(bytes.buffer);
  const number = passNumber(bytes.subarray(PASS_AT, SUBJECT_AT));
  const issuedAt = view.getUint32(ISSUED_AT) * 1000;
  const key = keys.find((key) => key.id === view.getUint16(KEY_AT) && isInUse(key, issuedAt));
  if (!key) return { outcome: "unknown_key", pass: null, number };
  const signed = joined(DOMAIN, bytes.subarray(0, SIGNATURE_AT));
  const isGood = await verify(key.publicKey, signed, bytes.slice(SIGNATURE_AT));
  if (!isGood) return { outcome: "bad_signature", pass: null, number };
  const flags = view.getUint8(FLAGS_AT);
  if ((flags & ~KNOWN_FLAGS) !== 0) return { outcome: "unknown_flags", pass: null, number };
  const validUntil = view.getUint32(VALID_UNTIL_AT) * 1000;
  const pass = {
    number,
    subject: subjectCode(bytes.subarray(SUBJECT_AT, ISSUED_AT)),
    issuedAt,
    validUntil,
    isVerified: (flags & 1) !== 0,
    isVehicle: (flags & 2) !== 0,
    hasCompanions: (flags & 4) !== 0,
  };
  if (now + skewMs < issuedAt) return { outcome: "not_yet_valid", pass };
  return { outcome: now >= validUntil ? "expired" : "valid", pass };
}

/** Whether the text begins as a token does. */
export function looksLikeToken(text: string): boolean {
  return compact(text).startsWith(PREFIX);
}

/** The 102 bytes of a token, or why there are none. */
function bytesOf(text: string): Bytes | "not_a_pass" | "truncated" | "damaged" | "unknown_version" {
  const plain = compact(text);
  if (!plain.startsWith(PREFIX)) return PREFIX.startsWith(plain) ? "truncated" : "not_a_pass";
  if (plain.length > TEXT_CHARACTERS_MAX) return "damaged";
  const body = plain.slice(PREFIX.length);
  if (body.length < HEAD_CHARACTERS) return "truncated";
  const head = [...body.slice(0, HEAD_CHARACTERS)].map((character) => BASE32.indexOf(character));
  if (head.some((value) => value < 0)) return "damaged";
  const version = ((head[0] ?? 0) << 3) | ((head[1] ?? 0) >> 2);
  if (version !== VERSION) return "unknown_version";
  if (body.length < BODY_CHARACTERS) return "truncated";
  return (body.length === BODY_CHARACTERS ? fromBase32(body, BASE32) : null) ?? "damaged";
}

/** The text in upper case (of ASCII letters only) without spaces and control characters. */
function compact(text: string): string {
  return text.replace(/[\x00-\x20\x7f]/g, "").replace(/[a-z]/g, (letter) => letter.toUpperCase());
}

function isInUse(key: IssuerKey, issuedAt: number): boolean {
  return key.from <= issuedAt && (key.until === null || issuedAt < key.until);
}

const PREFIX = "TVP1:";
const DOMAIN = new TextEncoder().encode("truyvet/1 pass\n");
const VERSION = 1;
const KNOWN_FLAGS = 7;
const HEAD_CHARACTERS = 8;
const BODY_CHARACTERS = 164;
const TEXT_CHARACTERS_MAX = 512;
const KEY_AT = 1;
const PASS_AT = 3;
const SUBJECT_AT = 11;
const ISSUED_AT = 21;
const VALID_UNTIL_AT = 25;
const FLAGS_AT = 29;
const SIGNATURE_AT = 38;
