import { BrokerError } from '../../domain/broker-error.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller, Member, Role } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { Clock } from '../ports/runtime.ts';
import type { Tenancy } from '../ports/tenancy.ts';
import { authorizeWorkspace } from './authorize.ts';

/** Owner only. Adds a person or changes their role; the last owner stays one (`last_owner`). */
export const saveMember =
  ({
    tenancy,
    auditEvents,
    clock,
  }: {
    readonly tenancy: Tenancy;
    readonly auditEvents: AuditEventFactory;
    readonly clock: Clock;
  }) =>
  async (caller: Caller, workspaceId: WorkspaceId, sub: string, role: Role): Promise<Member> => {
    const workspace = await authorizeWorkspace(tenancy, caller, workspaceId, 'owner');
    const previous = await tenancy.readMember(workspaceId, sub);
    if (previous?.role === role) return previous;
    if (previous?.role === 'owner' && workspace.ownerCount === 1) throw new BrokerError('last_owner');
    const member: Member = {
      workspaceId,
      sub,
      role,
      addedAt: previous?.addedAt ?? clock().toISOString(),
      addedBy: previous?.addedBy ?? caller.sub,
    };
    const event = await auditEvents.event(caller, 'member.saved', {
      workspaceId,
      facts: { sub, role, ...(previous !== undefined && { role_before: previous.role }) },
    });
    await refuseConflict(tenancy.saveMember(member, previous, event));
    return member;
  };
