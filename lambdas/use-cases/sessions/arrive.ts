import { BrokerError } from '../../domain/broker-error.ts';
import { type SiteId, workspaceOfSite } from '../../domain/identifiers.ts';
import { type RateLimit, type RateLimits, siteBudget } from '../../domain/limits.ts';
import type { TokenContext } from '../../domain/sessions/token-context.ts';
import { modelInUse } from '../../domain/tenancy/model-retirement.ts';
import { originAllowed } from '../../domain/tenancy/origin.ts';
import type { VisitedSite, Workspace } from '../../domain/tenancy/workspace.ts';
import type { Clock } from '../ports/runtime.ts';
import type {
  EmbedTags,
  ErrorLog,
  PseudonymService,
  RateLimiter,
  TokenContextReader,
} from '../ports/sessions.ts';
import { reportRefusedOrigin } from '../tenancy/report-refused-origin.ts';
import { type EmbedPorts, embedTagsOf } from './check-visitor.ts';

export interface ArrivalPorts extends EmbedPorts {
  readonly clock: Clock;
  readonly pseudonyms: Pick<PseudonymService, 'hashIp'>;
  readonly limiter: RateLimiter;
  readonly contexts: TokenContextReader;
  readonly errors: ErrorLog;
}

/** A browser's request on a public route of the site. */
export interface VisitorRequest {
  readonly siteId: SiteId;
  readonly origin: string | undefined;
  /** As API Gateway saw it, never from a header. */
  readonly sourceIp: string;
  readonly visitorId: string | undefined;
  /** Signed by the site's own server. */
  readonly embedToken: string | undefined;
  /** Called as soon as the origin is known to be registered for the site: then the widget may read the answer. */
  readonly onOriginAllowed: (origin: string) => void;
  /** For metrics: the OpenAI tier of the workspace. */
  readonly onTierKnown?: (tier: number) => void;
}

export interface Arrival {
  readonly ipHash: string;
  readonly site: VisitedSite;
  readonly workspace: Workspace;
  readonly context: TokenContext;
  /** The tags of the request's embed token; undefined without a readable one. */
  readonly embedTags: EmbedTags | undefined;
}

/**
 * Hop 1: reads everything that decides the request, and spends the address's budget. The address is judged before the
 * site, so a refused address never spends the site's budget. An operator's stop is judged with the data that was read.
 */
export const arrive = async (
  ports: ArrivalPorts,
  { rateLimits }: { readonly rateLimits: RateLimits },
  request: VisitorRequest,
  now: Date,
): Promise<Arrival> => {
  const workspaceId = workspaceOfSite(request.siteId);
  const tags = embedTagsOf(ports, request.siteId, request.embedToken);
  const [address, read] = await Promise.allSettled([
    spendIpBudget(ports, rateLimits.perIp, request.sourceIp, now),
    workspaceId &&
      tags.then((embed) => ports.contexts.readTokenContext(request.siteId, workspaceId, now, embed)),
  ]);
  const context = read.status === 'fulfilled' ? read.value : undefined;
  const site = context?.workspace?.deletedAt === null ? context.site : undefined;
  const origin = request.origin;
  const ownOrigin = site !== undefined && origin !== undefined && originAllowed(origin, site.allowedOrigins);
  if (ownOrigin) request.onOriginAllowed(origin);

  if (address.status === 'rejected') throw address.reason;
  if (read.status === 'rejected') throw read.reason;
  if (context?.workspace === undefined || site === undefined) throw new BrokerError('site_not_found');
  const { errorDays } = context.workspace.retention;
  if (!ownOrigin) {
    await reportRefusedOrigin(ports, { ...site, errorDays }, origin, now);
    throw new BrokerError('origin_not_allowed');
  }
  if (context.stopped) throw new BrokerError('stopped');
  request.onTierKnown?.(context.workspace.openaiTier);
  // No visitor is refused because a model was shut down before the site was moved.
  const served = { ...site, model: modelInUse(site, now), errorDays };
  return {
    ipHash: address.value,
    site: served,
    workspace: context.workspace,
    context,
    embedTags: await tags,
  };
};

const spendIpBudget = async (
  { pseudonyms, limiter }: ArrivalPorts,
  perIp: RateLimit,
  sourceIp: string,
  now: Date,
): Promise<string> => {
  const ipHash = await pseudonyms.hashIp(sourceIp, now);
  const budget = await limiter.spend(`ip#${ipHash}`, perIp, now);
  if (!budget.allowed) throw new BrokerError('rate_limited', budget);
  return ipHash;
};

/** Counts one request against the site's rate limit, or refuses as `rate_limited`. */
export const spendSiteBudget = async (
  limiter: RateLimiter,
  perSite: RateLimit,
  siteId: SiteId,
  now: Date,
): Promise<void> => {
  const budget = await limiter.spend(siteBudget(siteId), perSite, now);
  if (!budget.allowed) throw new BrokerError('rate_limited', budget);
};
