import { newWorkspaceId, type RandomBytes } from '../domain/identifiers.ts';
import { DEFAULT_PLAN } from '../domain/plan.ts';
import type { Caller, Member, Workspace } from '../domain/workspace.ts';
import type { Clock, Journal, Tenancy, WorkspaceSettings } from './ports.ts';

/** Creates a workspace on the default plan; the caller becomes its owner in the same write. */
export const createWorkspace =
  (ports: {
    readonly tenancy: Tenancy;
    readonly journal: Journal;
    readonly clock: Clock;
    readonly random: RandomBytes;
  }) =>
  async (caller: Caller, settings: WorkspaceSettings): Promise<Workspace> => {
    const createdAt = ports.clock().toISOString();
    const workspaceId = newWorkspaceId(ports.random);
    const workspace: Workspace = {
      workspaceId,
      ...settings,
      plan: DEFAULT_PLAN,
      ownerCount: 1,
      siteCount: 0,
      createdAt,
      deletedAt: null,
    };
    const owner: Member = {
      workspaceId,
      sub: caller.sub,
      role: 'owner',
      addedAt: createdAt,
      addedBy: caller.sub,
    };
    const event = await ports.journal.event(caller, 'workspace.created', { workspaceId });
    await ports.tenancy.createWorkspace(workspace, owner, event);
    return workspace;
  };
