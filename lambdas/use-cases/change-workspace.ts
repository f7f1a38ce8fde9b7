import type { WorkspaceId } from '../domain/identifiers.ts';
import type { Workspace } from '../domain/workspace.ts';
import { authorizeWorkspace, type Caller } from './authorize.ts';
import type { NewWorkspace } from './create-workspace.ts';
import type { Tenancy } from './ports.ts';

/** Owner only. A new billing mode counts from the next mint; a running session keeps its payer. */
export const changeWorkspace =
  ({ tenancy }: { readonly tenancy: Tenancy }) =>
  async (caller: Caller, workspaceId: WorkspaceId, change: Partial<NewWorkspace>): Promise<Workspace> => {
    const workspace = await authorizeWorkspace(tenancy, caller, workspaceId, 'owner');
    const changed: Workspace = { ...workspace, ...change };
    await tenancy.saveWorkspace(changed);
    return changed;
  };
