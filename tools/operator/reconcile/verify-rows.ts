import {
  type AuditRow,
  type ChainVerification,
  ChainVerifier,
} from '../../../lambdas/domain/audit/audit-record.ts';
import type { ChainKeys } from '../../../lambdas/use-cases/ports/audit.ts';

/**
 * The verdict on each workspace's chain, from archived rows alone. Rows may come in any order and several times; two
 * different rows at one place break the chain, because at most one of them can be right. A tail that was never archived is
 * not noticed here: the table's markers know of it.
 */
export const verifyRows = async (
  rows: readonly AuditRow[],
  chainKeys: ChainKeys,
): Promise<ReadonlyMap<string, ChainVerification>> => {
  const verdicts = new Map<string, ChainVerification>();
  for (const [workspaceId, own] of Map.groupBy(rows, (row) => row.workspaceId)) {
    const verifier = new ChainVerifier(workspaceId, await chainKeys.keyOf(workspaceId));
    const distinct = new Map(own.map((row) => [JSON.stringify(row), row]));
    for (const row of [...distinct.values()].toSorted((a, b) => a.sequence - b.sequence)) verifier.take(row);
    verdicts.set(workspaceId, verifier.finish(0));
  }
  return verdicts;
};
