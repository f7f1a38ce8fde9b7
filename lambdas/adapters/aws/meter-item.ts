import * as z from 'zod';
import type { SessionId, SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import { DEGRADING_FAILURES, type KeyHealth } from '../../domain/key-health.ts';
import type { LedgerEntry } from '../../domain/ledger.ts';
import { NOTICE_PERCENTS } from '../../domain/plan.ts';
import { END_REASONS, METER_FLAGS, type SessionMeter } from '../../domain/session-meter.ts';
import { TOKEN_KINDS, type TokenCounts, type TokenKind } from '../../domain/token-counts.ts';
import type { DayUsage } from '../../domain/usage.ts';
import { BILLING_MODES, type BillingMode } from '../../domain/workspace.ts';
import type { BookedTotal, PeriodUsage } from '../../use-cases/ports.ts';

/** Items of the `usage` table, and of key health. Every read is parsed. */

const count = z.number().default(0);

/** Kinds without a token are left out of an item. */
const tokenCounts = z
  .partialRecord(z.enum(TOKEN_KINDS), z.number())
  .default({})
  .transform(
    (tokens): TokenCounts =>
      Object.fromEntries(TOKEN_KINDS.map((kind) => [kind, tokens[kind] ?? 0])) as TokenCounts,
  );

const ledgerEntry: z.ZodType<LedgerEntry> = z.object({
  sessions: count,
  seconds: count,
  billedSeconds: count,
  committedSeconds: count,
  costMicroCents: count,
  unpricedSessions: count,
  flaggedSessions: count,
  tokens: tokenCounts,
});

const nothingBut = <Value>(record: Readonly<Record<string, Value>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== 0));

const entryAttributes = ({ tokens, ...counts }: LedgerEntry): Record<string, unknown> => ({
  ...nothingBut(counts),
  tokens: nothingBut(tokens),
});

/** Each digest is 8 bytes; together they are one binary attribute. */
const DIGEST_BYTES = 8;

const packDigests = (seen: ReadonlySet<string>): Uint8Array =>
  Buffer.concat([...seen].map((digest) => Buffer.from(digest, 'base64url')));

const unpackDigests = (packed: Uint8Array): ReadonlySet<string> => {
  const bytes = Buffer.from(packed);
  return new Set(
    Array.from({ length: Math.floor(bytes.byteLength / DIGEST_BYTES) }, (_, i) =>
      bytes.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES).toString('base64url'),
    ),
  );
};

const milliseconds = z.number().nullable().default(null);

export const meterItem: z.ZodType<SessionMeter> = z
  .object({
    sessionId: z.string().transform((id) => id as SessionId),
    workspaceId: z.string().transform((id) => id as WorkspaceId),
    siteId: z.string().transform((id) => id as SiteId),
    mode: z.enum(BILLING_MODES),
    model: z.string(),
    priceVersion: z.string().nullable(),
    issuedAt: z.string(),
    holdSeconds: z.number(),
    longestSeconds: z.number(),
    connectedAtMs: milliseconds,
    firstSeenAtMs: milliseconds,
    lastSeenAtMs: milliseconds,
    endedAtMs: milliseconds,
    endReason: z.enum(END_REASONS).nullable().default(null),
    receivedAtMs: z.number(),
    quietUntilMs: z.number(),
    dueAtMs: z.number(),
    silent: z.boolean(),
    counted: tokenCounts,
    responses: count,
    flaggedTokens: tokenCounts,
    flags: z.array(z.enum(METER_FLAGS)).default([]),
    seen: z.instanceof(Uint8Array).optional(),
    pace: z.object({ minute: z.number(), requests: z.number() }),
    posted: ledgerEntry,
    revision: z.number(),
  })
  .transform(({ seen, ...meter }) => ({ ...meter, seen: unpackDigests(seen ?? new Uint8Array(0)) }));

/** The attributes of a meter's item beside its keys. What is nothing is left out: the item is rewritten with each report. */
export const meterAttributes = (meter: SessionMeter): Record<string, unknown> => {
  const { seen, counted, flaggedTokens, flags, posted, ...plain } = meter;
  return {
    ...Object.fromEntries(
      Object.entries(plain).filter(([name, value]) => value !== null || name === 'priceVersion'),
    ),
    counted: nothingBut(counted),
    ...(flags.length > 0 && { flags, flaggedTokens: nothingBut(flaggedTokens) }),
    ...(seen.size > 0 && { seen: packDigests(seen) }),
    posted: entryAttributes(posted),
  };
};

/** Where the totals of a day belong is their sort key; none of its parts holds a `#`. */
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
    ...(Object.fromEntries(TOKEN_KINDS.map((kind) => [kind, count])) as Record<TokenKind, typeof count>),
  })
  .transform(({ sk, sessions, seconds, billedSeconds, costMicroCents, unpricedSessions, ...rest }) => {
    const { flaggedSessions, ...tokens } = rest;
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
        tokens,
      },
    };
  });

/** Any total, as a table of counts: whatever numbers it holds. */
export const bookedTotalItem: z.ZodType<BookedTotal> = z
  .object({ pk: z.string(), sk: z.string(), writes: count })
  .and(z.record(z.string(), z.unknown()))
  .transform(({ pk: _, sk, writes, ...rest }) => ({
    place: sk,
    writes,
    counts: Object.fromEntries(
      Object.entries(rest).flatMap(([name, value]) => (typeof value === 'number' ? [[name, value]] : [])),
    ),
  }));

/** Each threshold's notice is an attribute of its own, so that two of them do not wait for one another. */
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

export const keyHealthItem: z.ZodType<KeyHealth> = z.object({
  version: z.number(),
  reports: z.array(z.object({ ipHash: z.string(), failure: z.enum(DEGRADING_FAILURES), atMs: z.number() })),
  workedAtMs: z.number().nullable(),
  revision: z.number(),
});
