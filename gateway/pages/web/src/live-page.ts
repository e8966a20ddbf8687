// A list that a page keeps as things are now. `#live` says whether it is so.

import { at, say } from "./dom";
import { Ear } from "./live";
import type { LiveList } from "./live-list";
import { untilAnswered } from "./retry";
import { text } from "./texts";
import { troubleOf } from "./trouble";
import { soon } from "./turns";

export class LivePage<Row> {
  /** Asks for what is shown: once for all that is heard within a moment. */
  readonly again = soon(() => void this.refresh(), AGAIN_MS);
  private ear: Ear | null = null;
  private address = "";
  private events: Record<string, (data: string) => void> = {};

  constructor(private readonly list: LiveList<Row>) {
    addEventListener("pagehide", () => this.ear?.stop());
    // Gone back to, the page is as it was left, without its ear.
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted && this.ear) this.listen(this.address, this.events);
    });
  }

  /** Hears these events of this address from now on, and no others. */
  listen(address: string, events: Record<string, (data: string) => void>): void {
    this.ear?.stop();
    Object.assign(this, { address, events });
    this.ear = new Ear(address, {
      // What happened before there was a connection was heard by nobody.
      onOpen: () => void this.refresh(),
      onLost: (isSignedOut) => say(at("live"), text(isSignedOut ? "signed_out" : "not_live")),
      events: { ...events, missed: this.again },
    });
  }

  /** Hears nothing, which `words` say why. */
  stop(words: string): void {
    this.ear?.stop();
    this.ear = null;
    say(at("live"), words);
  }

  /** Asks for what is shown as it is now. Somebody may be typing meanwhile, so what fails is said in `#live` alone. */
  async refresh(): Promise<void> {
    try {
      await untilAnswered(() => this.list.again(), { onWaiting: () => say(at("live"), text("not_live")) });
      if (this.ear?.isOpen) say(at("live"), text("live"));
    } catch (failure) {
      say(at("live"), troubleOf(failure));
    }
  }
}

/** Of a whole province somebody writes each second. */
const AGAIN_MS = 2_000;
