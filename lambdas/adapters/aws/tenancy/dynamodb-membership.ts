import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type SiteId, type WorkspaceId, workspaceOfSite } from '../../../domain/identifiers.ts';
import type { MembershipReader, SiteLister, SiteReader } from '../../../use-cases/ports/tenancy.ts';
import { type ItemLookup, readTogether } from '../batch-get.ts';
import { queryPage } from '../dynamodb-pages.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';
import { memberItem, siteItem, workspaceItem } from './tenancy-items.ts';

/** Roles of members, read from the tenancy table each time. */
export const dynamoDbMembership = (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
): MembershipReader & SiteReader & SiteLister => {
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
    listSites: (workspaceId, page) => {
      const { pk } = primaryKey.workspace(workspaceId);
      return queryPage(
        dynamoDb,
        { TableName: tenancyTable, pk, within: { prefix: 'SITE#' } },
        page,
        siteItem,
      );
    },
    readSite: async (siteId) => {
      const workspaceId = workspaceOfSite(siteId);
      if (workspaceId === undefined) return undefined;
      const lookup = await read([primaryKey.workspace(workspaceId), primaryKey.site(workspaceId, siteId)]);
      const workspace = workspaceItem
        .optional()
        .parse(lookup(tenancyTable, primaryKey.workspace(workspaceId)));
      const site = workspace?.deletedAt === null ? parseSite(lookup, workspaceId, siteId) : undefined;
      return site && workspace && { ...site, errorDays: workspace.retention.errorDays };
    },
  };
};
