import { type AuditEvent, chainRow } from '../../domain/audit/audit-record.ts';
import type { AuditLog, ChainKeys } from '../ports/audit.ts';
import type { BackOff } from '../ports/runtime.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

/** Conflicts before the record is left to the next delivery. Each means that another event of the workspace was appended. */
const MAX_ATTEMPTS = 20;

/**
 * Puts one event at the end of its workspace's chain, exactly once for any number of deliveries and concurrent writers.
 * Never changes or removes a row.
 */
export const appendAuditEvent =
  (ports: { readonly audit: AuditLog; readonly chainKeys: ChainKeys; readonly backOff: BackOff }) =>
  async (event: AuditEvent): Promise<'appended' | 'duplicate'> => {
    const chainKey = await ports.chainKeys.keyOf(event.workspaceId);
    return retryOnConflict(ports.backOff, MAX_ATTEMPTS, async () => {
      if (await ports.audit.knows(event)) return 'duplicate';
      const head = await ports.audit.readHead(event.workspaceId);
      await ports.audit.append(chainRow(event, head, chainKey));
      return 'appended';
    });
  };
