import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { UsageReader } from '../../../use-cases/ports/usage.ts';
import { queryAll } from '../dynamodb-pages.ts';
import { primaryKey } from '../table-keys.ts';
import { dayUsageItem } from './usage-items.ts';

/** The totals of days, read-only. */
export const dynamoDbDayUsage = (
  dynamoDb: DynamoDBDocumentClient,
  usageTable: string,
): Pick<UsageReader, 'readDays'> => ({
  readDays: (workspaceId, { from, to }) => {
    const { pk, first, last } = primaryKey.dayUsageRange(workspaceId, from, to);
    return queryAll(
      dynamoDb,
      {
        TableName: usageTable,
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
        ExpressionAttributeValues: { ':pk': pk, ':first': first, ':last': last },
        ConsistentRead: true,
      },
      dayUsageItem,
    );
  },
});
