import { type Invitation, invitationCode, isExpired } from '../../domain/tenancy/invitation.ts';
import type { Member } from '../../domain/tenancy/workspace.ts';
import type { OfferedInvitation } from '../../use-cases/tenancy/accept-invitation.ts';
import type { SentInvitation } from '../../use-cases/tenancy/invite-person.ts';
import type { DataOf } from '../endpoints/endpoint.ts';

export const presentMember = (member: Member): DataOf<'readMember'> => ({
  sub: member.sub,
  role: member.role,
  name: member.name ?? null,
  email: member.email ?? null,
  added_at: member.addedAt,
  added_by: member.addedBy,
});

/** A member, or an invited person. */
export const presentSavedMember = (saved: Member | Invitation): DataOf<'putMember'> =>
  'invitationId' in saved
    ? {
        sub: saved.invitedSub ?? '',
        role: saved.role,
        name: null,
        email: null,
        added_at: saved.invitedAt,
        added_by: saved.invitedBy,
        invitation_id: saved.invitationId,
      }
    : { ...presentMember(saved), invitation_id: null };

/** Without the nonce, from which the secret is derived. */
export const presentInvitation = (invitation: Invitation, now: Date) => ({
  invitation_id: invitation.invitationId,
  role: invitation.role,
  email: invitation.email,
  sub: invitation.invitedSub,
  invited_at: invitation.invitedAt,
  invited_by: invitation.invitedBy,
  expires_at: invitation.expiresAt,
  expired: isExpired(invitation, now),
});

export const presentSentInvitation = (
  { invitation, secret }: SentInvitation,
  now: Date,
): DataOf<'invitePerson'> => ({
  ...presentInvitation(invitation, now),
  mailed: secret === null,
  code: secret === null ? null : invitationCode(invitation.invitationId, secret),
});

export const presentOffer = ({ invitation, workspace, inviter }: OfferedInvitation): DataOf<'readOffer'> => ({
  workspace_id: workspace.workspaceId,
  workspace_name: workspace.name,
  role: invitation.role,
  invited_by: inviter.sub,
  invited_by_name: inviter.name ?? null,
  invited_by_email: inviter.email ?? null,
  expires_at: invitation.expiresAt,
});
