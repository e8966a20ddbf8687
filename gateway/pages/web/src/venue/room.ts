// How full a venue is, as a word: colour and text follow from it.

import { text } from "../texts";

/** Nobody says how many may be inside; there is room; nearly none; none. */
export type Fullness = "unbounded" | "open" | "nearly" | "full";

/** How full it is. Where nobody may be inside it is always full. */
export function fullnessOf(inside: number, capacity: number | undefined): Fullness {
  if (capacity === undefined) return "unbounded";
  if (inside >= capacity) return "full";
  return inside * 10 >= capacity * 9 ? "nearly" : "open";
}

/** How many are inside, of how many, and what that means. */
export function roomWords(inside: number, capacity: number | undefined): string {
  return text(`inside_${fullnessOf(inside, capacity)}`, { inside, capacity: capacity ?? 0 });
}
