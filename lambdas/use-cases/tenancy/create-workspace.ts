import { BrokerError } from '../../domain/broker-error.ts';
import { newWorkspaceId, type RandomBytes } from '../../domain/identifiers.ts';
import { DEFAULT_PLAN } from '../../domain/tenancy/plan.ts';
import type { Caller, Member, Workspace, WorkspaceSettings } from '../../domain/tenancy/workspace.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { StoredKeyStates } from '../ports/keys.ts';
import type { Clock } from '../ports/runtime.ts';
import type { RateLimiter } from '../ports/sessions.ts';
import type { Tenancy } from '../ports/tenancy.ts';
import { requireManaged } from './require-managed.ts';

/**
 * Creates a workspace on the default plan; the caller becomes its owner in the same write. Each has free managed minutes, so
 * a person can create only a few in a day (UTC): `rate_limited` after that. `managed_unavailable`, at no cost of that budget,
 * where managed billing is asked for and does not work.
 */
export const createWorkspace =
  (ports: {
    readonly tenancy: Tenancy;
    readonly keys: StoredKeyStates;
    readonly auditEvents: AuditEventFactory;
    readonly clock: Clock;
    readonly random: RandomBytes;
    readonly limiter: RateLimiter;
    readonly workspacesPerDay: number;
  }) =>
  async (caller: Caller, settings: WorkspaceSettings): Promise<Workspace> => {
    if (settings.billingMode === 'managed') await requireManaged(ports.keys);
    const now = ports.clock();
    const createdAt = now.toISOString();
    // Counted in the last minute of the day: one item for the day, kept until it has ended.
    const endOfDay = new Date(`${createdAt.slice(0, 10)}T23:59:00.000Z`);
    const subject = `new-workspace#${caller.sub}`;
    const budget = await ports.limiter.spend(subject, { perMinute: ports.workspacesPerDay }, endOfDay);
    if (!budget.allowed)
      throw new BrokerError('rate_limited', {
        retryAfterSeconds: Math.ceil((endOfDay.getTime() + 60_000 - now.getTime()) / 1_000),
      });
    const workspaceId = newWorkspaceId(ports.random);
    const workspace: Workspace = {
      workspaceId,
      ...settings,
      retention: { ...settings.retention, changedAt: null },
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
