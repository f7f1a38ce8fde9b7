import type { RateLimit } from '../../domain/limits.ts';
import { refusedOriginOf } from '../../domain/tenancy/origin.ts';
import type { VisitedSite } from '../../domain/tenancy/workspace.ts';
import type { ErrorLog, RateLimiter } from '../ports/sessions.ts';

/** Calls and preflights from refused origins that are recorded, per site. */
const REFUSED_ORIGINS: RateLimit = { perMinute: 60 };

/**
 * Puts a refused origin on the operator's list, which the anomaly detector also reads, unless the site ignores it. The cost that
 * strangers can cause is bounded: this many writes per site and minute, at most five origins by name, and none for a site
 * that does not exist. Best effort, and apart from the site's own budget, which strangers must not spend.
 */
export const reportRefusedOrigin = async (
  { limiter, errors }: { readonly limiter: RateLimiter; readonly errors: ErrorLog },
  site: VisitedSite,
  header: string | undefined,
  now: Date,
): Promise<void> => {
  const origin = refusedOriginOf(header);
  if (origin !== undefined && site.ignoredOrigins.includes(origin)) return;
  const [budget] = await Promise.allSettled([
    limiter.spend(`foreign-origin#${site.siteId}`, REFUSED_ORIGINS, now),
  ]);
  if (budget.status === 'rejected' || !budget.value.allowed) return;
  await Promise.allSettled([
    errors.report({
      workspaceId: site.workspaceId,
      siteId: site.siteId,
      code: 'origin_not_allowed',
      source: 'mint',
      openAiFailure: undefined,
      message: 'origin_not_allowed',
      sessionId: undefined,
      origin,
      at: now.toISOString(),
      keptDays: site.errorDays,
    }),
  ]);
};
