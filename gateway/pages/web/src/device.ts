// What is kept on this device for its owner: the draft, the letter on its way, passes. Nothing else reads
// it; "forget me on this device" removes it.

import type { AreaName, Declaration, DeclarationState, PassView } from "./contract";
import type { Poster, Way } from "./venue/contract";

/** A form that is being filled in: texts by the name of their field. */
export interface Draft {
  step: number;
  /** Whether only journey and health are asked, of a person who is known. */
  quick: boolean;
  values: Record<string, string>;
  /** What the areas in `values` are called, by their code. */
  places: Record<string, string>;
}

/** A declaration on its way. Its key stays the same until the server has answered. */
export interface Letter {
  key: string;
  declaration: Declaration;
  accept_unverified: boolean;
}

/** A pass as it is shown without a network. */
export interface KeptPass extends PassView {
  declaration?: string;
  state?: DeclarationState;
  holder?: string;
  from?: AreaName;
  to?: AreaName;
  departs_at?: number;
}

/** A scan of a venue's poster on its way. Its key stays the same until the server has answered. */
export interface VisitLetter {
  key: string;
  poster: Poster;
  way: Way;
  /** When it was pressed, on this device's clock. */
  at: number;
  /** Whose it is: the holder's name, or the number of a pass whose holder is not known here. */
  who: string;
  /** Number of the pass, and what its QR code says. */
  pass: string;
  token: string;
}

/** The last scan of a venue's poster by somebody: whoever is inside gets out without scanning again. */
export interface KeptVisit {
  who: string;
  poster: Poster;
  name: string;
  way: Way;
  at: number;
  pass: string;
}

/** An answer about the epidemic situation, for want of a network. */
export interface KeptSituation {
  /** What was asked. */
  query: string;
  /** When it was answered, on this device's clock. */
  at: number;
  answer: unknown;
}

const PREFIX = "truyvet.";
const PASSES_KEPT_MAX = 20;
const SITUATIONS_KEPT_MAX = 12;

export class Device {
  constructor(private readonly storage: Storage) {}

  get draft(): Draft | null {
    return this.read<Draft>("draft");
  }

  set draft(draft: Draft | null) {
    this.write("draft", draft);
  }

  get letter(): Letter | null {
    return this.read<Letter>("letter");
  }

  set letter(letter: Letter | null) {
    this.write("letter", letter);
  }

  /** Newest first. */
  get passes(): KeptPass[] {
    return this.read<KeptPass[]>("passes") ?? [];
  }

  /** Keeps a pass; what was known of it before and is not told now stays. */
  keepPass(pass: KeptPass): void {
    const before = this.passes.find((kept) => kept.pass === pass.pass);
    const others = this.passes.filter((kept) => kept.pass !== pass.pass);
    const all = [{ ...before, ...pass }, ...others].sort((a, b) => b.issued_at - a.issued_at);
    this.write("passes", all.slice(0, PASSES_KEPT_MAX));
  }

  get visitLetter(): VisitLetter | null {
    return this.read<VisitLetter>("visit_letter");
  }

  set visitLetter(letter: VisitLetter | null) {
    this.write("visit_letter", letter);
  }

  /** The last one of each person, the newest first. */
  get visits(): KeptVisit[] {
    return this.read<KeptVisit[]>("visits") ?? [];
  }

  /** Keeps somebody's visit in place of the one before. */
  keepVisit(visit: KeptVisit): void {
    const others = this.visits.filter(({ who }) => who !== visit.who);
    this.write("visits", [visit, ...others].slice(0, PASSES_KEPT_MAX));
  }

  /** The answer to this question that was kept last. */
  situation(query: string): KeptSituation | null {
    return this.situations.find((kept) => kept.query === query) ?? null;
  }

  /** Keeps an answer in place of the one before; of many questions the newest stay. */
  keepSituation(kept: KeptSituation): void {
    const others = this.situations.filter(({ query }) => query !== kept.query);
    this.write("situations", [kept, ...others].slice(0, SITUATIONS_KEPT_MAX));
  }

  private get situations(): KeptSituation[] {
    return this.read<KeptSituation[]>("situations") ?? [];
  }

  /** Removes everything that pages of this server have kept here. */
  forget(): void {
    const names = Array.from({ length: this.storage.length }, (_, i) => this.storage.key(i) ?? "");
    for (const name of names) if (name.startsWith(PREFIX)) this.storage.removeItem(name);
  }

  private read<T>(name: string): T | null {
    try {
      return JSON.parse(this.storage.getItem(PREFIX + name) ?? "null") as T | null;
    } catch {
      return null; // Storage is switched off, or holds what an older version wrote.
    }
  }

  private write(name: string, value: unknown): void {
    try {
      if (value === null) this.storage.removeItem(PREFIX + name);
      else this.storage.setItem(PREFIX + name, JSON.stringify(value));
    } catch {
      // Storage is switched off or full: the page works, but what it holds ends with it.
    }
  }
}
