import { BrokerError } from '../../domain/broker-error.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { Tenancy } from '../ports/tenancy.ts';
import { authorizeWorkspace } from './authorize.ts';

/**
 * Removes a member. Their next request is refused, and an earlier invitation is void. Owners remove others; every member
 * can leave. The last owner cannot go (`last_owner`).
 */
export const removeMember =
  ({ tenancy, auditEvents }: { readonly tenancy: Tenancy; readonly auditEvents: AuditEventFactory }) =>
  async (caller: Caller, workspaceId: WorkspaceId, sub: string): Promise<void> => {
    const workspace = await authorizeWorkspace(
      tenancy,
      caller,
      workspaceId,
      sub === caller.sub ? 'viewer' : 'owner',
    );
    const member = await tenancy.readMember(workspaceId, sub);
    if (member === undefined) throw new BrokerError('member_not_found');
    if (member.role === 'owner' && workspace.ownerCount === 1) throw new BrokerError('last_owner');
    const event = await auditEvents.event(caller, 'member.removed', {
      workspaceId,
      facts: { sub, role_before: member.role },
    });
    await refuseConflict(tenancy.removeMember(member, event));
  };
