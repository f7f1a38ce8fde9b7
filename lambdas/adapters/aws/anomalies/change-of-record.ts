import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { type TenancyChange, tenancyChangeOf } from '../../../domain/audit/explained-change.ts';

/**
 * The change of a workspace, member, site, stop or webhook in a record of the tenancy table's stream; undefined for any other
 * record, and for an item that DynamoDB removed because its time had passed.
 */
export const tenancyChangeOfRecord = (
  record: DynamoDBRecord,
): { readonly change: TenancyChange; readonly at: Date; readonly record: string } | undefined => {
  const { dynamodb, eventName, userIdentity } = record;
  // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
  if (userIdentity?.type === 'Service' && userIdentity.principalId === 'dynamodb.amazonaws.com')
    return undefined;
  const [pk, sk] = [dynamodb?.Keys?.['pk']?.S, dynamodb?.Keys?.['sk']?.S];
  if (pk === undefined || sk === undefined || eventName === undefined) return undefined;
  const image = dynamodb?.NewImage;
  const change = tenancyChangeOf({
    pk,
    sk,
    change: eventName,
    image: image && unmarshall(image as Record<string, AttributeValue>),
  });
  return (
    change && {
      change,
      at: new Date(Number(dynamodb?.ApproximateCreationDateTime ?? 0) * 1_000),
      record: record.eventID ?? '',
    }
  );
};
