// Areas by their code, and the search as one types.

import { call } from "./api";
import type { Area } from "./contract";

const FOUND_MAX = 8;
const known = new Map<string, Area>();

/** Areas whose names fit, best first. Throws `Problem` or `Unreachable`. */
export async function searchAreas(query: string, signal: AbortSignal): Promise<Area[]> {
  const parameters = new URLSearchParams({ q: query, limit: String(FOUND_MAX) });
  const { areas } = await call<{ areas: Area[] }>("GET", `/areas/search?${parameters}`, { signal });
  const found = areas.map(({ successor, ...area }) => ({ ...inFull(area), ...(successor ? { successor: inFull(successor) } : {}) }));
  for (const area of found) known.set(area.code, area);
  return found;
}

/** The server's path begins above the area, the page's with the area itself. */
function inFull<Named extends { name: string; path: string }>(area: Named): Named {
  return { ...area, path: [area.name, area.path].filter(Boolean).join(", ") };
}

/** What to call the area with this code: its path, or the code where that cannot be asked. */
export async function areaPath(code: string): Promise<string> {
  if (code === "") return "";
  if (!known.has(code)) await searchAreas(code, new AbortController().signal).catch(() => []);
  return known.get(code)?.path ?? code;
}

/** The path of an area that was searched or named before. */
export function knownPath(code: string): string {
  return known.get(code)?.path ?? code;
}

/** Tells of an area that was found at another time. */
export function learnPath(code: string, path: string): void {
  if (!known.has(code)) known.set(code, { code, path, name: path, kind: "", is_current: true });
}
