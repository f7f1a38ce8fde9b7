import { BrokerError } from '../../domain/broker-error.ts';
import type { SiteId } from '../../domain/identifiers.ts';
import { originAllowed } from '../../domain/tenancy/origin.ts';
import type { SiteReader } from '../ports/tenancy.ts';

/** The origin to allow, when the site exists and has registered it; else the refusal that the POST would give. */
export const answerPreflight =
  ({ sites }: { readonly sites: SiteReader }) =>
  async (siteId: SiteId, origin: string | undefined): Promise<string> => {
    const site = await sites.readSite(siteId);
    if (site === undefined) throw new BrokerError('site_not_found');
    if (origin === undefined || !originAllowed(origin, site.allowedOrigins))
      throw new BrokerError('origin_not_allowed');
    return origin;
  };
