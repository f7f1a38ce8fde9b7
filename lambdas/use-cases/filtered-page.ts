import type { Page, PageRequest } from './ports/pages.ts';

/** Maximum number of rows read for one page, so that a narrow filter over a long list stays fast; the cursor continues. */
const MAX_ROWS_READ = 2_000;

/**
 * The rows of a list that match a filter. A page may be shorter than its limit; the cursor, not the length, shows whether
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
