import { type DynamoDBDocumentClient, QueryCommand, type QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import type { Page, PageRequest } from '../../use-cases/ports.ts';
import { callAws } from './aws-calls.ts';

/**
 * One page of a query within one partition. The place where the next page starts is a sort key: a forged one can move a
 * reader about within the partition, which the caller's own id fixes, and nowhere else.
 */
export const queryPage = async <Item>(
  dynamoDb: DynamoDBDocumentClient,
  query: QueryCommandInput,
  request: PageRequest,
  startKey: (after: string) => Readonly<Record<string, string>>,
  item: z.ZodType<Item>,
): Promise<Page<Item>> => {
  const { Items = [], LastEvaluatedKey } = await callAws('dynamodb', 'Query', () =>
    dynamoDb.send(
      new QueryCommand({
        ...query,
        Limit: request.limit,
        ...(request.after !== undefined && { ExclusiveStartKey: startKey(request.after) }),
      }),
    ),
  );
  return {
    items: Items.map((raw) => item.parse(raw)),
    next: LastEvaluatedKey === undefined ? undefined : String(LastEvaluatedKey['sk']),
  };
};

/** All items of a query, however many pages it takes. */
export const queryAll = async <Item>(
  dynamoDb: DynamoDBDocumentClient,
  query: QueryCommandInput,
  item: z.ZodType<Item>,
): Promise<readonly Item[]> => {
  const items: Item[] = [];
  let ExclusiveStartKey: QueryCommandInput['ExclusiveStartKey'];
  do {
    const { Items = [], LastEvaluatedKey } = await callAws('dynamodb', 'Query', () =>
      dynamoDb.send(
        new QueryCommand({ ...query, ...(ExclusiveStartKey !== undefined && { ExclusiveStartKey }) }),
      ),
    );
    for (const raw of Items) items.push(item.parse(raw));
    ExclusiveStartKey = LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
  return items;
};
