// A list that changes while somebody looks at it: the newest rows, more of them where they are wanted, and each
// row that is heard of meanwhile. Pure.

import { Turns } from "./turns";

export interface Page<Row> {
  rows: Row[];
  /** Names the page after it; absent at the end. */
  next?: string | undefined;
}

export interface Source<Row> {
  /** At most so many rows; the first ones unless `before` says where to go on. */
  page: (limit: number, before?: string) => Promise<Page<Row>>;
  /** Rows that are shown however far down they stand. */
  lead?: () => Promise<Row[]>;
  /** Each row once, in the order in which they are read; of two of the same the latter. */
  inOrder: (rows: readonly Row[]) => Row[];
  /** The rows with one that has just been heard of. */
  heard: (rows: readonly Row[], fresh: Row) => Row[];
  show: (rows: readonly Row[], hasMore: boolean) => void;
}

export class LiveList<Row> {
  private rows: readonly Row[] = [];
  private next: string | undefined;
  /** Rows that pages gave. */
  private depth = 0;
  /** Rows that a press has asked for beyond them. */
  private beyond = 0;
  private asking = 0;
  /** Heard of since the last question, whose answer may be older than they. */
  private fresh: Row[] = [];
  private readonly turns = new Turns();

  constructor(private readonly source: Source<Row>) {}

  /** The first page of something else, in the place of what is shown. */
  load(): Promise<void> {
    this.depth = this.beyond = 0;
    return this.again();
  }

  /** As many rows as are shown, as they are now. */
  again(): Promise<void> {
    this.fresh = [];
    return this.ask(async () => {
      const wanted = this.depth + this.beyond;
      const [lead, page] = await Promise.all([this.source.lead?.() ?? [], this.newest(wanted)]);
      return { rows: [...page.rows, ...lead], depth: page.rows.length, next: page.next };
    });
  }

  /** The page after those that are shown. */
  async more(): Promise<void> {
    const { depth, next } = this;
    // Should all be asked anew meanwhile, then with that page.
    this.beyond = PAGE_ROWS;
    await this.ask(async () => {
      const page = await this.source.page(PAGE_ROWS, next);
      return { rows: [...page.rows, ...this.rows], depth: depth + page.rows.length, next: page.next };
    });
  }

  /** Takes in a row that has just been heard of. */
  hear(row: Row): void {
    if (this.asking > 0) this.fresh.push(row);
    this.rows = this.source.heard(this.rows, row);
    this.show();
  }

  private async ask(question: () => Promise<{ rows: Row[]; depth: number; next: string | undefined }>): Promise<void> {
    this.asking++;
    try {
      const found = await this.turns.take(question);
      if (found === undefined) return;
      this.depth = found.depth;
      this.beyond = 0;
      this.next = found.next;
      this.rows = this.fresh.reduce((rows: readonly Row[], row) => this.source.heard(rows, row), this.source.inOrder(found.rows));
      this.show();
    } finally {
      this.asking--;
      if (this.asking === 0) this.fresh = [];
    }
  }

  /** So many rows, in as many pages as it takes. */
  private async newest(wanted: number): Promise<Page<Row>> {
    const rows: Row[] = [];
    let next: string | undefined;
    for (let asked = 0; asked < PAGES_MAX; asked++) {
      const limit = Math.min(LIMIT_MAX, Math.max(PAGE_ROWS, wanted - rows.length));
      const page = await this.source.page(limit, next);
      rows.push(...page.rows);
      next = page.next;
      if (next === undefined || rows.length >= wanted) break;
    }
    return { rows, next };
  }

  private show(): void {
    this.source.show(this.rows, this.next !== undefined);
  }
}

/** As the server has it unless told otherwise. */
const PAGE_ROWS = 50;
/** The most that the server gives at once. */
export const LIMIT_MAX = 200;
/** Whoever has gone on further sees fewer rows after a change, and goes on again. */
const PAGES_MAX = 10;
