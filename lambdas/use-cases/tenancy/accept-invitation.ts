import { BrokerError } from '../../domain/broker-error.ts';
import { isSameText } from '../../domain/constant-time.ts';
import { type Invitation, isExpired, workspaceOfInvitation } from '../../domain/tenancy/invitation.ts';
import type { Caller, Member, Workspace } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { Clock } from '../ports/runtime.ts';
import type { InvitationSecrets, InvitationStore, MembershipReader } from '../ports/tenancy.ts';

export interface AcceptPorts {
  readonly tenancy: MembershipReader;
  readonly invitations: Pick<InvitationStore, 'readInvitation' | 'readRemovedAt' | 'acceptInvitation'>;
  readonly secrets: InvitationSecrets;
  readonly auditEvents: AuditEventFactory;
  readonly clock: Clock;
}

/** An invitation in the form for the invited person before the decision. */
export interface OfferedInvitation {
  readonly invitation: Invitation;
  readonly workspace: Workspace;
  readonly inviter: Member;
}

/**
 * The invitation, if this caller can accept it: with its secret, or by the caller's own `sub`. Everything else is the same
 * `invitation_not_found`: an ID that does not exist, a wrong secret, one that has expired or was withdrawn, a workspace that
 * was deleted, an inviter who is no longer an owner, and one that was sent before the caller, or the member with its address,
 * was removed.
 */
export const offeredInvitation =
  (ports: Omit<AcceptPorts, 'auditEvents'>) =>
  async (caller: Caller, invitationId: string, secret: string | undefined): Promise<OfferedInvitation> => {
    const notFound = new BrokerError('invitation_not_found');
    const workspaceId = workspaceOfInvitation(invitationId);
    if (workspaceId === undefined) throw notFound;
    const invitation = await ports.invitations.readInvitation(workspaceId, invitationId);
    if (invitation === undefined || isExpired(invitation, ports.clock())) throw notFound;
    if (!(await isFor(ports.secrets, invitation, caller, secret))) throw notFound;
    const removedAt = await ports.invitations.readRemovedAt(workspaceId, {
      sub: caller.sub,
      email: invitation.email,
    });
    if (removedAt !== undefined && invitation.invitedAt <= removedAt) throw notFound;
    const { workspace, member: inviter } = await ports.tenancy.readMembership(
      workspaceId,
      invitation.invitedBy,
    );
    if (workspace?.deletedAt !== null || inviter?.role !== 'owner') throw notFound;
    return { invitation, workspace, inviter };
  };

const isFor = async (
  secrets: InvitationSecrets,
  invitation: Invitation,
  { sub }: Caller,
  secret: string | undefined,
): Promise<boolean> => {
  if (invitation.invitedSub !== null) return invitation.invitedSub === sub;
  return secret !== undefined && isSameText(await secrets.secretOf(invitation), secret);
};

/** The invited person becomes a member, at their next request. `already_member` if they are one: their role is kept. */
export const acceptInvitation =
  (ports: AcceptPorts) =>
  async (
    caller: Caller,
    invitationId: string,
    { secret, name }: { readonly secret: string | undefined; readonly name: string | undefined },
  ): Promise<Member> => {
    const { invitation } = await offeredInvitation(ports)(caller, invitationId, secret);
    const { workspaceId, role, email, invitedBy } = invitation;
    const { member: present } = await ports.tenancy.readMembership(workspaceId, caller.sub);
    if (present !== undefined) throw new BrokerError('already_member');
    const member: Member = {
      workspaceId,
      sub: caller.sub,
      role,
      addedAt: ports.clock().toISOString(),
      addedBy: invitedBy,
      ...(email !== null && { email }),
      ...(name !== undefined && { name }),
    };
    const event = await ports.auditEvents.event(caller, 'member.saved', {
      workspaceId,
      facts: { sub: caller.sub, role, invitation: invitationId },
    });
    await refuseConflict(ports.invitations.acceptInvitation(invitation, member, event));
    return member;
  };
