// Which area of the map lies next in a direction. Pure.

interface Placed {
  code: string;
  at: number[];
}

const DIRECTIONS: Record<string, [number, number]> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

/** The code of the area that lies nearest that way; `null` where none does, or the key is no arrow. */
export function nearest(areas: Placed[], from: string, key: string): string | null {
  const [dx, dy] = DIRECTIONS[key] ?? [0, 0];
  const here = areas.find(({ code }) => code === from)?.at;
  if (!here || (dx === 0 && dy === 0)) return null;
  let best: { code: string; cost: number } | null = null;
  for (const { code, at } of areas) {
    const [x, y] = [(at[0] ?? 0) - (here[0] ?? 0), (at[1] ?? 0) - (here[1] ?? 0)];
    const [ahead, aside] = [x * dx + y * dy, Math.abs(x * dy) + Math.abs(y * dx)];
    // What lies more aside than ahead is another direction's.
    const cost = ahead + 2 * aside;
    if (ahead > 0 && aside <= ahead * 2 && (best === null || cost < best.cost)) best = { code, cost };
  }
  return best?.code ?? null;
}
