/** The maximum page size of the API. */
const ROWS_AT_A_TIME = 100;

type Query = Readonly<Record<string, string | number | undefined>>;

/** A list that is read page by page. */
export interface ListReader {
  readonly page: (
    query: Query,
  ) => Promise<{ readonly items: readonly unknown[]; readonly next_cursor: string | null }>;
  readonly csvPage: (query: Query) => Promise<{ readonly text: string; readonly next: string | null }>;
  /** How many rows have been read so far. */
  readonly onRows: (rows: number) => void;
}

const queryFor = (filter: Query, cursor: string | null): Query => ({
  ...filter,
  limit: ROWS_AT_A_TIME,
  ...(cursor !== null && { cursor }),
});

/** Every row of a list that matches `filter` as one JSON document, read a hundred rows at a time. */
export const jsonOf = async (
  { page, onRows }: ListReader,
  filter: Query,
  facts: Readonly<Record<string, unknown>>,
): Promise<string> => {
  const items: unknown[] = [];
  let cursor: string | null = null;
  do {
    const read = await page(queryFor(filter, cursor));
    items.push(...read.items);
    onRows(items.length);
    cursor = read.next_cursor;
  } while (cursor !== null);
  // One row per line, so that the file can be compared and searched by line.
  const rows = items.map((item) => JSON.stringify(item)).join(',\n');
  const head = JSON.stringify({ format: 'spelo-export/1', ...facts, filter });
  return `${head.slice(0, -1)},"items":[\n${rows}\n]}\n`;
};

/** Every row of a list that matches `filter` as the API's CSV with one header row, read a hundred rows at a time. */
export const csvOf = async ({ csvPage, onRows }: ListReader, filter: Query): Promise<string> => {
  const parts: string[] = [];
  let rows = 0;
  let cursor: string | null = null;
  do {
    const { text, next } = await csvPage(queryFor(filter, cursor));
    // Column names contain no line break.
    const body = text.slice(text.indexOf('\r\n') + 2);
    parts.push(cursor === null ? text : body);
    rows += body.split('\r\n').length - 1;
    onRows(rows);
    cursor = next;
  } while (cursor !== null);
  return parts.join('');
};
