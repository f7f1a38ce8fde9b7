import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand, ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { primaryKey } from '../../lambdas/adapters/aws/table-keys.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import type { TestStack } from './stack.ts';

type TableName = keyof typeof TABLES;
type Item = Readonly<Record<string, unknown>>;

/** Direct access to the tables of a stack, without the handlers. The caller closes it. */
export const openTables = (stack: TestStack) => {
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint });
  const documents = DynamoDBDocumentClient.from(client);
  return {
    /** Every item, strongly consistent. */
    scan: async (table: TableName): Promise<readonly Item[]> => {
      const items: Item[] = [];
      let ExclusiveStartKey: Record<string, unknown> | undefined;
      do {
        const page = await documents.send(
          new ScanCommand({
            TableName: TABLES[table].name,
            ConsistentRead: true,
            ...(ExclusiveStartKey !== undefined && { ExclusiveStartKey }),
          }),
        );
        items.push(...(page.Items ?? []));
        ExclusiveStartKey = page.LastEvaluatedKey;
      } while (ExclusiveStartKey !== undefined);
      return items;
    },
    put: async (table: TableName, item: Item): Promise<void> => {
      await documents.send(new PutCommand({ TableName: TABLES[table].name, Item: { ...item } }));
    },
    close: (): void => client.destroy(),
  };
};

/** Changes one attribute of an existing workspace directly in the table. */
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
