import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { type BudgetChange, budgetChangeOf } from '../../../domain/audit/budget-change.ts';

/**
 * The change of a budget in a record of the usage table's stream, which has both images; undefined for any other record.
 * Budgets never expire. If DynamoDB removed one at its expiry time, someone else set that time.
 */
export const budgetChangeOfRecord = (
  { dynamodb, eventID }: DynamoDBRecord,
  now: Date,
): { readonly change: BudgetChange; readonly at: Date; readonly record: string } | undefined => {
  const [pk, sk] = [dynamodb?.Keys?.['pk']?.S, dynamodb?.Keys?.['sk']?.S];
  if (pk === undefined || sk === undefined || !pk.startsWith('BUDGET#')) return undefined;
  const at = new Date(Number(dynamodb?.ApproximateCreationDateTime ?? 0) * 1_000);
  const imageOf = (image: NonNullable<typeof dynamodb>['NewImage']) =>
    image && unmarshall(image as Record<string, AttributeValue>);
  const [before, after] = [imageOf(dynamodb?.OldImage), imageOf(dynamodb?.NewImage)];
  return { change: budgetChangeOf({ pk, sk, before, after, at, now }), at, record: eventID ?? '' };
};
