// The server's time, counted on from the last contact with a clock that nobody can set.
//
// A phone's own clock may be wrong by a day, or be set while the page is open. Its monotonic clock cannot
// be set, but stands still while the phone sleeps, and begins anew with each page. So, between two looks:
//
//   awake all the time   what the monotonic clock counted
//   may have slept       the longer of both: rather too late, and an expired pass is not let through
//   page was closed      what the phone's clock counted
//
// What rests on the phone's clock is told as unconfirmed until the server is heard: at once where the page was
// closed, since its clock may have been set back by less than the time that has passed. A clock that shows less
// than it must was set back for certain: then it cannot be told how late it is at all, and no pass is valid on
// this phone's word alone.

/** A look at the phone's clocks, both in milliseconds. */
export interface Look {
  /** `performance.now()` */
  monotonic: number;
  /** `Date.now()` */
  wall: number;
  /** Whether the page is visible, so that the phone does not sleep. */
  isAwake: boolean;
}

/** What is kept on the phone between two openings of the page. */
export interface KeptTime {
  /** The server's time when it was kept. */
  server: number;
  /** The phone's clock then. */
  wall: number;
  /** The server's time at the last contact. */
  contact: number;
  unconfirmedMs: number;
}

/** The server's time as well as the phone can tell. */
export class ServerClock {
  private server = 0;
  private contact = 0;
  private unconfirmedMs = 0;
  private isReopened = false;

  /** Goes on from what was kept; `null`: the server's time is not known before the first contact. */
  constructor(kept: KeptTime | null, private last: Look) {
    if (kept === null) return;
    const passedMs = last.wall - kept.wall;
    this.server = kept.server + Math.max(0, passedMs);
    this.contact = kept.contact;
    this.unconfirmedMs = kept.unconfirmedMs + (passedMs < 0 ? Infinity : passedMs);
    this.isReopened = true;
  }

  /** Counts on; to be called every second or so, and when the page comes and goes. */
  look(look: Look): void {
    const counted = Math.max(0, look.monotonic - this.last.monotonic);
    const shown = look.wall - this.last.wall;
    const wasAwake = this.last.isAwake && look.isAwake;
    const passed = wasAwake ? counted : Math.max(counted, shown);
    if (this.isKnown) {
      this.server += passed;
      const isSetBack = !wasAwake && shown < counted - SLEW_MS;
      this.unconfirmedMs += isSetBack ? Infinity : passed - counted;
    }
    this.last = look;
  }

  /** The server has told its time in an answer that took `roundTripMs`. */
  heard(serverNow: number, roundTripMs: number, look: Look): void {
    this.last = look;
    this.server = serverNow + roundTripMs / 2;
    this.contact = this.server;
    this.unconfirmedMs = 0;
    this.isReopened = false;
  }

  /** Whether the server has ever told its time. */
  get isKnown(): boolean {
    return this.contact !== 0;
  }

  /** The server's time as of the last look, whole unix milliseconds. */
  get now(): number {
    return Math.round(this.server);
  }

  /** By how much the phone's clock is ahead of the server's. */
  get aheadMs(): number {
    return this.last.wall - this.server;
  }

  /** Whether the phone's clock is so wrong that people should be told. */
  get isWallWrong(): boolean {
    return this.isKnown && Math.abs(this.aheadMs) > WRONG_MS;
  }

  /** How long ago the server told its time. */
  get contactAgeMs(): number {
    return this.server - this.contact;
  }

  /** Whether the phone's clock was set back while nothing else counted: it is later than it seems, who knows how much. */
  get isLost(): boolean {
    return this.isKnown && this.unconfirmedMs === Infinity;
  }

  /** Whether the time rests on the phone's clock, or on a contact too long ago. */
  get isStale(): boolean {
    return this.isKnown && (this.isReopened || this.unconfirmedMs > UNCONFIRMED_MS || this.contactAgeMs > STALE_MS);
  }

  /** What to keep on the phone. */
  kept(): KeptTime {
    const { server, contact, unconfirmedMs } = this;
    return { server, contact, unconfirmedMs, wall: this.last.wall };
  }
}

const WRONG_MS = 60_000;
/** By so much a phone's clock may be slowed down as it follows the network's. */
const SLEW_MS = 2_000;
const UNCONFIRMED_MS = 10 * 60_000;
const STALE_MS = 24 * 3_600_000;
