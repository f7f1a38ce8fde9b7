import type { Page, PageRequest } from '../../use-cases/ports/pages.ts';
import { encodeCursor, type List, pageRequestOf } from '../cursor.ts';

export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** One page of `list` in the form of the contract: items, and a cursor that only this list accepts. */
export const pageOf = async <Item, Shown>(
  list: List,
  query: PageQuery,
  read: (page: PageRequest) => Promise<Page<Item>>,
  present: (item: Item) => Shown,
) => {
  const { items, next } = await read(pageRequestOf(list, query));
  return { items: items.map(present), next_cursor: encodeCursor(list, next) };
};
