// A visitor's scan of a poster: what the poster says, whose pass goes with it, and the way to the server, once.

import { call, Problem } from "../api";
import type { Device, KeptPass, KeptVisit, VisitLetter } from "../device";
import { newKey } from "../outbox";
import { untilAnswered, type Patience } from "../retry";
import type { Poster, Visited, Way } from "./contract";

export type PostVisit = (letter: VisitLetter) => Promise<Visited>;

const post: PostVisit = ({ key, poster, way, token }) =>
  call<Visited>("POST", "/visits", { idempotencyKey: key, body: { ...poster, direction: way, token } });

/** What stands behind the `#` of a poster's address: the site's code, a dot, the seal; `null` for anything else. */
export function posterOf(hash: string): Poster | null {
  const text = hash.replace(/^#/, "");
  const dot = text.lastIndexOf(".");
  const [code, seal] = [text.slice(0, dot), text.slice(dot + 1)];
  if (dot < 1 || !/^[A-Z2-7]{16}$/.test(seal)) return null;
  try {
    return { site: decodeURIComponent(code), seal };
  } catch {
    return null; // a % that stands for nothing
  }
}

/** Whether both are of the same venue. */
export function isSamePoster(one: Poster, other: Poster): boolean {
  return one.site === other.site && one.seal === other.seal;
}

/**
 * Passes to go in with, the newest of each holder; where none is valid, those of before, since whoever is inside
 * gets out with them.
 */
export function bearersOf(passes: KeptPass[], now: number): KeptPass[] {
  const valid = passes.filter((pass) => !pass.revoked && pass.valid_until > now);
  const holders = new Map<string, KeptPass>();
  for (const pass of valid.length > 0 ? valid : passes) {
    const holder = pass.holder ?? pass.pass;
    if (!holders.has(holder)) holders.set(holder, pass);
  }
  return [...holders.values()];
}

/** The pass to get out with: that of the way in, where it is known. */
export function bearerOut(passes: KeptPass[], visit: KeptVisit | null): KeptPass | undefined {
  return passes.find(({ pass }) => pass === visit?.pass);
}

/** Whether somebody who went in is inside still: nobody is for longer than the server counts. */
export function isInside(visit: KeptVisit | null, now: number): visit is KeptVisit {
  return visit !== null && visit.way === "in" && now - visit.at < LONGEST_MS;
}

/** Writes a scan down before it is sent; it replaces one that was answered. */
export function writeVisit(device: Device, poster: Poster, way: Way, { pass, token }: KeptPass): VisitLetter {
  const letter = { key: newKey(), poster, way, pass, token };
  device.visitLetter = letter;
  return letter;
}

/** Sends it until it is answered, and keeps where one is. Throws the server's refusal. */
export async function deliverVisit(
  device: Device, letter: VisitLetter, patience: Patience = {}, send: PostVisit = post,
): Promise<Visited> {
  try {
    const visited = await untilAnswered(() => send(letter), patience);
    const { poster, way, pass } = letter;
    device.visit = { poster, name: visited.name, way, at: visited.at, pass };
    device.visitLetter = null;
    return visited;
  } catch (refusal) {
    if (refusal instanceof Problem) device.visitLetter = null;
    throw refusal;
  }
}

/** A stay that nobody ends is over by then. */
const LONGEST_MS = 12 * 3_600_000;
