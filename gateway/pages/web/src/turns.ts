// Questions that are asked anew while an answer is awaited, or that one answer is enough for. Pure.

/** Lets nobody but the last answer: what was asked before it is nobody's any more, its failure neither. */
export class Turns {
  private last = 0;

  /** What `ask` answers; `undefined` where something else was asked meanwhile. */
  async take<T>(ask: () => Promise<T>): Promise<T | undefined> {
    const own = ++this.last;
    try {
      const answer = await ask();
      return own === this.last ? answer : undefined;
    } catch (failure) {
      if (own === this.last) throw failure;
      return undefined;
    }
  }

  /** Nobody waits for an answer any more. */
  end(): void {
    this.last++;
  }
}

/** What `ask` answers, asked once; after a failure whoever comes next asks again. */
export function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | null = null;
  return () => {
    asked ??= ask().catch((failure: unknown) => {
      asked = null;
      throw failure;
    });
    return asked;
  };
}

/** Calls `act` so long after the first of several calls, once for all of them. */
export function soon(act: () => void, ms: number): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      act();
    }, ms);
  };
}
