// What people read and type of a pass: its number, and the code of its subject (PASS.md, section 6).

import { CROCKFORD, toBase32 } from "./bytes";

/** The 16 characters of a subject's 10 bytes. */
export function subjectCode(subject: Uint8Array): string {
  return toBase32(subject, CROCKFORD);
}

/** The number of a pass, `XXXXX-XXXXX-XXXX`, of its 8 bytes. */
export function passNumber(passId: Uint8Array): string {
  const digits = toBase32(passId, CROCKFORD);
  return grouped(digits + check(digits));
}

/** The number in the form in which numbers are compared; `null` where the text is none, or mistyped. */
export function readPassNumber(typed: string): string | null {
  const plain = typed.toUpperCase().replace(/[\s-]/g, "").replace(/[IL]/g, "1").replace(/O/g, "0");
  if (plain.length !== DIGITS + 1 || [...plain].some((c) => !CROCKFORD.includes(c))) return null;
  const digits = plain.slice(0, DIGITS);
  const isPadded = CROCKFORD.indexOf(digits.charAt(DIGITS - 1)) % 2 === 0;
  return isPadded && check(digits) === plain.charAt(DIGITS) ? grouped(plain) : null;
}

function grouped(digits: string): string {
  return `${digits.slice(0, 5)}-${digits.slice(5, 10)}-${digits.slice(10)}`;
}

/** Finds every single wrong character, and every two that changed places. */
function check(digits: string): string {
  let sum = 0;
  for (const digit of digits) sum = timesX(sum) ^ CROCKFORD.indexOf(digit);
  return CROCKFORD.charAt(timesX(sum));
}

/** Multiplication by x in the field of 32 modulo x^5 + x^2 + 1. */
function timesX(element: number): number {
  const doubled = element << 1;
  return doubled < 32 ? doubled : doubled ^ 37;
}

const DIGITS = 13;
