// How passes are laid out on paper, as the server does it. Pure.

/** Passes on a sheet. */
export const ON_A_SHEET = 8;

/** Most sheets that are printed at once: browsers hold them all. */
export const SHEETS_AT_ONCE = 25;

/** How many sheets so many passes take. */
export function sheetsOf(passes: number): number {
  return Math.ceil(passes / ON_A_SHEET);
}

/** Sheets that are printed together: the first of them, from 1, and how many. */
export function batchesOf(sheets: number): { first: number; count: number }[] {
  return Array.from({ length: Math.ceil(sheets / SHEETS_AT_ONCE) }, (_, i) => {
    const before = i * SHEETS_AT_ONCE;
    return { first: before + 1, count: Math.min(SHEETS_AT_ONCE, sheets - before) };
  });
}
