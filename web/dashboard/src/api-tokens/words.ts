import type { ApiTokenRole } from '../../../../lambdas/domain/tenancy/workspace.ts';
import type { DataOf } from '../api/routes.ts';

export type ApiToken = DataOf<'listApiTokens'>['items'][number];

export const TOKEN_RIGHTS: Readonly<Record<ApiTokenRole, string>> = {
  viewer: 'Reads sites, sessions, usage, errors, budgets and the masked key.',
  auditor: 'Also reads and verifies the audit trail of the whole workspace.',
  admin: 'Reads, changes site settings but never makes them less strict, suspends keys and ends sessions.',
};

export const tokenRoleName = (role: ApiTokenRole): string => role.charAt(0).toUpperCase() + role.slice(1);

const DAY_MS = 24 * 60 * 60_000;
/** The page warns this many days before a token expires. */
const WARN_DAYS = 14;

/** Whole days until a token expires, if fewer than WARN_DAYS; undefined otherwise. */
export const fewDaysLeft = ({ expires_at, expired }: ApiToken, nowMs: number): number | undefined => {
  const days = Math.floor((Date.parse(expires_at) - nowMs) / DAY_MS);
  return !expired && days < WARN_DAYS ? Math.max(0, days) : undefined;
};
