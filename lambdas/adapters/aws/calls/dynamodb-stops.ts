import { type DynamoDBDocumentClient, ScanCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { isWorkspaceId, type WorkspaceId } from '../../../domain/identifiers.ts';
import type { LiveWorkspaces, Stops } from '../../../use-cases/ports/calls.ts';
import { eventPut } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { stopKey } from './stop-key.ts';

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

/** An operator's stop, for the command alone: no deployed function can write one. */
export const dynamoDbStops = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly tenancy: string; readonly limits: string },
): Stops => ({
  stop: async (workspaceId, event) => {
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(
        new TransactWriteCommand({
          TransactItems: [
            {
              Put: {
                TableName: tables.tenancy,
                Item: { ...stopKey(workspaceId), at: event.at, by: event.actor },
              },
            },
            eventPut(tables.tenancy, 'stop', event),
          ],
        }),
      ),
    );
  },

  resume: async (workspaceId, event) => {
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(
        new TransactWriteCommand({
          TransactItems: [
            { Delete: { TableName: tables.tenancy, Key: stopKey(workspaceId) } },
            eventPut(tables.tenancy, 'stop', event),
          ],
        }),
      ),
    );
  },

  ...dynamoDbLiveWorkspaces(dynamoDb, tables.limits),
});
