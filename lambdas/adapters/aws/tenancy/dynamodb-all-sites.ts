import { type DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import type { AllSites, ScannedSite } from '../../../use-cases/ports/tenancy.ts';
import { callAws } from '../aws-calls.ts';
import { siteItem } from './tenancy-items.ts';

/** Every site of the table, one page of a scan at a time, because no index has all sites. */
export const dynamoDbAllSites = (dynamoDb: DynamoDBDocumentClient, tenancyTable: string): AllSites => ({
  scanSites: () => sitesIn(dynamoDb, tenancyTable),
});

async function* sitesIn(dynamoDb: DynamoDBDocumentClient, tenancyTable: string): AsyncGenerator<ScannedSite> {
  let ExclusiveStartKey: Record<string, unknown> | undefined;
  do {
    const start = ExclusiveStartKey;
    const { Items = [], LastEvaluatedKey } = await callAws('dynamodb', 'Scan', () =>
      dynamoDb.send(
        new ScanCommand({
          TableName: tenancyTable,
          FilterExpression: 'begins_with(pk, :workspace) AND begins_with(sk, :site)',
          ExpressionAttributeValues: { ':workspace': 'WORKSPACE#', ':site': 'SITE#' },
          ConsistentRead: true,
          ...(start !== undefined && { ExclusiveStartKey: start }),
        }),
      ),
    );
    for (const item of Items) {
      const site = siteItem.safeParse(item);
      yield site.success ? site.data : 'unreadable';
    }
    ExclusiveStartKey = LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
}
