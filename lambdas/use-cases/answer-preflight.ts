import type { SiteId } from '../domain/identifiers.ts';
import { originAllowed } from '../domain/origin.ts';
import { Refusal } from '../domain/refusal.ts';
import type { SiteReader } from './ports.ts';

/** The origin to allow, when the site exists and has registered it; else the refusal that the POST would give. */
export const answerPreflight =
  ({ sites }: { readonly sites: SiteReader }) =>
  async (siteId: SiteId, origin: string | undefined): Promise<string> => {
    const site = await sites.readSite(siteId);
    if (site === undefined) throw new Refusal('site_not_found');
    if (origin === undefined || !originAllowed(origin, site.allowedOrigins))
      throw new Refusal('origin_not_allowed');
    return origin;
  };
