import { createHash } from 'node:crypto';
import type { WorkspaceId } from '../identifiers.ts';
import type { Mail } from '../notices/mail-alerts.ts';
import type { Role } from './workspace.ts';

/** An offer to join a workspace. It gives no rights before the invited person accepts it. */
export interface Invitation {
  readonly workspaceId: WorkspaceId;
  readonly invitationId: string;
  readonly role: Role;
  /** The address that the invitation goes to; null: it is for the person `invitedSub`. */
  readonly email: string | null;
  /** The only person who can accept it; null: the holder of its secret. */
  readonly invitedSub: string | null;
  readonly invitedAt: string;
  readonly invitedBy: string;
  readonly expiresAt: string;
  /** The secret is derived from it, and stored nowhere. */
  readonly nonce: string;
}

export const INVITATION_MS = 7 * 24 * 60 * 60_000;
/** Invitations of a workspace in a day: each can send mail to a stranger. */
export const INVITATIONS_PER_DAY = 50;

const INVITATION_ID = /^inv_([a-z0-9]{12})[0-9a-f]{24}$/;

/** The workspace of an invitation; undefined for text that is not an invitation ID. */
export const workspaceOfInvitation = (invitationId: string): WorkspaceId | undefined =>
  INVITATION_ID.exec(invitationId)?.[1] as WorkspaceId | undefined;

/** Begins with the ID of the workspace, so that the invitation is found by its own ID alone. */
export const newInvitationId = (workspaceId: WorkspaceId, random: Uint8Array): string =>
  `inv_${workspaceId}${Buffer.from(random).toString('hex')}`;

export const INVITATION_ID_BYTES = 12;

/** The same for the same person, so that a repeated request leaves one invitation. */
export const invitationIdForSub = (workspaceId: WorkspaceId, sub: string): string =>
  newInvitationId(
    workspaceId,
    createHash('sha256')
      .update(JSON.stringify([workspaceId, sub]))
      .digest()
      .subarray(0, INVITATION_ID_BYTES),
  );

export const isExpired = ({ expiresAt }: Pick<Invitation, 'expiresAt'>, now: Date): boolean =>
  Date.parse(expiresAt) <= now.getTime();

/** 32 derived bytes in the form of a code. */
export const secretText = (derived: Uint8Array): string => Buffer.from(derived).toString('base64url');

/** The text that the invited person enters: the invitation and the proof that it reached them. */
export const invitationCode = (invitationId: string, secret: string): string => `${invitationId}.${secret}`;

/** The subject contains no text that a person typed. `dashboardUrl`: empty if it is not known. */
export const invitationMail = (
  invitation: Pick<Invitation, 'role' | 'expiresAt'>,
  workspaceName: string,
  code: string,
  dashboardUrl: string,
): Mail => ({
  subject: '[Spelo] Invitation to a workspace',
  text: [
    `You are invited to the workspace "${workspaceName}" as ${invitation.role}.`,
    dashboardUrl === ''
      ? `Sign in to the dashboard, open "Accept an invitation" and enter this code:\n\n${code}`
      : `Accept it here:\n\n${dashboardUrl}invitation#${code}`,
    `The invitation is valid until ${invitation.expiresAt}. Accept it only if you know who invited you. Otherwise ignore this mail: nothing happens without your consent.`,
  ].join('\n\n'),
});
