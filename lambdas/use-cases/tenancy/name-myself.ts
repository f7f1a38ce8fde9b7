import { BrokerError } from '../../domain/broker-error.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller, Member } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { Tenancy } from '../ports/tenancy.ts';
import { authorizeWorkspace } from './authorize.ts';

/** Viewer. Sets the name that the caller has in this workspace; null removes it. Names are in no audit event. */
export const nameMyself =
  ({ tenancy, auditEvents }: { readonly tenancy: Tenancy; readonly auditEvents: AuditEventFactory }) =>
  async (caller: Caller, workspaceId: WorkspaceId, name: string | null): Promise<Member> => {
    await authorizeWorkspace(tenancy, caller, workspaceId, 'viewer');
    const { member: previous } = await tenancy.readMembership(workspaceId, caller.sub);
    if (previous === undefined) throw new BrokerError('workspace_not_found');
    const { name: _before, ...rest } = previous;
    const member: Member = { ...rest, ...(name !== null && { name }) };
    const event = await auditEvents.event(caller, 'member.saved', {
      workspaceId,
      facts: { sub: caller.sub, role: member.role, role_before: member.role },
    });
    await refuseConflict(tenancy.saveMember(member, previous, event));
    return member;
  };
