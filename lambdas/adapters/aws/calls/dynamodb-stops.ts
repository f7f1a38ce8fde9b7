import { type DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { Stops } from '../../../use-cases/ports/calls.ts';
import { eventPut } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { dynamoDbLiveWorkspaces } from './dynamodb-live-workspaces.ts';
import { stopKey } from './stop-key.ts';

/**
 * Writes an operator's stop. Only the command uses it: no deployed function can write a stop. `writer` is the role that the
 * command runs with.
 */
export const dynamoDbStops = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly tenancy: string; readonly limits: string; readonly writer: 'stop' | 'break-glass' },
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
            eventPut(tables.tenancy, tables.writer, event),
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
            eventPut(tables.tenancy, tables.writer, event),
          ],
        }),
      ),
    );
  },

  ...dynamoDbLiveWorkspaces(dynamoDb, tables.limits),
});
