// Asks again until there is an answer: a bad connection delays what people do here, it does not lose it.

import { Problem, Unreachable } from "./api";

const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/** How long to wait after failure number `attempt`, from 0: doubled each time, a quarter of it by chance. */
export function delayMs(attempt: number, random: number = Math.random()): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return whole * (0.75 + 0.25 * random);
}

/** Whether asking the same again may help: no answer came, or one that says "not now". */
export function mayHelp(failure: unknown): boolean {
  if (failure instanceof Unreachable) return true;
  return failure instanceof Problem && [408, 425, 429, 500, 502, 503, 504].includes(failure.status);
}

export interface Patience {
  /** Told before each wait. */
  onWaiting?: (failure: unknown, waitMs: number) => void;
  /** Waits; a test hands in its own. */
  wait?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Gives up after so many failures; never, if left out. */
  attempts?: number;
  /** Gives up once this is aborted, also while it waits. */
  signal?: AbortSignal;
}

/** What `ask` answers, asked until it does; throws what asking again cannot help. */
export async function untilAnswered<T>(ask: () => Promise<T>, patience: Patience = {}): Promise<T> {
  const wait = patience.wait ?? untilLaterOrOnline;
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (failure) {
      if (!mayHelp(failure) || attempt + 1 >= (patience.attempts ?? Infinity)) throw failure;
      const asked = failure instanceof Problem ? failure.retryAfterMs : null;
      const waitMs = asked ?? delayMs(attempt);
      patience.onWaiting?.(failure, waitMs);
      await wait(waitMs, patience.signal);
      if (patience.signal?.aborted) throw failure;
    }
  }
}

/** Waits so long, or until the device says that it has a network again, or nobody waits any more. */
export function untilLaterOrOnline(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    signal?.addEventListener("abort", done);
  });
}
