import type { TableCopy } from '../../../lambdas/adapters/aws/dynamodb-table-copy.ts';
import type { Caller } from '../../../lambdas/domain/tenancy/workspace.ts';
import type { AuditEventFactory, Outbox } from '../../../lambdas/use-cases/ports/audit.ts';

/**
 * The copy, which calls `announce` once for each workspace before the first of its items is written. Without that event,
 * the detector would report each restored item.
 */
export const announcingWorkspaces = (
  copy: TableCopy,
  announce: (workspaceId: string) => Promise<void>,
): TableCopy => {
  const announced = new Set<string>();
  const beforeWrite = async (item: Parameters<TableCopy['read']>[1]): Promise<void> => {
    const workspaceId = workspaceOf(item['pk']?.S ?? '');
    if (workspaceId === undefined || announced.has(workspaceId)) return;
    await announce(workspaceId);
    announced.add(workspaceId);
  };
  return {
    ...copy,
    putMissing: async (tableName, item) => {
      if (workspaceOf(item['pk']?.S ?? '') === undefined) return copy.putMissing(tableName, item);
      if ((await copy.read(tableName, item)) !== undefined) return false;
      await beforeWrite(item);
      return copy.putMissing(tableName, item);
    },
    replace: async (tableName, item) => {
      await beforeWrite(item);
      await copy.replace(tableName, item);
    },
  };
};

/**
 * Workspaces of items whose change needs an explanation for the detector: `WORKSPACE#w1`, `MAIL#w1`, `BUDGET#w1`. A stop of the
 * stage belongs to the platform.
 */
const workspaceOf = (pk: string): string | undefined => {
  const [kind = '', id] = pk.split('#');
  if (!['WORKSPACE', 'WEBHOOKS', 'MAIL', 'STOP', 'BUDGET'].includes(kind)) return undefined;
  return id === 'stage' ? 'platform' : id;
};

export const noteRestored = async (
  caller: Caller,
  workspaceId: string,
  auditEvents: AuditEventFactory,
  outbox: Outbox,
): Promise<void> => outbox.put(await auditEvents.event(caller, 'workspace.restored', { workspaceId }));
