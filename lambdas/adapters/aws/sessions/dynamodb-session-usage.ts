import {
  type DynamoDBDocumentClient,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { budgetCharges } from '../../../domain/budgets/response-reservation.ts';
import { entryOf } from '../../../domain/sessions/session-usage.ts';
import { entryDifference } from '../../../domain/usage/ledger.ts';
import type { SessionUsageStore } from '../../../use-cases/ports/sessions.ts';
import { callAws } from '../aws-calls.ts';
import { readTogether } from '../batch-get.ts';
import { budgetChargeWrites } from '../budgets/budget-writes.ts';
import { sessionUsageItem } from './session-usage-item.ts';
import { SHARDS, silentSessionWrite, totalUpdates, usageWrite } from './usage-writes.ts';
import { visitorSecondsWrites } from './visitor-writes.ts';

/** The usage of sessions: one record each, and totals by day and by billing period that are their exact sum. */
export const dynamoDbSessionUsage = (
  dynamoDb: DynamoDBDocumentClient,
  { usage: usageTable, dueIndex }: { readonly usage: string; readonly dueIndex: string },
): SessionUsageStore => ({
  saveUsage: async (usage, budgets = [], capSeconds) => {
    const difference = entryDifference(entryOf(usage), usage.posted);
    const totals = [
      ...totalUpdates(usageTable, usage, difference, capSeconds),
      ...visitorSecondsWrites(usageTable, usage, difference.seconds),
      ...budgetChargeWrites(
        usageTable,
        budgetCharges(budgets, difference.costMicroCents, usage.postedReservations, usage.reservations),
      ),
    ];
    // A transaction costs twice as much, and a session that has not connected adds nothing.
    if (totals.length === 0)
      await callAws('dynamodb', 'PutItem', () =>
        dynamoDb.send(new PutCommand({ TableName: usageTable, ...usageWrite(usage) })),
      );
    else
      await callAws('dynamodb', 'TransactWriteItems', () =>
        dynamoDb.send(
          new TransactWriteCommand({
            TransactItems: [{ Put: { TableName: usageTable, ...usageWrite(usage) } }, ...totals],
          }),
        ),
      );
  },

  saveUnreported: async (usage) => {
    const difference = entryDifference(entryOf(usage), usage.posted);
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(
        new TransactWriteCommand({
          TransactItems: [
            { Put: { TableName: usageTable, ...usageWrite(usage) } },
            silentSessionWrite(usageTable, usage),
            ...totalUpdates(usageTable, usage, difference),
          ],
        }),
      ),
    );
  },

  listDue: async (now, limit, after) => {
    // BETWEEN needs bounds in order, so no query is sent if the previous page ended at `now`.
    if (after !== undefined && after >= now) return { usages: [], unreadable: 0, last: undefined };
    const perShard = await Promise.all(
      Array.from({ length: SHARDS }, (_, shard) =>
        queryDue(dynamoDb, usageTable, dueIndex, shard, dueCondition(now, after), limit),
      ),
    );
    const page = perShard
      .flat()
      .toSorted((a, b) => (a.dueAt < b.dueAt ? -1 : 1))
      .slice(0, limit);
    const keys = page.map(({ pk, sk }) => ({ pk, sk }));
    if (keys.length === 0) return { usages: [], unreadable: 0, last: undefined };
    // The index is slightly behind, so the item itself decides.
    const lookup = await readTogether(dynamoDb, { [usageTable]: keys });
    // An unreadable item must not delay the others.
    const items = keys.flatMap((key) => lookup(usageTable, key) ?? []);
    const usages = items.flatMap((item) => sessionUsageItem.safeParse(item).data ?? []);
    const last = page[limit - 1];
    return { usages, unreadable: items.length - usages.length, last: last && new Date(last.dueAt) };
  },
});

interface DueCondition {
  readonly text: string;
  readonly values: Readonly<Record<string, string>>;
}

/**
 * Due by `now` and, with `after`, later than that time. Without `after` there is no lower bound, because DynamoDB
 * refuses an empty string in a key condition
 * (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html).
 */
const dueCondition = (now: Date, after: Date | undefined): DueCondition =>
  after === undefined
    ? { text: 'dueAt <= :to', values: { ':to': now.toISOString() } }
    : {
        text: 'dueAt BETWEEN :from AND :to',
        values: { ':from': new Date(after.getTime() + 1).toISOString(), ':to': now.toISOString() },
      };

const queryDue = async (
  dynamoDb: DynamoDBDocumentClient,
  usageTable: string,
  dueIndex: string,
  shard: number,
  due: DueCondition,
  limit: number,
): Promise<readonly { readonly pk: string; readonly sk: string; readonly dueAt: string }[]> => {
  const { Items = [] } = await callAws('dynamodb', 'Query', () =>
    dynamoDb.send(
      new QueryCommand({
        TableName: usageTable,
        IndexName: dueIndex,
        KeyConditionExpression: `openShard = :shard AND ${due.text}`,
        ExpressionAttributeValues: { ':shard': String(shard), ...due.values },
        Limit: limit,
      }),
    ),
  );
  return Items.map((item) => dueItem.parse(item));
};

const dueItem = z.object({ pk: z.string(), sk: z.string(), dueAt: z.string() });
