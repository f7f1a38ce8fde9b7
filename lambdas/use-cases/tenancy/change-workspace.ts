import { BrokerError } from '../../domain/broker-error.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import { PLATFORM_ADDRESS } from '../../domain/keys/stored-key.ts';
import type { Caller, Workspace, WorkspaceChange } from '../../domain/tenancy/workspace.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { StoredKeyStates } from '../ports/keys.ts';
import type { Tenancy } from '../ports/tenancy.ts';
import { authorizeWorkspace } from './authorize.ts';

/**
 * Owner only. A new billing mode counts from the next mint; a running session keeps its payer. `managed_unavailable`
 * where this deployment has no platform key that could pay.
 */
export const changeWorkspace =
  ({
    tenancy,
    auditEvents,
    keys,
  }: {
    readonly tenancy: Tenancy;
    readonly auditEvents: AuditEventFactory;
    readonly keys: StoredKeyStates;
  }) =>
  async (caller: Caller, workspaceId: WorkspaceId, change: WorkspaceChange): Promise<Workspace> => {
    const workspace = await authorizeWorkspace(tenancy, caller, workspaceId, 'owner');
    if (change.billingMode === 'managed' && workspace.billingMode !== 'managed') {
      const states = await keys.readStates([PLATFORM_ADDRESS]);
      if (states(PLATFORM_ADDRESS) !== 'active') throw new BrokerError('managed_unavailable');
    }
    const event = await auditEvents.event(caller, 'workspace.changed', {
      workspaceId,
      facts: {
        fields: Object.keys(change).sort().join(','),
        ...(change.billingMode !== undefined && {
          billing_mode_before: workspace.billingMode,
          billing_mode: change.billingMode,
        }),
      },
    });
    await tenancy.changeWorkspace(workspaceId, change, event);
    return { ...workspace, ...change };
  };
