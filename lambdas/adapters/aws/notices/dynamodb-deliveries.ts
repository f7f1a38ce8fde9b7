import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { ConflictError } from '../../../domain/dependency.ts';
import type { Delivery } from '../../../domain/notices/delivery.ts';
import type { DeliveryLog } from '../../../use-cases/ports/notices.ts';
import { callAws } from '../aws-calls.ts';
import { queryPage } from '../dynamodb-pages.ts';
import { primaryKey } from '../table-keys.ts';
import { deliveryItem } from './notice-items.ts';

/** How long a delivery is kept after it was last written, seconds. */
export const KEPT_SECONDS = 30 * 86_400;

/** The log of deliveries. In the table of limits: it needs no stream and no backup, and expires. */
export const dynamoDbDeliveries = (
  dynamoDb: DynamoDBDocumentClient,
  limitsTable: string,
  now: () => Date,
): DeliveryLog => {
  const put = async (
    delivery: Delivery,
    condition: Pick<
      ConstructorParameters<typeof PutCommand>[0],
      'ConditionExpression' | 'ExpressionAttributeValues'
    >,
  ): Promise<void> => {
    await callAws('dynamodb', 'PutItem', () =>
      dynamoDb.send(
        new PutCommand({
          TableName: limitsTable,
          Item: {
            ...primaryKey.delivery(delivery.workspaceId, delivery.deliveryId),
            ...delivery,
            expires_at: Math.floor(now().getTime() / 1_000) + KEPT_SECONDS,
          },
          ...condition,
        }),
      ),
    );
  };
  return {
    addDelivery: async (delivery) => {
      try {
        await put(delivery, { ConditionExpression: 'attribute_not_exists(pk)' });
        return true;
      } catch (error) {
        if (error instanceof ConflictError) return false;
        throw error;
      }
    },
    readDelivery: async (workspaceId, deliveryId) => {
      const { Item } = await callAws('dynamodb', 'GetItem', () =>
        dynamoDb.send(
          new GetCommand({
            TableName: limitsTable,
            Key: primaryKey.delivery(workspaceId, deliveryId),
            ConsistentRead: true,
          }),
        ),
      );
      return deliveryItem.optional().parse(Item);
    },
    listDeliveries: (workspaceId, page) =>
      queryPage(
        dynamoDb,
        {
          TableName: limitsTable,
          pk: primaryKey.delivery(workspaceId, '').pk,
          within: { prefix: 'dlv_' },
          newestFirst: true,
        },
        page,
        deliveryItem,
      ),
    saveDelivery: (after, before) =>
      put(after, {
        ConditionExpression: 'attempts = :attempts AND claimedUntilMs = :claim AND dueAtMs = :due',
        ExpressionAttributeValues: {
          ':attempts': before.attempts,
          ':claim': before.claimedUntilMs,
          ':due': before.dueAtMs,
        },
      }),
  };
};
