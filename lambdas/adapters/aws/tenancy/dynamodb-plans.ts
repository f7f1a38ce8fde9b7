import { type DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { PlanWriter } from '../../../use-cases/ports/tenancy.ts';
import { eventPut, type TransactWrite } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';

/** The plan of a workspace, only for the operator's command: no deployed function can change it. */
export const dynamoDbPlans = (dynamoDb: DynamoDBDocumentClient, tenancyTable: string): PlanWriter => ({
  changePlan: async ({ workspaceId, plan: before }, plan, event) => {
    const TransactItems: TransactWrite[] = [
      eventPut(tenancyTable, 'set-plan', event),
      {
        Update: {
          TableName: tenancyTable,
          Key: primaryKey.workspace(workspaceId),
          UpdateExpression: 'SET #plan = :plan',
          ConditionExpression: 'deletedAt = :null AND #plan = :before',
          ExpressionAttributeNames: { '#plan': 'plan' },
          ExpressionAttributeValues: { ':plan': plan, ':before': before, ':null': null },
        },
      },
    ];
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(new TransactWriteCommand({ TransactItems })),
    );
  },
});
