import * as z from 'zod';
import type { SiteId } from '../../../domain/identifiers.ts';
import { NOTICE_PERCENTS } from '../../../domain/tenancy/plan.ts';
import type { BillingMode } from '../../../domain/tenancy/workspace.ts';
import type { LedgerTotal } from '../../../domain/usage/ledger.ts';
import type { PeriodUsage } from '../../../domain/usage/period-usage.ts';
import { TOKEN_KINDS, type TokenKind } from '../../../domain/usage/token-counts.ts';
import type { DayUsage } from '../../../domain/usage/usage.ts';

export const count = z.number().default(0);

/** The sort key of a day's totals identifies them. None of its parts contains a `#`. */
const DAY_PLACE = /^DAY#(?<day>\d{4}-\d\d-\d\d)#(?<siteId>[^#]+)#(?<model>[^#]+)#(?<mode>byok|managed)#\d+$/;

/** Totals of one shard of a day, site, model and mode. */
export const dayUsageItem: z.ZodType<DayUsage> = z
  .object({
    sk: z.string().regex(DAY_PLACE),
    sessions: count,
    seconds: count,
    billedSeconds: count,
    costMicroCents: count,
    unpricedSessions: count,
    flaggedSessions: count,
    incompleteSessions: count,
    ...(Object.fromEntries(TOKEN_KINDS.map((kind) => [kind, count])) as Record<TokenKind, typeof count>),
  })
  .transform(({ sk, sessions, seconds, billedSeconds, costMicroCents, unpricedSessions, ...rest }) => {
    const { flaggedSessions, incompleteSessions, ...tokens } = rest;
    const { day = '', siteId = '', model = '', mode } = DAY_PLACE.exec(sk)?.groups ?? {};
    return {
      day,
      siteId: siteId as SiteId,
      model,
      mode: mode as BillingMode,
      entry: {
        sessions,
        seconds,
        billedSeconds,
        committedSeconds: 0,
        costMicroCents,
        unpricedSessions,
        flaggedSessions,
        incompleteSessions,
        tokens,
      },
    };
  });

/** Any total, as a table of its numeric counts. */
export const ledgerTotalItem: z.ZodType<LedgerTotal> = z
  .object({ pk: z.string(), sk: z.string(), writes: count })
  .and(z.record(z.string(), z.unknown()))
  .transform(({ pk: _, sk, writes, ...rest }) => ({
    place: sk,
    writes,
    counts: Object.fromEntries(
      Object.entries(rest).flatMap(([name, value]) => (typeof value === 'number' ? [[name, value]] : [])),
    ),
  }));

/** Each threshold's notice is a separate attribute, so that two notices do not conflict. */
export const periodUsageItem: z.ZodType<PeriodUsage> = z
  .object({ usedSeconds: count, committedSeconds: count })
  .and(z.record(z.string(), z.unknown()))
  .transform(({ usedSeconds, committedSeconds, ...rest }) => ({
    usedSeconds,
    committedSeconds,
    notices: Object.fromEntries(
      NOTICE_PERCENTS.flatMap((percent) => {
        const at = rest[`notice${percent}`];
        return typeof at === 'string' ? [[String(percent), at]] : [];
      }),
    ),
  }));
