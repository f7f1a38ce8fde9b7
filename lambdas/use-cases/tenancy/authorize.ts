import { BrokerError } from '../../domain/broker-error.ts';
import type { SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import {
  type Caller,
  type Membership,
  type Role,
  roleSuffices,
  type Site,
  type Workspace,
} from '../../domain/tenancy/workspace.ts';
import type { MembershipReader } from '../ports/tenancy.ts';

/**
 * The workspace, if the caller holds `role` in it. Not a member, deleted and never existed are the same
 * `workspace_not_found`; only a member learns that a role is missing (`forbidden`). Membership is read each time, so
 * that removing a person works with their next request.
 */
export const authorizeWorkspace = async (
  tenancy: MembershipReader,
  { sub }: Caller,
  workspaceId: WorkspaceId,
  role: Role,
): Promise<Workspace> => {
  const membership = await tenancy.readMembership(workspaceId, sub);
  return requireRole(membership, role) ?? refuse('workspace_not_found');
};

/** Like authorizeWorkspace, for a site. A site of another workspace is `site_not_found`, like one that does not exist. */
export const authorizeSite = async (
  tenancy: MembershipReader,
  { sub }: Caller,
  siteId: SiteId,
  role: Role,
): Promise<{ readonly site: Site; readonly workspace: Workspace }> => {
  const membership = await tenancy.readSiteMembership(siteId, sub);
  const site = membership.site ?? refuse('site_not_found');
  const workspace = requireRole(membership, role) ?? refuse('site_not_found');
  return { site, workspace };
};

const requireRole = ({ workspace, member }: Membership, role: Role): Workspace | undefined => {
  const visible = workspace?.deletedAt === null && member !== undefined;
  if (!visible) return undefined;
  return roleSuffices(member.role, role) ? workspace : refuse('forbidden');
};

const refuse = (refusal: 'workspace_not_found' | 'site_not_found' | 'forbidden'): never => {
  throw new BrokerError(refusal);
};
