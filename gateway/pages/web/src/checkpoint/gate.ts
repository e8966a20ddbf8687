// Lets each code through once: the camera sees the same one many times a second, and still sees it when
// the officer has confirmed.

/** Remembers the last code until it has been out of sight for a while. */
export class Gate {
  private last = "";
  private seenAt = -Infinity;

  /** Whether `text`, seen at `at` (milliseconds), is a new one. */
  passes(text: string, at: number): boolean {
    const isSame = text === this.last && at - this.seenAt < OUT_OF_SIGHT_MS;
    this.last = text;
    this.seenAt = at;
    return !isSame;
  }

  /** The time stands still for the last code while the camera does not look. */
  keep(at: number): void {
    if (this.last !== "") this.seenAt = at;
  }
}

const OUT_OF_SIGHT_MS = 2_000;
