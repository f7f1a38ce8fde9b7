import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller, Workspace, WorkspaceChange } from '../../domain/tenancy/workspace.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { StoredKeyStates } from '../ports/keys.ts';
import type { Tenancy } from '../ports/tenancy.ts';
import { authorizeWorkspace } from './authorize.ts';
import { requireManaged } from './require-managed.ts';

/**
 * Owner only. A new billing mode counts from the next mint; a running session keeps its payer. `managed_unavailable`
 * if this deployment has no platform key that could pay. A retention applies to new sessions and errors; those that are
 * stored keep their time.
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
    const { retention, ...others } = change;
    const kept = workspace.retention;
    const isOther =
      retention !== undefined &&
      (retention.sessionDays !== kept.sessionDays || retention.errorDays !== kept.errorDays);
    const event = await auditEvents.event(caller, 'workspace.changed', {
      workspaceId,
      facts: {
        fields: Object.keys(change).sort().join(','),
        ...(change.billingMode !== undefined && {
          billing_mode_before: workspace.billingMode,
          billing_mode: change.billingMode,
        }),
        ...(isOther && {
          session_days_before: kept.sessionDays,
          session_days: retention.sessionDays,
          error_days_before: kept.errorDays,
          error_days: retention.errorDays,
        }),
      },
    });
    // The time of a change limits which totals can be compared, so an unchanged setting is not a change.
    const saved = { ...others, ...(isOther && { retention: { ...retention, changedAt: event.at } }) };
    await tenancy.changeWorkspace(workspaceId, saved, event);
    return { ...workspace, ...saved };
  };
