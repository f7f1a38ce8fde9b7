import { type DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { AuditEvent } from '../../../domain/audit/audit-record.ts';
import type { Site } from '../../../domain/tenancy/workspace.ts';
import type { ModelMoves } from '../../../use-cases/ports/tenancy.ts';
import { eventPut, type TransactWrite } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';

/** Changes of the model of a site, each together with its audit event. */
export const dynamoDbModelMoves = (dynamoDb: DynamoDBDocumentClient, tenancyTable: string): ModelMoves => {
  const write = async (
    site: Site,
    event: AuditEvent,
    update: { readonly set: string; readonly condition: string; readonly values: Record<string, unknown> },
  ): Promise<void> => {
    const TransactItems: TransactWrite[] = [
      eventPut(tenancyTable, 'retire-models', event),
      {
        Update: {
          TableName: tenancyTable,
          Key: primaryKey.site(site.workspaceId, site.siteId),
          UpdateExpression: update.set,
          ConditionExpression: `#model = :seen AND ${update.condition}`,
          ExpressionAttributeNames: { '#model': 'model' },
          ExpressionAttributeValues: { ':seen': site.model, ...update.values },
        },
      },
    ];
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(new TransactWriteCommand({ TransactItems })),
    );
  };
  return {
    noteRetirement: (site, days, event) =>
      write(site, event, {
        set: 'SET retirementNotices = :notices',
        condition: '(attribute_not_exists(retirementNotices) OR retirementNotices = :before)',
        values: {
          ':notices': { ...site.retirementNotices, [site.model]: days },
          ':before': site.retirementNotices,
        },
      }),
    moveModel: (site, move, event) =>
      write(site, event, {
        set: 'SET #model = :to, modelMove = :move',
        condition: '(attribute_not_exists(modelAutoUpgrade) OR modelAutoUpgrade = :yes)',
        values: { ':to': move.to, ':move': move, ':yes': true },
      }),
  };
};
