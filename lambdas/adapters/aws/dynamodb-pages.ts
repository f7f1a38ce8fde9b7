import { type DynamoDBDocumentClient, QueryCommand, type QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import { invalidCursor } from '../../domain/broker-error.ts';
import type { Page, PageRequest } from '../../use-cases/ports/pages.ts';
import { callAws } from './aws-calls.ts';

/** A list: a partition, or the part of it between two sort keys or under a prefix. */
export interface Listing {
  readonly TableName: string;
  readonly pk: string;
  readonly within?: { readonly prefix: string } | { readonly first: string; readonly last: string };
  readonly newestFirst?: boolean;
}

/**
 * One page of a list. The place where it starts is a sort key: a forged one can only move the reader within the list,
 * which the caller's own ID determines. Throws `invalid_request` for a sort key outside of the list.
 */
export const queryPage = async <Item>(
  dynamoDb: DynamoDBDocumentClient,
  { pk, within, newestFirst = false, ...table }: Listing,
  { limit, after }: PageRequest,
  item: z.ZodType<Item>,
): Promise<Page<Item>> => {
  if (after !== undefined && !isPlaceIn(within, after)) throw invalidCursor();
  const { Items = [], LastEvaluatedKey } = await callAws('dynamodb', 'Query', () =>
    dynamoDb.send(
      new QueryCommand({
        ...table,
        ...conditionOf(pk, within),
        ScanIndexForward: !newestFirst,
        ConsistentRead: true,
        Limit: limit,
        ...(after !== undefined && { ExclusiveStartKey: { pk, sk: after } }),
      }),
    ),
  );
  return {
    items: Items.map((raw) => item.parse(raw)),
    next: LastEvaluatedKey === undefined ? undefined : String(LastEvaluatedKey['sk']),
  };
};

const conditionOf = (
  pk: string,
  within: Listing['within'],
): Pick<QueryCommandInput, 'KeyConditionExpression' | 'ExpressionAttributeValues'> => {
  if (within === undefined)
    return { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': pk } };
  return 'prefix' in within
    ? {
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
        ExpressionAttributeValues: { ':pk': pk, ':prefix': within.prefix },
      }
    : {
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
        ExpressionAttributeValues: { ':pk': pk, ':first': within.first, ':last': within.last },
      };
};

/**
 * DynamoDB answers any other place with an error that would look like our own fault. It does not accept half a surrogate
 * pair.
 */
const isPlaceIn = (within: Listing['within'], place: string): boolean => {
  if (!place.isWellFormed()) return false;
  if (within === undefined) return true;
  return 'prefix' in within
    ? place.startsWith(within.prefix)
    : isOrdered(within.first, place) && isOrdered(place, within.last);
};

/** In DynamoDB's order, which is that of the bytes. */
const isOrdered = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) <= 0;

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
