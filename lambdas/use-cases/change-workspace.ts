import type { WorkspaceId } from '../domain/identifiers.ts';
import type { Caller, Workspace } from '../domain/workspace.ts';
import { authorizeWorkspace } from './authorize.ts';
import type { Tenancy, WorkspaceChange } from './ports.ts';

/** Owner only. A new billing mode counts from the next mint; a running session keeps its payer. */
export const changeWorkspace =
  ({ tenancy }: { readonly tenancy: Tenancy }) =>
  async (caller: Caller, workspaceId: WorkspaceId, change: WorkspaceChange): Promise<Workspace> => {
    const workspace = await authorizeWorkspace(tenancy, caller, workspaceId, 'owner');
    await tenancy.changeWorkspace(workspaceId, change);
    return { ...workspace, ...change };
  };
