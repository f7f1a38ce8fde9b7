import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { primaryKey } from '../../lambdas/adapters/aws/table-keys.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import type { TestStack } from './stack.ts';
import type { Tenant } from './tenant.ts';

/** Seconds that the free plan includes in a month. */
export const FREE_SECONDS = 100 * 60;

/** Stores that the workspace has used `seconds` of managed voice in the month of `now`. Notices of the month are kept. */
export const setManagedSeconds = async (
  stack: TestStack,
  { workspaceId }: Tenant,
  now: Date,
  seconds: number,
): Promise<void> => {
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint });
  await DynamoDBDocumentClient.from(client).send(
    new UpdateCommand({
      TableName: TABLES.usage.name,
      Key: primaryKey.periodUsage(workspaceId as WorkspaceId, now.toISOString().slice(0, 7)),
      UpdateExpression: 'SET usedSeconds = :seconds, committedSeconds = :seconds',
      ExpressionAttributeValues: { ':seconds': seconds },
    }),
  );
  client.destroy();
};
