import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { WorkspaceId } from '../../../domain/identifiers.ts';
import type { KeyHealth } from '../../../domain/keys/key-health.ts';
import type { TakenSlot } from '../../../domain/sessions/slots.ts';
import { queryAll } from '../dynamodb-pages.ts';
import { keyHealthItem } from '../keys/key-health-item.ts';
import { HEALTH_PREFIX, primaryKey } from '../table-keys.ts';
import { leaseItem } from './lease-item.ts';

/** Reports on the keys of a workspace that its sites share. */
export interface SharedHealth {
  readonly workspace: KeyHealth | undefined;
  readonly platform: KeyHealth | undefined;
}

export interface SlotPartition {
  /** Of every pool, expired ones included. */
  readonly leases: readonly TakenSlot[];
  readonly health: SharedHealth;
}

const healthItem = z.looseObject({ sk: z.enum([`${HEALTH_PREFIX}workspace`, `${HEALTH_PREFIX}platform`]) });
const partitionItem = z.union([leaseItem, healthItem]);

const isHealth = (item: z.infer<typeof partitionItem>): item is z.infer<typeof healthItem> => 'sk' in item;

/** Reads everything in a workspace's partition of leases. Its key is known and not read: it would be a fifth of the answer. */
export const readSlotPartition = async (
  dynamoDb: DynamoDBDocumentClient,
  limitsTable: string,
  workspaceId: WorkspaceId,
  ConsistentRead: boolean,
): Promise<SlotPartition> => {
  const { pk } = primaryKey.slot(workspaceId, '', 0);
  const items = await queryAll(
    dynamoDb,
    {
      TableName: limitsTable,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': pk },
      ConsistentRead,
    },
    partitionItem,
  );
  const reports = items.filter(isHealth);
  const healthOf = (scope: keyof SharedHealth): KeyHealth | undefined =>
    keyHealthItem.optional().parse(reports.find(({ sk }) => sk === `${HEALTH_PREFIX}${scope}`));
  return {
    leases: items.filter((item): item is TakenSlot => !isHealth(item)),
    health: { workspace: healthOf('workspace'), platform: healthOf('platform') },
  };
};
