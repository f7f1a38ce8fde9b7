interface OnePage<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
}

/** The maximum page size of the API. */
const WHOLE_PAGE = 100;

/** A whole list, page after page: names are looked up in it, and a choice that is missing could not be made. */
export const everyPage = async <Item>(
  read: (query: { readonly limit: number; readonly cursor?: string }) => Promise<OnePage<Item>>,
): Promise<readonly Item[]> => {
  const items: Item[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await read({ limit: WHOLE_PAGE, ...(cursor !== undefined && { cursor }) });
    items.push(...page.items);
    cursor = page.next_cursor;
  }
  return items;
};
