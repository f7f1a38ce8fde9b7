import { BrokerError } from '../../domain/broker-error.ts';
import type { RandomBytes, WorkspaceId } from '../../domain/identifiers.ts';
import {
  INVITATION_ID_BYTES,
  INVITATION_MS,
  INVITATIONS_PER_DAY,
  type Invitation,
  invitationIdForSub,
  newInvitationId,
  workspaceOfInvitation,
} from '../../domain/tenancy/invitation.ts';
import type { Caller, Role } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { NoticeQueue } from '../ports/notices.ts';
import type { Clock } from '../ports/runtime.ts';
import type { RateLimiter } from '../ports/sessions.ts';
import type { InvitationSecrets, InvitationStore, MembershipReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from './authorize.ts';
import { requireRecentSignInToRaise } from './require-recent-sign-in.ts';

export interface InvitePorts {
  readonly tenancy: MembershipReader;
  readonly invitations: Pick<InvitationStore, 'saveInvitation'>;
  readonly auditEvents: AuditEventFactory;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** Stores an invitation, which gives no rights. The caller must be an owner; the address is in no audit event. */
const invite = async (
  ports: InvitePorts,
  caller: Caller,
  workspaceId: WorkspaceId,
  to: Pick<Invitation, 'invitationId' | 'role' | 'email' | 'invitedSub'>,
): Promise<Invitation> => {
  const now = ports.clock();
  const invitation: Invitation = {
    workspaceId,
    ...to,
    invitedAt: now.toISOString(),
    invitedBy: caller.sub,
    expiresAt: new Date(now.getTime() + INVITATION_MS).toISOString(),
    nonce: ports.random(16).toString('hex'),
  };
  const { invitationId, role, invitedSub } = invitation;
  const event = await ports.auditEvents.event(caller, 'member.invited', {
    workspaceId,
    facts: { invitation: invitationId, role, ...(invitedSub !== null && { sub: invitedSub }) },
  });
  await refuseConflict(ports.invitations.saveInvitation(invitation, event));
  return invitation;
};

/** Invites the person that the issuer calls `sub`; a repeated request replaces the invitation. For owners alone. */
export const inviteSub =
  (ports: InvitePorts) =>
  (caller: Caller, workspaceId: WorkspaceId, invitedSub: string, role: Role): Promise<Invitation> =>
    invite(ports, caller, workspaceId, {
      invitationId: invitationIdForSub(workspaceId, invitedSub),
      role,
      email: null,
      invitedSub,
    });

/** `secret`: null if the invitation was mailed, so that only the mailbox has it. */
export interface SentInvitation {
  readonly invitation: Invitation;
  readonly secret: string | null;
}

/**
 * Owner. Invites by mail. If this deployment sends none, the owner gets the secret, to pass it on. `rate_limited` after
 * INVITATIONS_PER_DAY: each can go to a stranger.
 */
export const invitePerson =
  (
    ports: InvitePorts & {
      readonly limiter: RateLimiter;
      readonly queue: NoticeQueue;
      readonly secrets: InvitationSecrets;
      readonly mailAvailable: boolean;
    },
  ) =>
  async (caller: Caller, workspaceId: WorkspaceId, email: string, role: Role): Promise<SentInvitation> => {
    await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'owner');
    requireRecentSignInToRaise(caller, role);
    await spendInvitation(ports.limiter, workspaceId, ports.clock());
    const invitationId = newInvitationId(workspaceId, ports.random(INVITATION_ID_BYTES));
    const invitation = await invite(ports, caller, workspaceId, {
      invitationId,
      role,
      email,
      invitedSub: null,
    });
    if (!ports.mailAvailable) return { invitation, secret: await ports.secrets.secretOf(invitation) };
    await ports.queue.send({ kind: 'invitation', workspaceId, invitationId });
    return { invitation, secret: null };
  };

/** Counted in the last minute of the day: one item for the day, kept until it has ended. */
const spendInvitation = async (limiter: RateLimiter, workspaceId: WorkspaceId, now: Date): Promise<void> => {
  const endOfDay = new Date(`${now.toISOString().slice(0, 10)}T23:59:00.000Z`);
  const budget = await limiter.spend(
    `invitation#${workspaceId}`,
    { perMinute: INVITATIONS_PER_DAY },
    endOfDay,
  );
  if (budget.allowed) return;
  const retryAfterSeconds = Math.ceil((endOfDay.getTime() + 60_000 - now.getTime()) / 1_000);
  throw new BrokerError('rate_limited', { retryAfterSeconds });
};

/** Owner. The invitation can no longer be accepted. */
export const removeInvitation =
  ({
    tenancy,
    invitations,
    auditEvents,
  }: {
    readonly tenancy: MembershipReader;
    readonly invitations: Pick<InvitationStore, 'readInvitation' | 'removeInvitation'>;
    readonly auditEvents: AuditEventFactory;
  }) =>
  async (caller: Caller, workspaceId: WorkspaceId, invitationId: string): Promise<void> => {
    await authorizeWorkspace(tenancy, caller, workspaceId, 'owner');
    const invitation =
      workspaceOfInvitation(invitationId) === workspaceId
        ? await invitations.readInvitation(workspaceId, invitationId)
        : undefined;
    if (invitation === undefined) throw new BrokerError('invitation_not_found');
    const event = await auditEvents.event(caller, 'member.invitation_removed', {
      workspaceId,
      facts: { invitation: invitationId, role: invitation.role },
    });
    await refuseConflict(invitations.removeInvitation(invitation, event));
  };
