import {
  type DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb';
import type { AuditEvent } from '../../../domain/audit/audit-record.ts';
import type { WorkspaceId } from '../../../domain/identifiers.ts';
import type { WebhookReader, WebhookStore } from '../../../use-cases/ports/notices.ts';
import { eventPut, type TransactWrite } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';
import { webhookItem } from './notice-items.ts';

export const dynamoDbWebhookReader = (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
): WebhookReader => ({
  listWebhooks: async (workspaceId) => {
    const { Items = [] } = await callAws('dynamodb', 'Query', () =>
      dynamoDb.send(
        new QueryCommand({
          TableName: tenancyTable,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': primaryKey.webhook(workspaceId, '').pk },
          ConsistentRead: true,
        }),
      ),
    );
    return Items.map((item) => webhookItem.parse(item));
  },
  readWebhook: async (workspaceId, webhookId) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: tenancyTable,
          Key: primaryKey.webhook(workspaceId, webhookId),
          ConsistentRead: true,
        }),
      ),
    );
    return webhookItem.optional().parse(Item);
  },
});

/** Webhooks of workspaces. Each change is one transaction with its audit event. */
export const dynamoDbWebhooks = (dynamoDb: DynamoDBDocumentClient, tenancyTable: string): WebhookStore => {
  const write = async (event: AuditEvent, ...changes: TransactWrite[]): Promise<void> => {
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(
        new TransactWriteCommand({ TransactItems: [eventPut(tenancyTable, 'manage', event), ...changes] }),
      ),
    );
  };
  const workspaceExists = (workspaceId: WorkspaceId): TransactWrite => ({
    ConditionCheck: {
      TableName: tenancyTable,
      Key: primaryKey.workspace(workspaceId),
      ConditionExpression: 'deletedAt = :null',
      ExpressionAttributeValues: { ':null': null },
    },
  });
  return {
    ...dynamoDbWebhookReader(dynamoDb, tenancyTable),
    createWebhook: (webhook, event) =>
      write(event, workspaceExists(webhook.workspaceId), {
        Put: {
          TableName: tenancyTable,
          Item: { ...primaryKey.webhook(webhook.workspaceId, webhook.webhookId), ...webhook },
          ConditionExpression: 'attribute_not_exists(pk)',
        },
      }),
    saveWebhook: (webhook, before, event) =>
      write(event, {
        Put: {
          TableName: tenancyTable,
          Item: { ...primaryKey.webhook(webhook.workspaceId, webhook.webhookId), ...webhook },
          ConditionExpression: 'secretVersion = :before',
          ExpressionAttributeValues: { ':before': before.secretVersion },
        },
      }),
    removeWebhook: ({ workspaceId, webhookId }, event) =>
      write(event, {
        Delete: {
          TableName: tenancyTable,
          Key: primaryKey.webhook(workspaceId, webhookId),
          ConditionExpression: 'attribute_exists(pk)',
        },
      }),
  };
};
