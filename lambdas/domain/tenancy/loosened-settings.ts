import { isWeaker } from '../budgets/budget.ts';
import type { Site, SiteChange } from './workspace.ts';

type Loosens = (site: Site, change: SiteChange) => boolean;

/** null is no limit. */
const isMore = (after: number | null | undefined, before: number | null): boolean =>
  after !== undefined && (after ?? Number.POSITIVE_INFINITY) > (before ?? Number.POSITIVE_INFINITY);

/** By the name in the API. */
const LOOSENS: Readonly<Record<string, Loosens>> = {
  allowed_origins: (site, { allowedOrigins = [] }) =>
    allowedOrigins.some((origin) => !site.allowedOrigins.includes(origin)),
  control: (site, { control = site.control }) => isWeaker(control, site.control),
  require_embed_token: (site, { requireEmbedToken }) => site.requireEmbedToken && requireEmbedToken === false,
  'visitor_limits.calls_per_day': (site, { visitorLimits }) =>
    isMore(visitorLimits?.callsPerDay, site.visitorLimits.callsPerDay),
  'visitor_limits.minutes_per_day': (site, { visitorLimits }) =>
    isMore(visitorLimits?.minutesPerDay, site.visitorLimits.minutesPerDay),
  client_secret_ttl_seconds: (site, { clientSecretTtlSeconds }) =>
    isMore(clientSecretTtlSeconds, site.clientSecretTtlSeconds),
  max_duration_seconds: (site, { maxDurationSeconds }) => isMore(maxDurationSeconds, site.maxDurationSeconds),
  data_residency: (site, { dataResidency = site.dataResidency }) => dataResidency !== site.dataResidency,
};

/**
 * The settings, by their names in the API, with which the change lets more visitors in, lets them do or use more, or moves
 * their calls to another region. Empty if the site stays at least as strict.
 */
export const loosenedSettings = (site: Site, change: SiteChange): readonly string[] =>
  Object.entries(LOOSENS).flatMap(([name, loosens]) => (loosens(site, change) ? [name] : []));
