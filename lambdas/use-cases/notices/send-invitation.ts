import type { WorkspaceId } from '../../domain/identifiers.ts';
import { invitationCode, invitationMail, isExpired } from '../../domain/tenancy/invitation.ts';
import type { Mailer } from '../ports/notices.ts';
import type { Clock } from '../ports/runtime.ts';
import type { InvitationReader, InvitationSecrets, WorkspaceReader } from '../ports/tenancy.ts';

/** Mails an invitation with its code; `expired` when it can no longer be accepted. */
export const sendInvitation =
  (ports: {
    readonly clock: Clock;
    readonly workspaces: WorkspaceReader;
    readonly invitations: InvitationReader;
    readonly secrets: InvitationSecrets;
    readonly mailer: Mailer;
    /** Empty if the address of the dashboard is not known. */
    readonly dashboardUrl: string;
  }) =>
  async (workspaceId: WorkspaceId, invitationId: string): Promise<'accepted' | 'refused' | 'expired'> => {
    const [workspace, invitation] = await Promise.all([
      ports.workspaces.readWorkspace(workspaceId),
      ports.invitations.readInvitation(workspaceId, invitationId),
    ]);
    if (workspace?.deletedAt !== null || invitation === undefined || invitation.email === null)
      return 'expired';
    if (isExpired(invitation, ports.clock())) return 'expired';
    const code = invitationCode(invitationId, await ports.secrets.secretOf(invitation));
    return ports.mailer.send(
      invitation.email,
      invitationMail(invitation, workspace.name, code, ports.dashboardUrl),
    );
  };
