import { BrokerError } from '../../domain/broker-error.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Invitation } from '../../domain/tenancy/invitation.ts';
import type { Caller, Member, Role } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { Tenancy } from '../ports/tenancy.ts';
import { authorizeWorkspace } from './authorize.ts';
import { type InvitePorts, inviteSub } from './invite-person.ts';
import { requireRecentSignInToRaise } from './require-recent-sign-in.ts';

/**
 * Owner only. Changes the role of a member, at once; the last owner stays one (`last_owner`). A new person is invited and has no
 * rights until they accept.
 */
export const saveMember =
  (ports: InvitePorts & { readonly tenancy: Tenancy }) =>
  async (caller: Caller, workspaceId: WorkspaceId, sub: string, role: Role): Promise<Member | Invitation> => {
    const { tenancy, auditEvents } = ports;
    const workspace = await authorizeWorkspace(tenancy, caller, workspaceId, 'owner');
    const previous = await tenancy.readMember(workspaceId, sub);
    requireRecentSignInToRaise(caller, role, previous?.role);
    if (previous === undefined) return inviteSub(ports)(caller, workspaceId, sub, role);
    if (previous.role === role) return previous;
    if (previous.role === 'owner' && workspace.ownerCount === 1) throw new BrokerError('last_owner');
    const member: Member = { ...previous, role };
    const event = await auditEvents.event(caller, 'member.saved', {
      workspaceId,
      facts: { sub, role, role_before: previous.role },
    });
    await refuseConflict(tenancy.saveMember(member, previous, event));
    return member;
  };
