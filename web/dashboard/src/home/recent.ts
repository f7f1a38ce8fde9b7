import { originAllowed } from '../../../../lambdas/domain/tenancy/origin.ts';
import type { DataOf } from '../api/routes.ts';
import { type ErrorGroup, groupErrors } from '../usage/group-errors.ts';

type AuditRow = DataOf<'listAudit'>['items'][number];
type ErrorRow = DataOf<'listErrors'>['items'][number];
type Site = DataOf<'readSite'>;

const HOUR_MS = 3_600_000;
const ERRORS_WITHIN_MS = 24 * HOUR_MS;
const ANOMALIES_WITHIN_MS = 7 * 24 * HOUR_MS;

export interface Recent<Item> {
  readonly items: readonly Item[];
  /** True if the window starts before the oldest row that was read. */
  readonly hasMore: boolean;
}

interface Read<Row> {
  /** Newest first. */
  readonly items: readonly Row[];
  readonly next_cursor: string | null;
}

const isWithin = (at: string, now: number, within: number): boolean => now - Date.parse(at) <= within;

/** A refused origin that an admin has since added or ignored. */
const isSettled = ({ code, origin, site_id }: ErrorRow, sites: readonly Site[]): boolean => {
  const site = sites.find((candidate) => candidate.site_id === site_id);
  return (
    code === 'origin_not_allowed' &&
    origin !== null &&
    site !== undefined &&
    (originAllowed(origin, site.allowed_origins) || site.ignored_origins.includes(origin))
  );
};

/** The kinds of errors of the last 24 hours, without refused origins that were resolved. */
export const openErrors = (
  { items, next_cursor }: Read<ErrorRow>,
  sites: readonly Site[],
  now: number,
): Recent<ErrorGroup> => {
  const within = items.filter(({ last_at }) => isWithin(last_at, now, ERRORS_WITHIN_MS));
  return {
    items: groupErrors(within.filter((row) => !isSettled(row, sites))),
    hasMore: next_cursor !== null && within.length === items.length,
  };
};

/** The anomalies of the last seven days. */
export const recentAnomalies = ({ items, next_cursor }: Read<AuditRow>, now: number): Recent<AuditRow> => {
  const within = items.filter(({ at }) => isWithin(at, now, ANOMALIES_WITHIN_MS));
  return { items: within, hasMore: next_cursor !== null && within.length === items.length };
};
