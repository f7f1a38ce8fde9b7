import { type DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { isWorkspaceId, type WorkspaceId } from '../../../domain/identifiers.ts';
import type { LiveWorkspaces } from '../../../use-cases/ports/calls.ts';
import { callAws } from '../aws-calls.ts';

/** Finds live sessions in every workspace; for commands of operators, because it reads the whole table. */
export const dynamoDbLiveWorkspaces = (
  dynamoDb: DynamoDBDocumentClient,
  limitsTable: string,
): LiveWorkspaces => ({
  listLiveWorkspaces: async () => {
    const found = new Set<WorkspaceId>();
    let ExclusiveStartKey: Record<string, unknown> | undefined;
    do {
      const { Items = [], LastEvaluatedKey } = await callAws('dynamodb', 'Scan', () =>
        dynamoDb.send(
          new ScanCommand({
            TableName: limitsTable,
            FilterExpression: 'begins_with(pk, :live)',
            ProjectionExpression: 'pk',
            ExpressionAttributeValues: { ':live': 'LIVE#' },
            ConsistentRead: true,
            ...(ExclusiveStartKey !== undefined && { ExclusiveStartKey }),
          }),
        ),
      );
      for (const { pk } of Items) {
        const id = String(pk).slice('LIVE#'.length);
        if (isWorkspaceId(id)) found.add(id);
      }
      ExclusiveStartKey = LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
    return [...found];
  },
});
