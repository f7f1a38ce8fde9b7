import {
  type AuditRow,
  type ChainHead,
  type ChainVerification,
  ChainVerifier,
} from '../../domain/audit/audit-record.ts';
import type { ChainKeys } from '../ports/audit.ts';

/**
 * The verdict on archived rows of one chain, which continue after `checked`. Rows may come in any order and several times; two
 * different rows at one place break the chain, because at most one of them can be right.
 */
export const verifyPart = (
  workspaceId: string,
  rows: readonly AuditRow[],
  chainKey: Uint8Array,
  checked?: ChainHead,
): ChainVerification => {
  const verifier = new ChainVerifier(workspaceId, chainKey, checked);
  const distinct = new Map(rows.map((row) => [JSON.stringify(row), row]));
  for (const row of [...distinct.values()].toSorted((a, b) => a.sequence - b.sequence)) verifier.take(row);
  return verifier.finish(0);
};

/**
 * The verdict on each workspace's chain, from archived rows alone, complete from the first row. A tail that was never archived
 * is not noticed here: the daily reconciliation compares the archive with the table.
 */
export const verifyArchivedRows = async (
  rows: readonly AuditRow[],
  chainKeys: ChainKeys,
): Promise<ReadonlyMap<string, ChainVerification>> => {
  const verdicts = new Map<string, ChainVerification>();
  for (const [workspaceId, own] of Map.groupBy(rows, (row) => row.workspaceId))
    verdicts.set(workspaceId, verifyPart(workspaceId, own, await chainKeys.keyOf(workspaceId)));
  return verdicts;
};
