import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import type { WorkspaceReader } from '../../../use-cases/ports/tenancy.ts';
import { callAws } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';
import { workspaceItem } from './tenancy-items.ts';

export const dynamoDbWorkspaces = (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
): WorkspaceReader => ({
  readWorkspace: async (workspaceId) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: tenancyTable,
          Key: primaryKey.workspace(workspaceId),
          ConsistentRead: true,
        }),
      ),
    );
    return workspaceItem.optional().parse(Item);
  },
});
