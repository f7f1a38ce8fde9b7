import { BrokerError } from '../../domain/broker-error.ts';
import type { SiteId } from '../../domain/identifiers.ts';
import { originAllowed } from '../../domain/tenancy/origin.ts';
import type { VisitedSite } from '../../domain/tenancy/workspace.ts';
import type { SiteReader } from '../ports/tenancy.ts';

/**
 * The origin to allow, if the site exists and has registered it; otherwise the refusal that the POST would return. A refused
 * origin is noted here: a browser does not send the POST after a refused preflight.
 */
export const answerPreflight =
  ({
    sites,
    noteRefused,
  }: {
    readonly sites: SiteReader;
    readonly noteRefused?: (site: VisitedSite, origin: string | undefined) => Promise<void>;
  }) =>
  async (siteId: SiteId, origin: string | undefined, isPreflight: boolean): Promise<string> => {
    const site = await sites.readSite(siteId);
    if (site === undefined) throw new BrokerError('site_not_found');
    if (origin !== undefined && originAllowed(origin, site.allowedOrigins)) return origin;
    if (isPreflight) await noteRefused?.(site, origin);
    throw new BrokerError('origin_not_allowed');
  };
