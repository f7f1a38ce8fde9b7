import type { Page, PageRequest } from './ports/pages.ts';

/** Rows looked at for one page at most, so that a narrow filter over a long list stays quick; the cursor continues. */
const MAX_ROWS_READ = 2_000;

/**
 * The rows of a list that a filter keeps. A page may be shorter than asked for; the cursor, not the length, says whether
 * more follows.
 */
export const filteredPage = async <Row>(
  request: PageRequest,
  list: {
    /** Rows read at a time. */
    readonly readSize: number;
    readonly read: (page: PageRequest) => Promise<Page<Row>>;
    readonly matches: (row: Row) => boolean;
    /** Where a page that continues after `row` starts. */
    readonly positionOf: (row: Row) => string;
  },
): Promise<Page<Row>> => {
  const items: Row[] = [];
  let after = request.after;
  for (let read = 0; read < MAX_ROWS_READ; ) {
    const page = await list.read({ limit: list.readSize, after });
    for (const row of page.items) {
      if (list.matches(row)) items.push(row);
      if (items.length === request.limit && row !== page.items.at(-1))
        return { items, next: list.positionOf(row) };
    }
    if (page.next === undefined || items.length === request.limit) return { items, next: page.next };
    read += page.items.length;
    after = page.next;
  }
  return { items, next: after };
};
