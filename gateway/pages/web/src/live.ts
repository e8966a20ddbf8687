// The ear of a page: the server-sent events of one address, heard again after whatever has ended them.

import { whoAmI } from "./api";
import type { Me } from "./contract";
import { delayMs, untilLaterOrOnline } from "./retry";

export interface Hearing {
  /** There is a connection: what happened before it must be asked. */
  onOpen: () => void;
  /** There is none, which is tried again; `isSignedOut`: since nobody is signed in. */
  onLost: (isSignedOut: boolean) => void;
  /** Takes the data of an event, by its name. */
  events: Record<string, (data: string) => void>;
}

/** What it needs of the browser; a test hands in its own. */
export interface Means {
  open: (address: string) => EventSource;
  whoAmI: () => Promise<Me | null>;
  wait: (ms: number) => Promise<void>;
}

export class Ear {
  private source: EventSource | null = null;
  private isOver = false;
  private failures = 0;

  /** Listens at once. */
  constructor(
    private readonly address: string,
    private readonly hearing: Hearing,
    private readonly means: Means = BROWSER,
  ) {
    this.connect();
  }

  /** Whether there is a connection now. */
  get isOpen(): boolean {
    return this.source?.readyState === OPEN;
  }

  /** Hears nothing from now on. */
  stop(): void {
    this.isOver = true;
    this.source?.close();
  }

  private connect(): void {
    const source = this.means.open(this.address);
    this.source = source;
    source.addEventListener("open", () => {
      this.failures = 0;
      this.hearing.onOpen();
    });
    source.addEventListener("error", () => {
      this.hearing.onLost(false);
      // After a broken network the browser connects again by itself; after an answer that says no it never does.
      if (source.readyState === CLOSED) void this.again();
    });
    for (const [name, hear] of Object.entries(this.hearing.events)) {
      source.addEventListener(name, ({ data }: MessageEvent<string>) => hear(data));
    }
  }

  /** Connects once there is a session to listen with: also one that begins in another tab. */
  private async again(): Promise<void> {
    for (;;) {
      await this.means.wait(delayMs(this.failures++));
      const me = await this.means.whoAmI().catch(() => undefined);
      if (this.isOver) return;
      if (me) return this.connect();
      this.hearing.onLost(me === null);
    }
  }
}

/** As `EventSource` has them. */
const OPEN = 1;
const CLOSED = 2;
const BROWSER: Means = { open: (address) => new EventSource(address), whoAmI, wait: untilLaterOrOnline };
