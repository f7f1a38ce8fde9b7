import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller, Workspace, WorkspaceChange } from '../../domain/tenancy/workspace.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { StoredKeyStates } from '../ports/keys.ts';
import type { Tenancy } from '../ports/tenancy.ts';
import { authorizeWorkspace } from './authorize.ts';
import { requireManaged } from './require-managed.ts';

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
    if (change.billingMode === 'managed' && workspace.billingMode !== 'managed') await requireManaged(keys);
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
