import type { KeysAndAttributes } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  type BatchGetCommandInput,
  type BatchGetCommandOutput,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import { callAws } from './aws-calls.ts';
import type { PrimaryKey } from './table-keys.ts';

export type Item = Readonly<Record<string, unknown>>;
export type ItemLookup = (table: string, key: PrimaryKey) => Item | undefined;

/**
 * Reads items of several tables in one call, strongly consistent except for the tables in `eventual`, which cost half.
 * DynamoDB may leave some items out under load; they are requested once more, then the call fails as unavailable. A
 * missing response must never look like a missing item.
 */
export const readTogether = async (
  dynamoDb: DynamoDBDocumentClient,
  wanted: Readonly<Record<string, readonly PrimaryKey[]>>,
  /** Attributes to read of each item; everything when absent. */
  projection: Pick<KeysAndAttributes, 'ProjectionExpression' | 'ExpressionAttributeNames'> = {},
  /** Tables for which slightly old items are acceptable. */
  eventual: readonly string[] = [],
): Promise<ItemLookup> => {
  const found = new Map<string, Item>();
  const nameOf = (table: string, { pk, sk }: PrimaryKey): string => JSON.stringify([table, pk, sk]);
  let pending: BatchGetCommandInput['RequestItems'] = Object.fromEntries(
    Object.entries(wanted).map(([table, keys]) => [
      table,
      { Keys: keys.map((key) => ({ ...key })), ConsistentRead: !eventual.includes(table), ...projection },
    ]),
  );
  for (let attempt = 1; pending !== undefined && Object.keys(pending).length > 0; attempt++) {
    if (attempt > 2) throw new DependencyUnavailableError('dynamodb', 'BatchGetItem', 'UnprocessedKeys');
    const RequestItems: BatchGetCommandInput['RequestItems'] = pending;
    const answer: BatchGetCommandOutput = await callAws('dynamodb', 'BatchGetItem', () =>
      dynamoDb.send(new BatchGetCommand({ RequestItems })),
    );
    for (const [table, items] of Object.entries(answer.Responses ?? {}))
      for (const item of items)
        found.set(nameOf(table, { pk: String(item['pk']), sk: String(item['sk']) }), item);
    pending = answer.UnprocessedKeys;
  }
  return (table, key) => found.get(nameOf(table, key));
};
