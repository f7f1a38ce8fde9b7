import * as z from 'zod';
import { ROLES } from '../domain/tenancy/workspace.ts';
import { name, timestamp, workspaceIdSchema } from './common.ts';
import { mailAddress } from './tenancy.ts';

/** Schemas of members and invitations. */

export const invitationIdSchema = z
  .string()
  .meta({ id: 'InvitationId', description: 'ID of an invitation, `inv_…`.' });

export const memberRequest = z.strictObject({ role: z.enum(ROLES) }).meta({ id: 'MemberRequest' });

const personName = name(100).describe('The name that the person chose in this workspace.');

export const member = z
  .object({
    sub: z.string(),
    role: z.enum(ROLES),
    name: z.string().nullable(),
    email: z.string().nullable().describe('The address to which the accepted invitation was sent.'),
    added_at: timestamp,
    added_by: z.string(),
  })
  .meta({ id: 'Member' });

export const savedMember = member
  .extend({
    invitation_id: invitationIdSchema
      .nullable()
      .describe('Set for a new person, who has no rights until they accept this invitation.'),
  })
  .meta({ id: 'SavedMember' });

export const nameRequest = z.strictObject({ name: personName.nullable() }).meta({ id: 'NameRequest' });

export const inviteRequest = z
  .strictObject({ email: mailAddress, role: z.enum(ROLES) })
  .meta({ id: 'InviteRequest' });

export const invitation = z
  .object({
    invitation_id: invitationIdSchema,
    role: z.enum(ROLES),
    email: z.string().nullable().describe('null for an invitation by `sub`.'),
    sub: z.string().nullable().describe('null for an invitation by email.'),
    invited_at: timestamp,
    invited_by: z.string(),
    expires_at: timestamp,
    expired: z.boolean(),
  })
  .meta({ id: 'Invitation' });

export const sentInvitation = invitation
  .extend({
    mailed: z.boolean(),
    code: z
      .string()
      .nullable()
      .describe(
        'The code that the person enters to accept. Only in this answer, and only if the deployment sends no email; otherwise null.',
      ),
  })
  .meta({ id: 'SentInvitation' });

const secret = z
  .string()
  .max(100)
  .optional()
  .describe('The part of the code after the full stop. Not needed for an invitation by `sub`.');

export const offerRequest = z.strictObject({ secret }).meta({ id: 'OfferRequest' });

export const offer = z
  .object({
    workspace_id: workspaceIdSchema,
    workspace_name: z.string(),
    role: z.enum(ROLES),
    invited_by: z.string(),
    invited_by_name: z.string().nullable(),
    invited_by_email: z.string().nullable(),
    expires_at: timestamp,
  })
  .meta({ id: 'Offer' });

export const acceptRequest = z
  .strictObject({ secret, name: personName.optional() })
  .meta({ id: 'AcceptRequest' });

export const joined = z
  .object({ workspace_id: workspaceIdSchema, role: z.enum(ROLES) })
  .meta({ id: 'Joined' });
