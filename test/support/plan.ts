import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { primaryKey } from '../../lambdas/adapters/aws/table-keys.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import type { TestStack } from './stack.ts';
import type { Tenant } from './tenant.ts';

/** Puts the workspace on a plan, past the operator's command and its audit event. */
export const putOnPlan = (
  stack: Pick<TestStack, 'dynamoDb'>,
  { workspaceId }: Pick<Tenant, 'workspaceId'>,
  plan: string,
): Promise<void> => setOnWorkspace(stack, workspaceId, 'plan', plan);

/** Changes one attribute of a workspace that exists, behind the handlers' backs. */
export const setOnWorkspace = async (
  stack: Pick<TestStack, 'dynamoDb'>,
  workspaceId: string,
  attribute: string,
  value: string,
): Promise<void> => {
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint });
  await DynamoDBDocumentClient.from(client).send(
    new UpdateCommand({
      TableName: TABLES.tenancy.name,
      Key: primaryKey.workspace(workspaceId as WorkspaceId),
      UpdateExpression: 'SET #attribute = :value',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeNames: { '#attribute': attribute },
      ExpressionAttributeValues: { ':value': value },
    }),
  );
  client.destroy();
};
