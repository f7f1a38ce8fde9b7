import * as z from 'zod';
import type { ResponseReservation } from '../../../domain/budgets/response-reservation.ts';
import { isCallId } from '../../../domain/calls/call.ts';
import { OPENED_WITH } from '../../../domain/calls/control.ts';
import { END_REASONS, type SessionUsage, USAGE_FLAGS } from '../../../domain/sessions/session-usage.ts';
import { BILLING_MODES } from '../../../domain/tenancy/workspace.ts';
import type { LedgerEntry } from '../../../domain/usage/ledger.ts';
import { TOKEN_KINDS, type TokenCounts } from '../../../domain/usage/token-counts.ts';
import { sessionId, siteId, workspaceId } from '../ids.ts';
import { count } from '../usage/usage-items.ts';

/** Items of the `usage` table, and of key health. Every read is parsed. */

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
  incompleteSessions: count,
  tokens: tokenCounts,
});

const withoutZeros = <Value>(record: Readonly<Record<string, Value>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== 0));

const entryAttributes = ({ tokens, ...counts }: LedgerEntry): Record<string, unknown> => ({
  ...withoutZeros(counts),
  tokens: withoutZeros(tokens),
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

const watch = z.object({
  generation: z.number(),
  untilMs: z.number(),
  callId: z.string().refine(isCallId),
  openedAtMs: z.number(),
  seenAtMs: z.number(),
  countedUntilMs: milliseconds,
  closedAtMs: z.number().nullable(),
  attached: z.boolean(),
  gapless: z.boolean(),
  awaited: z.number().nullable(),
  answeredTurn: z.string().nullable().default(null),
  claimed: tokenCounts,
  claimedResponses: z.number(),
});

const reservation: z.ZodType<ResponseReservation> = z.object({
  id: z.string(),
  microCents: z.number(),
  budgets: z.array(
    z.object({ siteId: siteId.nullable(), createdAt: z.string().nullable(), periodName: z.string() }),
  ),
  lost: z.boolean(),
});

export const sessionUsageItem: z.ZodType<SessionUsage> = z
  .object({
    sessionId,
    workspaceId,
    siteId,
    openedWith: z.enum(OPENED_WITH).default('token'),
    visitorTag: z.string().optional(),
    mode: z.enum(BILLING_MODES),
    model: z.string(),
    priceVersion: z.string().nullable(),
    issuedAt: z.string(),
    keptDays: z.number().optional(),
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
    unwatchedMicroCents: count,
    responses: count,
    flaggedTokens: tokenCounts,
    flags: z.array(z.enum(USAGE_FLAGS)).default([]),
    seen: z.instanceof(Uint8Array).optional(),
    pace: z.object({ minute: z.number(), requests: z.number() }),
    expectedUntil: z.number().optional(),
    posted: ledgerEntry,
    reservations: z.array(reservation).default([]),
    revision: z.number(),
    watch: watch.nullable().default(null),
  })
  .transform(({ seen, ...meter }) => ({
    ...meter,
    postedReservations: meter.reservations,
    seen: unpackDigests(seen ?? new Uint8Array(0)),
  }));

/** The attributes of a usage record besides its keys. Empty values are left out, because each report writes the item again. */
export const sessionUsageAttributes = (usage: SessionUsage): Record<string, unknown> => {
  const {
    seen,
    counted,
    flaggedTokens,
    flags,
    posted,
    reservations,
    postedReservations: _,
    unwatchedMicroCents,
    ...plain
  } = usage;
  return {
    ...Object.fromEntries(
      Object.entries(plain).filter(([name, value]) => value !== null || name === 'priceVersion'),
    ),
    counted: withoutZeros(counted),
    ...(flags.length > 0 && { flags, flaggedTokens: withoutZeros(flaggedTokens) }),
    ...(seen.size > 0 && { seen: packDigests(seen) }),
    posted: entryAttributes(posted),
    ...(reservations.length > 0 && { reservations }),
    ...(unwatchedMicroCents > 0 && { unwatchedMicroCents }),
  };
};
