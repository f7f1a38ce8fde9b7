import { BrokerError } from '../../domain/broker-error.ts';
import type { Clock } from '../../use-cases/ports/runtime.ts';
import type { InvitationStore, Tenancy } from '../../use-cases/ports/tenancy.ts';
import type { acceptInvitation, offeredInvitation } from '../../use-cases/tenancy/accept-invitation.ts';
import { authorizeWorkspace } from '../../use-cases/tenancy/authorize.ts';
import type { invitePerson, removeInvitation } from '../../use-cases/tenancy/invite-person.ts';
import type { nameMyself } from '../../use-cases/tenancy/name-myself.ts';
import type { removeMember } from '../../use-cases/tenancy/remove-member.ts';
import type { saveMember } from '../../use-cases/tenancy/save-member.ts';
import {
  presentInvitation,
  presentMember,
  presentOffer,
  presentSavedMember,
  presentSentInvitation,
} from '../presenters/present-members.ts';
import type { EndpointsOf } from './endpoint.ts';
import { pageOf } from './page.ts';
import { subIn, workspaceIdIn } from './path-ids.ts';

export type MemberEndpoints = Pick<
  EndpointsOf<'manage'>,
  | 'listMembers'
  | 'readMember'
  | 'putMember'
  | 'removeMember'
  | 'readMyself'
  | 'nameMyself'
  | 'listInvitations'
  | 'invitePerson'
  | 'removeInvitation'
  | 'readOffer'
  | 'acceptInvitation'
>;

type Path = Readonly<Record<string, string | undefined>>;
const invitationIdIn = (path: Path): string => path['invitationId'] ?? '';

/** Routes of members and invitations. */
export const memberEndpoints = (deps: {
  readonly clock: Clock;
  readonly tenancy: Tenancy;
  readonly invitations: Pick<InvitationStore, 'listInvitations'>;
  readonly saveMember: ReturnType<typeof saveMember>;
  readonly removeMember: ReturnType<typeof removeMember>;
  readonly nameMyself: ReturnType<typeof nameMyself>;
  readonly invitePerson: ReturnType<typeof invitePerson>;
  readonly removeInvitation: ReturnType<typeof removeInvitation>;
  readonly offeredInvitation: ReturnType<typeof offeredInvitation>;
  readonly acceptInvitation: ReturnType<typeof acceptInvitation>;
}): MemberEndpoints => ({
  listMembers: async ({ caller, path, query }) => {
    const { workspaceId } = await authorizeWorkspace(deps.tenancy, caller, workspaceIdIn(path), 'owner');
    return pageOf(
      { caller, route: 'members', resource: workspaceId },
      query,
      (page) => deps.tenancy.listMembers(workspaceId, page),
      presentMember,
    );
  },

  readMember: async ({ caller, path }) => {
    const { workspaceId } = await authorizeWorkspace(deps.tenancy, caller, workspaceIdIn(path), 'owner');
    const member = await deps.tenancy.readMember(workspaceId, subIn(path));
    if (member === undefined) throw new BrokerError('member_not_found');
    return presentMember(member);
  },

  putMember: async ({ caller, path, body }) =>
    presentSavedMember(await deps.saveMember(caller, workspaceIdIn(path), subIn(path), body.role)),

  removeMember: async ({ caller, path }) => {
    await deps.removeMember(caller, workspaceIdIn(path), subIn(path));
    return { deleted: true as const };
  },

  readMyself: async ({ caller, path }) => {
    const { workspaceId } = await authorizeWorkspace(deps.tenancy, caller, workspaceIdIn(path), 'viewer');
    const member = await deps.tenancy.readMember(workspaceId, caller.sub);
    if (member === undefined) throw new BrokerError('workspace_not_found');
    return presentMember(member);
  },

  nameMyself: async ({ caller, path, body }) =>
    presentMember(await deps.nameMyself(caller, workspaceIdIn(path), body.name)),

  listInvitations: async ({ caller, path, query }) => {
    const { workspaceId } = await authorizeWorkspace(deps.tenancy, caller, workspaceIdIn(path), 'owner');
    const now = deps.clock();
    return pageOf(
      { caller, route: 'invitations', resource: workspaceId },
      query,
      (page) => deps.invitations.listInvitations(workspaceId, page),
      (invitation) => presentInvitation(invitation, now),
    );
  },

  invitePerson: async ({ caller, path, body }) =>
    presentSentInvitation(
      await deps.invitePerson(caller, workspaceIdIn(path), body.email, body.role),
      deps.clock(),
    ),

  removeInvitation: async ({ caller, path }) => {
    await deps.removeInvitation(caller, workspaceIdIn(path), invitationIdIn(path));
    return { deleted: true as const };
  },

  readOffer: async ({ caller, path, body }) =>
    presentOffer(await deps.offeredInvitation(caller, invitationIdIn(path), body.secret)),

  acceptInvitation: async ({ caller, path, body }) => {
    const { workspaceId, role } = await deps.acceptInvitation(caller, invitationIdIn(path), {
      secret: body.secret,
      name: body.name,
    });
    return { workspace_id: workspaceId, role };
  },
});
