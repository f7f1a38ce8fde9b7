import {
  type DynamoDBDocumentClient,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { type SessionId, workspaceOfSite } from '../../domain/identifiers.ts';
import { entryDifference, type LedgerEntry } from '../../domain/ledger.ts';
import { billingPeriodOf } from '../../domain/plan.ts';
import { entryOf, isOver, receiptOf, type SessionMeter } from '../../domain/session-meter.ts';
import { PLATFORM_ADDRESS } from '../../domain/stored-key.ts';
import { METERS_KEPT_DAYS } from '../../domain/usage.ts';
import type {
  KeyHealthStore,
  MinutesHold,
  PlanNotices,
  ReportedSessions,
  SessionEnds,
  SessionMeters,
} from '../../use-cases/ports.ts';
import { callAws, ignoreConflict } from './aws-calls.ts';
import { readTogether } from './dynamodb-membership.ts';
import { eventPut, type TransactWrite } from './event-outbox.ts';
import { issuedSessionItem, type PrimaryKey, primaryKey, siteItem, workspaceItem } from './items.ts';
import { keyHealthItem, meterAttributes, meterItem, periodUsageItem } from './meter-item.ts';

export interface ReportTables {
  readonly tenancy: string;
  readonly sessions: string;
  readonly limits: string;
  readonly usage: string;
}

/** Totals of a busy site are spread over this many items; sessions that report at the same time seldom meet. */
const SHARDS = 8;

/** How long a meter is kept, seconds; the same as its session (dynamodb-sessions.ts). */
const KEEP_SECONDS = METERS_KEPT_DAYS * 86_400;

/** Reports on a key mean nothing after the quorum's window; they stay a while for whoever looks into it. */
const KEEP_HEALTH_SECONDS = 86_400;

const shardOf = (sessionId: SessionId): number => (sessionId.charCodeAt(sessionId.length - 1) ?? 0) % SHARDS;

/** A write on the revision that it was computed from; 0: there is none yet. */
const onRevision = (revision: number) =>
  revision === 0
    ? { ConditionExpression: 'attribute_not_exists(pk)' }
    : { ConditionExpression: 'revision = :expected', ExpressionAttributeValues: { ':expected': revision } };

const meterWrite = (meter: SessionMeter) => ({
  Item: {
    ...primaryKey.meter(meter.siteId, meter.sessionId),
    ...meterAttributes({ ...meter, posted: entryOf(meter), revision: meter.revision + 1 }),
    // In the sparse index of sessions that somebody has to look after, until it is over.
    ...(!isOver(meter) && {
      openShard: String(shardOf(meter.sessionId)),
      dueAt: new Date(meter.dueAtMs).toISOString(),
    }),
    expires_at: Math.floor(Date.parse(meter.issuedAt) / 1_000) + KEEP_SECONDS,
  },
  ...onRevision(meter.revision),
});

/**
 * Many sessions add to one total, so each adds its difference. `writes` tells whoever compares the totals with the meters
 * that one was added to in between.
 */
const adding = (counts: Readonly<Record<string, number>>) => {
  const changed = Object.entries({ ...counts, writes: 1 }).filter(([, count]) => count !== 0);
  return {
    UpdateExpression: `ADD ${changed.map((_, i) => `#c${i} :c${i}`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(changed.map(([name], i) => [`#c${i}`, name])),
    ExpressionAttributeValues: Object.fromEntries(changed.map(([, count], i) => [`:c${i}`, count])),
  };
};

/** The totals that an entry of this meter goes to, and what it adds to each. */
export const totalsOf = (
  { workspaceId, issuedAt, siteId, model, mode, sessionId }: SessionMeter,
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

const totalUpdates = (usageTable: string, meter: SessionMeter, difference: LedgerEntry): TransactWrite[] =>
  totalsOf(meter, difference)
    .filter(({ counts }) => Object.values(counts).some((count) => count !== 0))
    .map(({ key, counts }) => ({ Update: { TableName: usageTable, Key: key, ...adding(counts) } }));

/** Sets minutes aside: the meter that holds them, and the period, if they still fit into it. */
export const holdWrites = (usageTable: string, { meter, committedBefore }: MinutesHold): TransactWrite[] => [
  { Put: { TableName: usageTable, ...meterWrite(meter) } },
  {
    Update: {
      TableName: usageTable,
      Key: primaryKey.periodUsage(meter.workspaceId, billingPeriodOf(new Date(meter.issuedAt))),
      UpdateExpression: 'ADD committedSeconds :hold, writes :one',
      ConditionExpression: 'attribute_not_exists(committedSeconds) OR committedSeconds <= :before',
      ExpressionAttributeValues: { ':hold': meter.holdSeconds, ':before': committedBefore, ':one': 1 },
    },
  },
];

/** What sessions came to: one meter each, and totals by day and by billing period that are their exact sum. */
export const dynamoDbMeters = (
  dynamoDb: DynamoDBDocumentClient,
  { usage: usageTable, dueIndex }: { readonly usage: string; readonly dueIndex: string },
): SessionMeters => ({
  saveMeter: async (meter) => {
    const difference = entryDifference(entryOf(meter), meter.posted);
    const totals = totalUpdates(usageTable, meter, difference);
    // A transaction costs twice as much, and a session that has not connected adds nothing.
    if (totals.length === 0)
      await callAws('dynamodb', 'PutItem', () =>
        dynamoDb.send(new PutCommand({ TableName: usageTable, ...meterWrite(meter) })),
      );
    else
      await callAws('dynamodb', 'TransactWriteItems', () =>
        dynamoDb.send(
          new TransactWriteCommand({
            TransactItems: [{ Put: { TableName: usageTable, ...meterWrite(meter) } }, ...totals],
          }),
        ),
      );
  },

  listDue: async (now, limit, after) => {
    const due = {
      from: after === undefined ? '' : new Date(after.getTime() + 1).toISOString(),
      to: now.toISOString(),
    };
    const perShard = await Promise.all(
      Array.from({ length: SHARDS }, (_, shard) =>
        queryDue(dynamoDb, usageTable, dueIndex, shard, due, limit),
      ),
    );
    const page = perShard
      .flat()
      .toSorted((a, b) => (a.dueAt < b.dueAt ? -1 : 1))
      .slice(0, limit);
    const keys = page.map(({ pk, sk }) => ({ pk, sk }));
    if (keys.length === 0) return { meters: [], unreadable: 0, last: undefined };
    // The index is a little behind; what counts is the item itself.
    const lookup = await readTogether(dynamoDb, { [usageTable]: keys });
    // One that cannot be read must not keep the others waiting.
    const items = keys.flatMap((key) => lookup(usageTable, key) ?? []);
    const meters = items.flatMap((item) => meterItem.safeParse(item).data ?? []);
    const last = page[limit - 1];
    return { meters, unreadable: items.length - meters.length, last: last && new Date(last.dueAt) };
  },
});

/** Sessions as reports find them, and what reports say beside the meters. */
export const dynamoDbReports = (
  dynamoDb: DynamoDBDocumentClient,
  tables: ReportTables,
): ReportedSessions & KeyHealthStore & PlanNotices => ({
  readReported: async (siteId, sessionId) => {
    const workspaceId = workspaceOfSite(siteId);
    if (workspaceId === undefined) return undefined;
    const at = {
      session: primaryKey.session({ siteId, workspaceId }, sessionId),
      meter: primaryKey.meter(siteId, sessionId),
      workspace: primaryKey.workspace(workspaceId),
      site: primaryKey.site(workspaceId, siteId),
    };
    const health = {
      site: primaryKey.keyHealth(workspaceId, 'site', siteId),
      workspace: primaryKey.keyHealth(workspaceId, 'workspace', workspaceId),
      platform: primaryKey.keyHealth(workspaceId, 'platform', PLATFORM_ADDRESS.scopeId),
    };
    const lookup = await readTogether(dynamoDb, {
      [tables.sessions]: [at.session],
      [tables.usage]: [at.meter],
      [tables.tenancy]: [at.workspace, at.site],
      [tables.limits]: Object.values(health),
    });
    const session = issuedSessionItem.safeParse(lookup(tables.sessions, at.session)).data;
    if (session === undefined) return undefined;
    return {
      session,
      meter: meterItem.optional().parse(lookup(tables.usage, at.meter)),
      workspace: workspaceItem.optional().parse(lookup(tables.tenancy, at.workspace)),
      site: siteItem.optional().parse(lookup(tables.tenancy, at.site)),
      health: keyHealthItem.optional().parse(lookup(tables.limits, health[session.keyScope])),
    };
  },

  saveHealth: async ({ workspaceId, keyScope, keyScopeId }, health, now) => {
    await callAws('dynamodb', 'PutItem', () =>
      dynamoDb.send(
        new PutCommand({
          TableName: tables.limits,
          Item: {
            ...primaryKey.keyHealth(workspaceId, keyScope, keyScopeId),
            ...health,
            revision: health.revision + 1,
            expires_at: Math.floor(now.getTime() / 1_000) + KEEP_HEALTH_SECONDS,
          },
          ...onRevision(health.revision),
        }),
      ),
    );
  },

  noteDegraded: async ({ keyScope, keyScopeId, keyVersion }, until) => {
    await callAws('dynamodb', 'UpdateItem', () =>
      dynamoDb.send(
        new UpdateCommand({
          TableName: tables.sessions,
          Key: primaryKey.keyActivity(keyScope, keyScopeId),
          ...(until === undefined
            ? { UpdateExpression: 'REMOVE degraded' }
            : {
                UpdateExpression: 'SET degraded = :degraded',
                ExpressionAttributeValues: {
                  ':degraded': { version: keyVersion, until: until.toISOString() },
                },
              }),
        }),
      ),
    );
  },

  readPeriod: async (workspaceId, period) => {
    const at = primaryKey.periodUsage(workspaceId, period);
    const lookup = await readTogether(dynamoDb, { [tables.usage]: [at] });
    return periodUsageItem.parse(lookup(tables.usage, at) ?? {});
  },

  noteThreshold: async (workspaceId, period, percent, event) => {
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(
        new TransactWriteCommand({
          TransactItems: [
            {
              Update: {
                TableName: tables.usage,
                Key: primaryKey.periodUsage(workspaceId, period),
                UpdateExpression: 'SET #notice = :at',
                ConditionExpression: 'attribute_not_exists(#notice)',
                ExpressionAttributeNames: { '#notice': `notice${percent}` },
                ExpressionAttributeValues: { ':at': event.at },
              },
            },
            eventPut(tables.tenancy, event),
          ],
        }),
      ),
    );
  },
});

export const dynamoDbSessionEnds = (
  dynamoDb: DynamoDBDocumentClient,
  sessionsTable: string,
): SessionEnds => ({
  noteEnd: async (meter) => {
    const { endedAt, seconds } = receiptOf(meter);
    await ignoreConflict(
      callAws('dynamodb', 'UpdateItem', () =>
        dynamoDb.send(
          new UpdateCommand({
            TableName: sessionsTable,
            Key: primaryKey.session(meter, meter.sessionId),
            UpdateExpression: 'SET endedAt = :endedAt, usedSeconds = :seconds',
            ConditionExpression: 'attribute_exists(pk)',
            ExpressionAttributeValues: {
              ':endedAt': endedAt ?? meter.issuedAt,
              ':seconds': seconds,
            },
          }),
        ),
      ),
    );
  },
});

const queryDue = async (
  dynamoDb: DynamoDBDocumentClient,
  usageTable: string,
  dueIndex: string,
  shard: number,
  due: { readonly from: string; readonly to: string },
  limit: number,
): Promise<readonly { readonly pk: string; readonly sk: string; readonly dueAt: string }[]> => {
  const { Items = [] } = await callAws('dynamodb', 'Query', () =>
    dynamoDb.send(
      new QueryCommand({
        TableName: usageTable,
        IndexName: dueIndex,
        KeyConditionExpression: 'openShard = :shard AND dueAt BETWEEN :from AND :to',
        ExpressionAttributeValues: { ':shard': String(shard), ':from': due.from, ':to': due.to },
        Limit: limit,
      }),
    ),
  );
  return Items.map((item) => dueItem.parse(item));
};

const dueItem = z.object({ pk: z.string(), sk: z.string(), dueAt: z.string() });
