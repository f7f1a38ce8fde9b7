import type { SessionRow } from '../api/queries.ts';

/** Orders that no index supports. They sort the rows of one page. */
export const PAGE_SORTS = {
  longest: 'Longest of this page',
  costliest: 'Highest cost of this page',
} as const;

export const isPageSort = (sort: string): sort is keyof typeof PAGE_SORTS => Object.hasOwn(PAGE_SORTS, sort);

/** The rows of one page, sorted; unchanged for any other `sort`. */
export const sortPage = (rows: readonly SessionRow[], sort: string): readonly SessionRow[] => {
  if (sort === 'longest') return rows.toSorted((a, b) => b.seconds - a.seconds);
  if (sort === 'costliest')
    return rows.toSorted((a, b) => (b.receipt.cost_cents ?? 0) - (a.receipt.cost_cents ?? 0));
  return rows;
};
