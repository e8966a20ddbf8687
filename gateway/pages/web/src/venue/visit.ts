// A visitor's scan of a poster: what the poster says, whose pass goes with it, and the way to the server, once.

import { call, Problem } from "../api";
import type { Device, KeptPass, KeptVisit, VisitLetter } from "../device";
import { newKey } from "../outbox";
import { untilAnswered, type Patience } from "../retry";
import type { Poster, Visited, Way } from "./contract";

/** Sends a scan; `at` is when it was pressed, left out where the device's clock is not to be believed. */
export type PostVisit = (letter: VisitLetter, at: number | undefined, signal?: AbortSignal) => Promise<Visited>;

const post: PostVisit = ({ key, poster, way, token }, at, signal) =>
  call<Visited>("POST", "/visits", { idempotencyKey: key, body: { ...poster, direction: way, token, at }, ...(signal ? { signal } : {}) });

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

/** Whose pass it is: a new one is the same person's. */
export function whoOf({ holder, pass }: KeptPass): string {
  return holder ?? pass;
}

/** Those who went in and are inside still: nobody is for longer than the server counts. */
export function insideOf(visits: KeptVisit[], now: number): KeptVisit[] {
  return visits.filter(({ way, at }) => way === "in" && now - at < LONGEST_MS);
}

/**
 * Passes to go in and out with, the newest of each holder; whoever is inside gets out with that of the way in, and
 * where no pass is valid, those of before do too.
 */
export function bearersOf(passes: KeptPass[], visits: KeptVisit[], now: number): KeptPass[] {
  const valid = passes.filter((pass) => !pass.revoked && pass.valid_until > now);
  const inside = insideOf(visits, now).flatMap((visit) => bearerOut(passes, visit) ?? []);
  const holders = new Map<string, KeptPass>();
  for (const pass of [...(valid.length > 0 ? valid : passes), ...inside]) {
    if (!holders.has(whoOf(pass))) holders.set(whoOf(pass), pass);
  }
  return [...holders.values()];
}

/** The pass to get out with: that of the way in. */
export function bearerOut(passes: KeptPass[], visit: KeptVisit): KeptPass | undefined {
  return passes.find(({ pass }) => pass === visit.pass);
}

/**
 * Who is most likely meant before a poster: somebody who is inside there and wants out; for somebody else, a person who
 * is not inside yet.
 */
export function likelyBearer(bearers: KeptPass[], inside: KeptVisit[], poster: Poster, isOther: boolean): KeptPass | undefined {
  const here = inside.filter((visit) => isSamePoster(visit.poster, poster));
  const isHere = (pass: KeptPass): boolean => here.some(({ who }) => who === whoOf(pass));
  return bearers.find((pass) => isHere(pass) !== isOther) ?? bearers[0];
}

/** Writes a scan down before it is sent; it replaces one that was answered. */
export function writeVisit(device: Device, poster: Poster, way: Way, bearer: KeptPass, now: number): VisitLetter {
  const letter = { key: newKey(), poster, way, at: now, who: whoOf(bearer), pass: bearer.pass, token: bearer.token };
  device.visitLetter = letter;
  return letter;
}

/**
 * Sends it until it is answered, and keeps where one is. Throws the server's refusal; what was not sent in time, since
 * it would be recorded of another time, is refused here in the same way.
 */
export async function deliverVisit(
  device: Device, letter: VisitLetter, patience: Patience = {}, send: PostVisit = post, clock: () => number = Date.now,
): Promise<Visited> {
  try {
    const visited = await untilAnswered(() => sendInTime(letter, send, clock(), patience.signal), patience);
    const { poster, way, pass, who } = letter;
    device.keepVisit({ who, poster, name: visited.name, way, at: visited.at, pass });
    device.visitLetter = null;
    return visited;
  } catch (refusal) {
    if (refusal instanceof Problem || patience.signal?.aborted) device.visitLetter = null;
    throw refusal;
  }
}

async function sendInTime(letter: VisitLetter, send: PostVisit, now: number, signal?: AbortSignal): Promise<Visited> {
  const age = now - (letter.at ?? 0); // an older version wrote none
  if (age > IN_TIME_MS) throw new Problem(TOO_OLD, 409, [], null, {});
  try {
    return await send(letter, letter.at, signal);
  } catch (failure) {
    if (!(failure instanceof Problem && failure.kind === TOO_OLD && age < JUST_NOW_MS)) throw failure;
    // This device's clock is slow: when the server has it is near enough to when it was pressed.
    return send(letter, undefined, signal);
  }
}

/** A stay that nobody ends is over by then. */
const LONGEST_MS = 12 * 3_600_000;
/** As the server has it: later than this a scan says nothing about now. */
const IN_TIME_MS = 10 * 60_000;
const JUST_NOW_MS = 60_000;
const TOO_OLD = "too-old";
