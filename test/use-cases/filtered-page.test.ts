import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { filteredPage } from '../../lambdas/use-cases/filtered-page.ts';
import type { Page } from '../../lambdas/use-cases/ports/pages.ts';

interface Row {
  readonly index: number;
  readonly wanted: boolean;
}

/** A list as a table pages it: a cursor is the number of the row to continue with, and says that there is one. */
const listOf = (wanted: readonly boolean[], readSize: number) => {
  const rows = wanted.map((one, index): Row => ({ index, wanted: one }));
  const reads: number[] = [];
  const page = (limit: number, after: string | undefined): Promise<Page<Row>> =>
    filteredPage(
      { limit, after },
      {
        readSize,
        read: async ({ limit: size, after: from }) => {
          const start = Number(from ?? 0);
          const items = rows.slice(start, start + size);
          reads.push(items.length);
          return { items, next: start + size < rows.length ? String(start + size) : undefined };
        },
        matches: (row) => row.wanted,
        positionOf: (row) => String(row.index + 1),
      },
    );
  return { rows, reads, page };
};

const walk = async (list: ReturnType<typeof listOf>, limit: number): Promise<readonly Page<Row>[]> => {
  const pages: Page<Row>[] = [];
  let after: string | undefined;
  do {
    const page = await list.page(limit, after);
    pages.push(page);
    after = page.next;
  } while (after !== undefined);
  return pages;
};

const sizes = fc.integer({ min: 1, max: 7 });

describe('a filtered list', () => {
  it('returns each matching row once and in order, for any size of pages and reads', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { maxLength: 40 }),
        sizes,
        sizes,
        async (wanted, limit, readSize) => {
          const list = listOf(wanted, readSize);
          const pages = await walk(list, limit);
          expect(pages.flatMap(({ items }) => items)).toEqual(list.rows.filter((row) => row.wanted));
          for (const { items } of pages) expect(items.length).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });

  it('has no further page if the last matching row was the last of all', async () => {
    expect(await walk(listOf([true, true], 2), 2)).toHaveLength(1);
    expect(await walk(listOf([false, true, false, true], 2), 2)).toHaveLength(1);
  });

  it('continues after the last returned row, not after the last read row', async () => {
    const list = listOf([true, true, true, true], 4);
    expect(await list.page(3, undefined)).toEqual({ items: list.rows.slice(0, 3), next: '3' });
    expect(await list.page(3, '3')).toEqual({ items: list.rows.slice(3), next: undefined });
  });

  it('reads no more than a full page needs', async () => {
    const list = listOf(Array(100).fill(true), 10);
    await list.page(10, undefined);
    expect(list.reads).toEqual([10]);
  });

  it('examines at most two thousand rows for one page, and continues there', async () => {
    const list = listOf([...Array(4_500).fill(false), true], 200);
    expect(await list.page(10, undefined)).toEqual({ items: [], next: '2000' });
    expect(list.reads).toEqual(Array(10).fill(200));
    const [, second, third] = await walk(list, 10);
    expect(second).toEqual({ items: [], next: '4000' });
    expect(third).toEqual({ items: list.rows.slice(-1), next: undefined });
  });
});
