import type { WorkspaceId } from '../domain/identifiers.ts';
import type { Caller, Workspace } from '../domain/workspace.ts';
import { authorizeWorkspace } from './authorize.ts';
import type { Journal, Tenancy, WorkspaceChange } from './ports.ts';

/** Owner only. A new billing mode counts from the next mint; a running session keeps its payer. */
export const changeWorkspace =
  ({ tenancy, journal }: { readonly tenancy: Tenancy; readonly journal: Journal }) =>
  async (caller: Caller, workspaceId: WorkspaceId, change: WorkspaceChange): Promise<Workspace> => {
    const workspace = await authorizeWorkspace(tenancy, caller, workspaceId, 'owner');
    const event = await journal.event(caller, 'workspace.changed', {
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
