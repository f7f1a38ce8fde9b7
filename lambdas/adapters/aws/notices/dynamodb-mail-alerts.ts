import { type DynamoDBDocumentClient, GetCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { MailAlertsReader, MailAlertsStore } from '../../../use-cases/ports/notices.ts';
import { eventPut } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';
import { mailAlertsItem } from './notice-items.ts';

export const dynamoDbMailAlertsReader = (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
): MailAlertsReader => ({
  readMailAlerts: async (workspaceId) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: tenancyTable,
          Key: primaryKey.mailAlerts(workspaceId),
          ConsistentRead: true,
        }),
      ),
    );
    return mailAlertsItem.optional().parse(Item);
  },
});

/** The mail alerts of workspaces: one item each. */
export const dynamoDbMailAlerts = (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
): MailAlertsStore => ({
  ...dynamoDbMailAlertsReader(dynamoDb, tenancyTable),
  saveMailAlerts: async (after, before, event) => {
    const item = {
      Put: {
        TableName: tenancyTable,
        Item: { ...primaryKey.mailAlerts(after.workspaceId), ...after },
        ...(before === undefined
          ? { ConditionExpression: 'attribute_not_exists(pk)' }
          : {
              ConditionExpression: 'nonce = :nonce AND triesLeft = :tries',
              ExpressionAttributeValues: { ':nonce': before.nonce, ':tries': before.triesLeft },
            }),
      },
    };
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(
        new TransactWriteCommand({
          TransactItems: event === undefined ? [item] : [eventPut(tenancyTable, 'manage', event), item],
        }),
      ),
    );
  },
});
