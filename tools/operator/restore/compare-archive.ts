import { isDeepStrictEqual } from 'node:util';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { auditRowItem } from '../../../lambdas/adapters/aws/audit/audit-items.ts';
import type { TableCopy } from '../../../lambdas/adapters/aws/dynamodb-table-copy.ts';
import type { AuditRow } from '../../../lambdas/domain/audit/audit-record.ts';

export interface ArchiveComparison {
  readonly equal: number;
  /** `<workspace> row <sequence>` of rows that differ between the table and the archive. */
  readonly altered: readonly string[];
  /** The same for rows that are in the archive but not in the table. */
  readonly missing: readonly string[];
}

/**
 * Compares the rows of the audit table with those of the archive, field by field. It needs no key, because `npm run
 * verify-archive` checks the archive's own chains. Rows that are not archived yet are ignored.
 */
export const compareWithArchive = async (
  copy: TableCopy,
  auditTable: string,
  archived: readonly AuditRow[],
): Promise<ArchiveComparison> => {
  const waiting = new Map(archived.map((row) => [nameOf(row), row]));
  const altered: string[] = [];
  let equal = 0;
  for (let after: Parameters<TableCopy['scan']>[1]; ; ) {
    const { items, next } = await copy.scan(auditTable, after);
    for (const item of items) {
      if (item['pk']?.S?.startsWith('AUDIT#') !== true) continue;
      const row = auditRowItem.parse(unmarshall({ ...item }));
      const archivedRow = waiting.get(nameOf(row));
      if (archivedRow === undefined) continue;
      waiting.delete(nameOf(row));
      if (isDeepStrictEqual(row, archivedRow)) equal++;
      else altered.push(nameOf(row));
    }
    if (next === undefined) return { equal, altered, missing: [...waiting.keys()] };
    after = next;
  }
};

const nameOf = ({ workspaceId, sequence }: AuditRow): string => `${workspaceId} row ${sequence}`;
