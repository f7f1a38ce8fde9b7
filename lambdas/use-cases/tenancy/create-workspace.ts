import { newWorkspaceId, type RandomBytes } from '../../domain/identifiers.ts';
import { DEFAULT_PLAN } from '../../domain/tenancy/plan.ts';
import type { Caller, Member, Workspace, WorkspaceSettings } from '../../domain/tenancy/workspace.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { Clock } from '../ports/runtime.ts';
import type { Tenancy } from '../ports/tenancy.ts';

/** Creates a workspace on the default plan; the caller becomes its owner in the same write. */
export const createWorkspace =
  (ports: {
    readonly tenancy: Tenancy;
    readonly auditEvents: AuditEventFactory;
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
    const event = await ports.auditEvents.event(caller, 'workspace.created', { workspaceId });
    await ports.tenancy.createWorkspace(workspace, owner, event);
    return workspace;
  };
