// Lists that the server gives page by page.

/** A page of a list; `next`: where the one behind it begins, if there is one. */
export interface Listing<One> {
  rows: One[];
  next?: string | undefined;
}

/** The first `count` rows and what fits onto the last page asked for, or all there are; `ask` gets what is wanted still. */
export async function firstOf<One>(
  count: number, ask: (after: string | undefined, wanted: number) => Promise<Listing<One>>,
): Promise<Listing<One>> {
  let listed: Listing<One> = { rows: [] };
  do {
    const { rows, next } = await ask(listed.next, count - listed.rows.length);
    listed = { rows: [...listed.rows, ...rows], next };
  } while (listed.next !== undefined && listed.rows.length < count);
  return listed;
}
