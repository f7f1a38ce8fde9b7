import * as z from 'zod';
import type { SiteId } from '../../../domain/identifiers.ts';
import {
  SHORTEST_VISIT_SECONDS,
  type VisitorDay,
  visitorDayOf,
} from '../../../domain/sessions/embed-token.ts';
import type { SessionUsage } from '../../../domain/sessions/session-usage.ts';
import type { EmbedFacts } from '../../../domain/sessions/token-context.ts';
import type { EmbedTags } from '../../../use-cases/ports/sessions.ts';
import type { VisitorWrite } from '../../../use-cases/ports.ts';
import type { TransactWrite } from '../audit/event-outbox.ts';
import type { ItemLookup } from '../batch-get.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';
import { count } from '../usage/usage-items.ts';

/** A visitor's day is kept for two more days, because it has no meaning after that. */
export const KEEP_DAY_SECONDS = 3 * 86_400;
/** The mark of a used token outlives the token by this much, seconds. */
export const KEEP_TOKEN_SECONDS = 3_600;

export const visitorDayItem: z.ZodType<VisitorDay> = z.object({ calls: count, seconds: count });

interface EmbedKeys {
  readonly token: readonly PrimaryKey[];
  readonly day: readonly PrimaryKey[];
}

/** The keys of the items about a request's embed token; empty without a token. */
export const embedKeysOf = (siteId: SiteId, now: Date, tags: Partial<EmbedTags> = {}): EmbedKeys => ({
  token: tags.token === undefined ? [] : [primaryKey.embedToken(siteId, tags.token)],
  day: tags.visitor === undefined ? [] : [primaryKey.visitorDay(siteId, visitorDayOf(now), tags.visitor)],
});

export const embedFactsIn = (
  lookup: ItemLookup,
  tables: { readonly limits: string; readonly usage: string },
  keys: EmbedKeys,
): EmbedFacts => ({
  tokenUsed: keys.token.some((key) => lookup(tables.limits, key) !== undefined),
  visitorDay: visitorDayItem.parse(keys.day.map((key) => lookup(tables.usage, key))[0] ?? {}),
});

/** Fails if the visitor has used up the calls or minutes of the day. */
const dayCondition = ({ limits, token }: VisitorWrite) => {
  const { minutesPerDay } = limits;
  const callsPerDay = token === undefined ? null : limits.callsPerDay;
  const conditions = [
    ...(callsPerDay === null ? [] : ['(attribute_not_exists(calls) OR calls < :calls)']),
    ...(minutesPerDay === null ? [] : ['(attribute_not_exists(seconds) OR seconds < :seconds)']),
  ];
  return conditions.length === 0
    ? undefined
    : {
        text: conditions.join(' AND '),
        values: {
          ...(callsPerDay !== null && { ':calls': callsPerDay }),
          ...(minutesPerDay !== null && { ':seconds': minutesPerDay * 60 - SHORTEST_VISIT_SECONDS + 1 }),
        },
      };
};

/**
 * Marks the token as used and counts the call, in the transaction that opens the session. A call that replaces another
 * one is not counted, but needs remaining minutes.
 */
export const visitorWrites = (
  tables: { readonly limits: string; readonly usage: string },
  siteId: SiteId,
  visitor: VisitorWrite,
  now: Date,
): readonly TransactWrite[] => {
  const { tag, token } = visitor;
  const Key = primaryKey.visitorDay(siteId, visitorDayOf(now), tag);
  const condition = dayCondition(visitor);
  if (token === undefined)
    return condition === undefined
      ? []
      : [
          {
            ConditionCheck: {
              TableName: tables.usage,
              Key,
              ConditionExpression: condition.text,
              ExpressionAttributeValues: condition.values,
            },
          },
        ];
  return [
    {
      Put: {
        TableName: tables.limits,
        Item: { ...primaryKey.embedToken(siteId, token.tag), expires_at: token.exp + KEEP_TOKEN_SECONDS },
        ConditionExpression: 'attribute_not_exists(pk)',
      },
    },
    {
      Update: {
        TableName: tables.usage,
        Key,
        UpdateExpression: 'ADD calls :one SET expires_at = :expires',
        ...(condition !== undefined && { ConditionExpression: condition.text }),
        ExpressionAttributeValues: {
          ':one': 1,
          ':expires': Math.floor(now.getTime() / 1_000) + KEEP_DAY_SECONDS,
          ...condition?.values,
        },
      },
    },
  ];
};

/** Adds the seconds of a session to the visitor's day on which the session was opened. */
export const visitorSecondsWrites = (
  usageTable: string,
  { siteId, visitorTag, issuedAt }: SessionUsage,
  seconds: number,
): readonly TransactWrite[] =>
  visitorTag === undefined || seconds === 0
    ? []
    : [
        {
          Update: {
            TableName: usageTable,
            Key: primaryKey.visitorDay(siteId, visitorDayOf(new Date(issuedAt)), visitorTag),
            UpdateExpression: 'ADD seconds :seconds SET expires_at = :expires',
            ExpressionAttributeValues: {
              ':seconds': seconds,
              ':expires': Math.floor(Date.parse(issuedAt) / 1_000) + KEEP_DAY_SECONDS,
            },
          },
        },
      ];
