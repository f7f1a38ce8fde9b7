import { isDeepStrictEqual } from 'node:util';
import type { RawItem, TableCopy } from '../../../lambdas/adapters/aws/dynamodb-table-copy.ts';

export interface CopyCounts {
  /** Items that were missing from the live table and were copied; without `apply`, items that are missing. */
  readonly missing: number;
  /** Items that are equal in the live table. */
  readonly same: number;
  /** Items that differ in the live table. They are replaced with `overwrite`, otherwise left unchanged. */
  readonly different: number;
  /** Items of the restored table that must not come back. */
  readonly withheld: number;
}

export const NOTHING_COPIED: CopyCounts = { missing: 0, same: 0, different: 0, withheld: 0 };

export interface CopyRequest {
  readonly from: string;
  readonly to: string;
  /** The restored form of an item: the item, a corrected item, or undefined for none. */
  readonly admit: (item: RawItem) => RawItem | undefined;
  readonly apply: boolean;
  readonly overwrite: boolean;
  /** The position at which an earlier run stopped. */
  readonly after: RawItem | undefined;
  /** Called with each whole page: everything before `next` is in the live table. undefined at the end of the table. */
  readonly onPage: (next: RawItem | undefined, page: CopyCounts) => void;
  /** Called with the keys of each item that differs in the live table. */
  readonly onDifferent: (place: string) => void;
}

/** Maximum number of concurrent writes of a page. */
const PARALLEL = 16;

/**
 * Copies a restored table into the live one, page by page, and changes nothing else in it. Every write is conditional on the
 * place being empty, so a page that is copied twice, after a crash or by two operators at once, changes nothing.
 */
export const copyTable = async (copy: TableCopy, request: CopyRequest): Promise<void> => {
  for (let after = request.after; ; ) {
    const { items, next } = await copy.scan(request.from, after);
    const counts = { ...NOTHING_COPIED };
    for (let start = 0; start < items.length; start += PARALLEL) {
      const outcomes = await Promise.all(
        items.slice(start, start + PARALLEL).map((item) => copyItem(copy, request, item)),
      );
      for (const outcome of outcomes) counts[outcome]++;
    }
    request.onPage(next, counts);
    if (next === undefined) return;
    after = next;
  }
};

const copyItem = async (
  copy: TableCopy,
  { to, admit, apply, overwrite, onDifferent }: CopyRequest,
  restored: RawItem,
): Promise<keyof CopyCounts> => {
  const item = admit(restored);
  if (item === undefined) return 'withheld';
  if (apply && (await copy.putMissing(to, item))) return 'missing';
  const live = await copy.read(to, item);
  if (live === undefined) {
    if (apply)
      throw new Error(`${placeOf(item)} was deleted from ${to} while it was compared. Run it again.`);
    return 'missing';
  }
  if (isDeepStrictEqual(live, item)) return 'same';
  onDifferent(placeOf(item));
  if (apply && overwrite) await copy.replace(to, item);
  return 'different';
};

export const placeOf = ({ pk, sk }: RawItem): string => `${pk?.S ?? '?'} ${sk?.S ?? '?'}`;
