import { BrokerError } from '../../domain/broker-error.ts';
import { type SiteId, type WorkspaceId, workspaceOfSite } from '../../domain/identifiers.ts';
import { effectiveRole, type Right, tokenRoleSuffices } from '../../domain/tenancy/api-token.ts';
import {
  type ApiTokenOfCaller,
  type Caller,
  type Membership,
  type Role,
  roleSuffices,
  type Site,
  type Workspace,
} from '../../domain/tenancy/workspace.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { invalidApiToken } from './verify-api-token.ts';

/**
 * The workspace, if the caller has `right` in it. Not a member, deleted and never existed are the same
 * `workspace_not_found`; only a member learns that a role is missing (`forbidden`). Membership is read each time, so
 * that removing a person works with their next request. An API token has at most the rights of the person who created it. One
 * that is restricted to sites is refused, unless the answer is only about `about`, one of its sites.
 */
export const authorizeWorkspace = async (
  tenancy: MembershipReader,
  caller: Caller,
  workspaceId: WorkspaceId,
  right: Right,
  about?: string,
): Promise<Workspace> => {
  if (caller.token !== undefined) {
    if (caller.token.workspaceId !== workspaceId) return refuse('workspace_not_found');
    requireSite(caller.token, about);
  }
  const membership = await tenancy.readMembership(workspaceId, personOf(caller));
  return requireRight(caller, membership, right) ?? refuse('workspace_not_found');
};

/** Like authorizeWorkspace, for a site. A site of another workspace is `site_not_found`, like one that does not exist. */
export const authorizeSite = async (
  tenancy: MembershipReader,
  caller: Caller,
  siteId: SiteId,
  role: Role,
): Promise<{ readonly site: Site; readonly workspace: Workspace }> => {
  if (caller.token !== undefined) {
    if (caller.token.workspaceId !== workspaceOfSite(siteId)) return refuse('site_not_found');
    requireSite(caller.token, siteId);
  }
  const membership = await tenancy.readSiteMembership(siteId, personOf(caller));
  const site = membership.site ?? refuse('site_not_found');
  const workspace = requireRight(caller, membership, role) ?? refuse('site_not_found');
  return { site, workspace };
};

/** The member whose rights bound those of the request. */
const personOf = ({ sub, token }: Caller): string => token?.createdBy ?? sub;

const requireRight = (
  { token }: Caller,
  { workspace, member }: Membership,
  right: Right,
): Workspace | undefined => {
  if (workspace?.deletedAt !== null) return undefined;
  if (token === undefined) {
    if (member === undefined) return undefined;
    return roleSuffices(member.role, right === 'auditor' ? 'owner' : right) ? workspace : refuse('forbidden');
  }
  const held = effectiveRole(token, member);
  if (held === undefined) throw invalidApiToken('creator_removed');
  if (tokenRoleSuffices(held, right)) return workspace;
  throw notAllowed(
    'role',
    `The request needs a token with the role ${right}. This one has the rights of ${held}.`,
  );
};

/** Checked before anything is read, so that the answer is the same for a site that does not exist. */
const requireSite = ({ siteIds }: ApiTokenOfCaller, siteId: string | undefined): void => {
  if (siteIds === null || siteIds.some((allowed) => allowed === siteId)) return;
  throw notAllowed('site_id', `The token is restricted to these sites: ${siteIds.join(', ')}.`);
};

const notAllowed = (path: string, message: string): BrokerError =>
  new BrokerError('api_token_not_allowed', { details: [{ path, message }] });

const refuse = (refusal: 'workspace_not_found' | 'site_not_found' | 'forbidden'): never => {
  throw new BrokerError(refusal);
};
