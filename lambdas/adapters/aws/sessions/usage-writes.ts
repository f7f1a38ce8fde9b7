import type { SessionId } from '../../../domain/identifiers.ts';
import { entryOf, needsSweeper, type SessionUsage } from '../../../domain/sessions/session-usage.ts';
import { silentDayOf } from '../../../domain/sessions/silent-sessions.ts';
import type { QuotaReservation } from '../../../domain/sessions/token-context.ts';
import { billingPeriodOf } from '../../../domain/tenancy/plan.ts';
import { expiryOf } from '../../../domain/tenancy/retention.ts';
import type { LedgerEntry } from '../../../domain/usage/ledger.ts';
import type { TransactWrite } from '../audit/event-outbox.ts';
import { ifRevision } from '../expressions.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';
import { sessionUsageAttributes } from './session-usage-item.ts';

/** Totals of a busy site are spread over this many items; sessions that report at the same time rarely meet. */
export const SHARDS = 8;

const shardOf = (sessionId: SessionId): number => (sessionId.charCodeAt(sessionId.length - 1) ?? 0) % SHARDS;

export const usageWrite = (usage: SessionUsage) => ({
  Item: {
    ...primaryKey.sessionUsage(usage.siteId, usage.sessionId),
    ...sessionUsageAttributes({ ...usage, posted: entryOf(usage), revision: usage.revision + 1 }),
    // Key attributes of the sparse index of sessions that the sweeper checks.
    ...(needsSweeper(usage) && {
      openShard: String(shardOf(usage.sessionId)),
      dueAt: new Date(usage.dueAtMs).toISOString(),
    }),
    expires_at: expiryOf(usage.issuedAt, usage.keptDays),
  },
  ...ifRevision(usage.revision),
});

/**
 * Many sessions add to one total, so each adds its difference. `writes` counts the additions, so that a comparison of the
 * totals with the usage records notices an addition that happens in between.
 */
const adding = (counts: Readonly<Record<string, number>>) => {
  const changed = Object.entries({ ...counts, writes: 1 }).filter(([, count]) => count !== 0);
  return {
    UpdateExpression: `ADD ${changed.map((_, i) => `#c${i} :c${i}`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(changed.map(([name], i) => [`#c${i}`, name])),
    ExpressionAttributeValues: Object.fromEntries(changed.map(([, count], i) => [`:c${i}`, count])),
  };
};

/** The totals that an entry of this session is added to, and the amounts. */
export const totalsOf = (
  { workspaceId, issuedAt, siteId, model, mode, sessionId }: SessionUsage,
  { committedSeconds, tokens, ...counts }: LedgerEntry,
): readonly { readonly key: PrimaryKey; readonly counts: Readonly<Record<string, number>> }[] => [
  {
    key: primaryKey.dayUsage(
      workspaceId,
      { day: issuedAt.slice(0, 10), siteId, model, mode },
      shardOf(sessionId),
    ),
    counts: { ...counts, ...tokens },
  },
  {
    key: primaryKey.periodUsage(workspaceId, billingPeriodOf(new Date(issuedAt))),
    counts: { usedSeconds: counts.billedSeconds, committedSeconds },
  },
];

/**
 * Adds a difference to the totals. `capSeconds` is the condition for a larger quota reservation: the maximum of
 * committed seconds in the period. Released seconds need no condition.
 */
export const totalUpdates = (
  usageTable: string,
  usage: SessionUsage,
  difference: LedgerEntry,
  capSeconds?: number,
): TransactWrite[] =>
  totalsOf(usage, difference)
    .filter(({ counts }) => Object.values(counts).some((count) => count !== 0))
    .map(({ key, counts: { committedSeconds = 0, ...counts } }) =>
      capSeconds !== undefined && committedSeconds > 0
        ? periodUpdate(usageTable, usage, { ...counts, committedSeconds }, capSeconds - committedSeconds)
        : { Update: { TableName: usageTable, Key: key, ...adding({ ...counts, committedSeconds }) } },
    );

/** The first usage record of a session and, under a hard cap, its seconds, on the condition that they fit into the period. */
export const quotaReservationWrites = (
  usageTable: string,
  { usage, maxCommittedSeconds: committedBefore }: QuotaReservation,
): TransactWrite[] => [
  { Put: { TableName: usageTable, ...usageWrite(usage) } },
  ...(committedBefore === undefined
    ? []
    : [periodUpdate(usageTable, usage, { committedSeconds: usage.holdSeconds }, committedBefore)]),
];

/** Adds to the period of a session, on the condition that at most `committedBefore` of its seconds are committed. */
const periodUpdate = (
  usageTable: string,
  { workspaceId, issuedAt }: SessionUsage,
  counts: Readonly<Record<string, number>>,
  committedBefore: number,
): TransactWrite => {
  const { ExpressionAttributeValues, ...update } = adding(counts);
  return {
    Update: {
      TableName: usageTable,
      Key: primaryKey.periodUsage(workspaceId, billingPeriodOf(new Date(issuedAt))),
      ...update,
      ConditionExpression: 'attribute_not_exists(committedSeconds) OR committedSeconds <= :before',
      ExpressionAttributeValues: { ...ExpressionAttributeValues, ':before': committedBefore },
    },
  };
};

/** Retention of the count of a day, seconds. The count has no meaning after that day. */
const KEEP_SILENT_SECONDS = 3 * 86_400;

/** Counts a session that never reported against its site and the day on which it was opened. */
export const silentSessionWrite = (
  usageTable: string,
  { siteId, issuedAt }: Pick<SessionUsage, 'siteId' | 'issuedAt'>,
): TransactWrite => ({
  Update: {
    TableName: usageTable,
    Key: primaryKey.silentSessions(siteId, silentDayOf(new Date(issuedAt))),
    UpdateExpression: 'ADD sessions :one SET expires_at = :expires',
    ExpressionAttributeValues: {
      ':one': 1,
      ':expires': Math.floor(Date.parse(issuedAt) / 1_000) + KEEP_SILENT_SECONDS,
    },
  },
});
