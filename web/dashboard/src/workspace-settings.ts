import { concurrencyLimitOf } from '../../../lambdas/domain/limits.ts';
import type { Workspace } from './api/queries.ts';

/** OpenAI's usage tiers, with the sessions at a time that each allows by default. */
export const TIERS = [1, 2, 3, 4, 5].map((tier) => ({
  tier,
  slots: concurrencyLimitOf({ openaiTier: tier, concurrencyLimit: null }),
}));

/** OpenAI's name of a region; none, for a project without data residency. */
export const residencyName = (region: string): string =>
  region === 'global' ? 'None' : region.toUpperCase();

/** `1 of 3 sites`, or `4 sites` without a limit. */
export const siteCount = ({ site_count, max_sites }: Pick<Workspace, 'site_count' | 'max_sites'>): string =>
  max_sites === null
    ? `${site_count} ${site_count === 1 ? 'site' : 'sites'}`
    : `${site_count} of ${max_sites} ${max_sites === 1 ? 'site' : 'sites'}`;

/** Why there can be no new site; undefined if there can. */
export const siteLimitReached = (
  workspace: Pick<Workspace, 'site_count' | 'max_sites' | 'plan' | 'billing_mode'>,
): string | undefined => {
  const { site_count, max_sites, plan, billing_mode } = workspace;
  if (max_sites === null || site_count < max_sites) return undefined;
  const way =
    billing_mode === 'managed'
      ? 'Archive a site, use your own OpenAI key, or ask the operator of this service for a larger plan.'
      : 'Archive a site, or ask the operator of this service for a larger plan.';
  return `${siteCount(workspace)}: the ${plan} plan does not allow more. ${way}`;
};
