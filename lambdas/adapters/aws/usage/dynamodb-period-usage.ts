import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { PlanNotices } from '../../../use-cases/ports/usage.ts';
import { readTogether } from '../batch-get.ts';
import { primaryKey } from '../table-keys.ts';
import { periodUsageItem } from './usage-items.ts';

/** The part of its plan that a workspace has used, for functions that may read `usage` only by batches. */
export const dynamoDbPeriodUsage = (
  dynamoDb: DynamoDBDocumentClient,
  usageTable: string,
): Pick<PlanNotices, 'readPeriod'> => ({
  readPeriod: async (workspaceId, period) => {
    const at = primaryKey.periodUsage(workspaceId, period);
    const lookup = await readTogether(dynamoDb, { [usageTable]: [at] });
    return periodUsageItem.parse(lookup(usageTable, at) ?? {});
  },
});
