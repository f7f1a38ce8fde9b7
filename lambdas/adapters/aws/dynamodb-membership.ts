import {
  BatchGetCommand,
  type BatchGetCommandInput,
  type BatchGetCommandOutput,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import { type SiteId, type WorkspaceId, workspaceOfSite } from '../../domain/identifiers.ts';
import type { MembershipReader, SiteReader } from '../../use-cases/ports.ts';
import { callAws } from './aws-calls.ts';
import { memberItem, type PrimaryKey, primaryKey, siteItem, workspaceItem } from './items.ts';

export type Item = Readonly<Record<string, unknown>>;
export type ItemLookup = (table: string, key: PrimaryKey) => Item | undefined;

/**
 * Reads items of several tables in one strongly consistent call. DynamoDB may leave some out under load; they are asked
 * for once more, then it counts as unavailable: a missing answer must never look like a missing item.
 */
export const readTogether = async (
  dynamoDb: DynamoDBDocumentClient,
  wanted: Readonly<Record<string, readonly PrimaryKey[]>>,
): Promise<ItemLookup> => {
  const found = new Map<string, Item>();
  const nameOf = (table: string, { pk, sk }: PrimaryKey): string => JSON.stringify([table, pk, sk]);
  let pending: BatchGetCommandInput['RequestItems'] = Object.fromEntries(
    Object.entries(wanted).map(([table, keys]) => [
      table,
      { Keys: keys.map((key) => ({ ...key })), ConsistentRead: true },
    ]),
  );
  for (let attempt = 1; pending !== undefined && Object.keys(pending).length > 0; attempt++) {
    if (attempt > 2) throw new DependencyUnavailableError('dynamodb', 'BatchGetItem', 'UnprocessedKeys');
    const RequestItems: BatchGetCommandInput['RequestItems'] = pending;
    const answer: BatchGetCommandOutput = await callAws('dynamodb', 'BatchGetItem', () =>
      dynamoDb.send(new BatchGetCommand({ RequestItems })),
    );
    for (const [table, items] of Object.entries(answer.Responses ?? {}))
      for (const item of items)
        found.set(nameOf(table, { pk: String(item['pk']), sk: String(item['sk']) }), item);
    pending = answer.UnprocessedKeys;
  }
  return (table, key) => found.get(nameOf(table, key));
};

/** Who may do what, read from the tenancy table each time. */
export const dynamoDbMembership = (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
): MembershipReader & SiteReader => {
  const read = (keys: readonly PrimaryKey[]): Promise<ItemLookup> =>
    readTogether(dynamoDb, { [tenancyTable]: keys });

  const parseMembership = (lookup: ItemLookup, workspaceId: WorkspaceId, sub: string) => ({
    workspace: workspaceItem.optional().parse(lookup(tenancyTable, primaryKey.workspace(workspaceId))),
    member: memberItem.optional().parse(lookup(tenancyTable, primaryKey.member(workspaceId, sub))),
  });

  const parseSite = (lookup: ItemLookup, workspaceId: WorkspaceId, siteId: SiteId) =>
    siteItem.optional().parse(lookup(tenancyTable, primaryKey.site(workspaceId, siteId)));

  return {
    readMembership: async (workspaceId, sub) => {
      const lookup = await read([primaryKey.workspace(workspaceId), primaryKey.member(workspaceId, sub)]);
      return parseMembership(lookup, workspaceId, sub);
    },
    readSiteMembership: async (siteId, sub) => {
      const workspaceId = workspaceOfSite(siteId);
      if (workspaceId === undefined) return { site: undefined, workspace: undefined, member: undefined };
      const lookup = await read([
        primaryKey.workspace(workspaceId),
        primaryKey.member(workspaceId, sub),
        primaryKey.site(workspaceId, siteId),
      ]);
      return {
        ...parseMembership(lookup, workspaceId, sub),
        site: parseSite(lookup, workspaceId, siteId),
      };
    },
    readSite: async (siteId) => {
      const workspaceId = workspaceOfSite(siteId);
      if (workspaceId === undefined) return undefined;
      const lookup = await read([primaryKey.workspace(workspaceId), primaryKey.site(workspaceId, siteId)]);
      const workspace = workspaceItem
        .optional()
        .parse(lookup(tenancyTable, primaryKey.workspace(workspaceId)));
      return workspace?.deletedAt === null ? parseSite(lookup, workspaceId, siteId) : undefined;
    },
  };
};
