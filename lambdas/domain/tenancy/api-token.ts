import { type ApiToken, type ApiTokenRole, type Member, type Role, roleSuffices } from './workspace.ts';

export const MAX_API_TOKENS = 20;
export const MAX_API_TOKEN_SITES = 20;
export const MAX_API_TOKEN_DAYS = 365;
export const DEFAULT_API_TOKEN_DAYS = 90;

export const API_TOKEN_PREFIX = 'spk_';

/** The `sub` of the program that calls with this token. */
export const subOfToken = (tokenId: string): string => `token:${tokenId}`;

export const isExpiredToken = ({ expiresAt }: Pick<ApiToken, 'expiresAt'>, now: Date): boolean =>
  Date.parse(expiresAt) <= now.getTime();

/** The role that a person must keep for their token to have this role. */
const CREATOR_NEEDS: Readonly<Record<ApiTokenRole, Role>> = {
  viewer: 'viewer',
  auditor: 'owner',
  admin: 'admin',
};

/**
 * The rights of a token now: its role, or `viewer` if its creator has fewer rights than the role needs. undefined if the
 * creator left the workspace: the token is refused, even if they join again later.
 */
export const effectiveRole = (
  token: Pick<ApiToken, 'role' | 'createdAt'>,
  creator: Pick<Member, 'role' | 'addedAt'> | undefined,
): ApiTokenRole | undefined => {
  if (creator === undefined || Date.parse(creator.addedAt) > Date.parse(token.createdAt)) return undefined;
  return roleSuffices(creator.role, CREATOR_NEEDS[token.role]) ? token.role : 'viewer';
};

/** A role, or the right to read the audit trail, which owners and auditor tokens have. */
export type Right = Role | 'auditor';

/** True if a token of role `held` has this right. `auditor` and `admin` do not include each other; no token is an owner. */
export const tokenRoleSuffices = (held: ApiTokenRole, required: Right): boolean =>
  required === 'viewer' || held === required;
