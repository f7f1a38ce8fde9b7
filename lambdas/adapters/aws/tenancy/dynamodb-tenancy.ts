import { type DynamoDBDocumentClient, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { AuditEvent } from '../../../domain/audit/audit-record.ts';
import { invalidCursor } from '../../../domain/broker-error.ts';
import type { WorkspaceId } from '../../../domain/identifiers.ts';
import type { Member, SiteQuota } from '../../../domain/tenancy/workspace.ts';
import type { Tenancy, TenancyDeletion } from '../../../use-cases/ports/tenancy.ts';
import { eventPut, type TransactWrite } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { readTogether } from '../batch-get.ts';
import { queryPage } from '../dynamodb-pages.ts';
import { primaryKey } from '../table-keys.ts';
import { dynamoDbMembership } from './dynamodb-membership.ts';
import { memberUpdate, memberWrites, sameRole } from './member-writes.ts';
import { removalPuts } from './removals.ts';
import { formerInstructionsItem, memberItem, workspaceItem } from './tenancy-items.ts';

export interface TenancyTable {
  readonly name: string;
  /** Members by `sub`. */
  readonly indexName: string;
  readonly writer: 'manage' | 'keys';
}

/** Where a page of workspaces can start. */
const WORKSPACE_KEY = new RegExp(`^${primaryKey.workspace('' as WorkspaceId).pk}[a-z0-9]{12}$`);

/** Workspaces, members and sites. Each change is one conditional write, or one transaction of them. */
export const dynamoDbTenancy = (
  dynamoDb: DynamoDBDocumentClient,
  table: TenancyTable,
): Tenancy & TenancyDeletion => {
  const membership = dynamoDbMembership(dynamoDb, table.name);

  const write = (...TransactItems: TransactWrite[]): Promise<unknown> =>
    callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(new TransactWriteCommand({ TransactItems })),
    );

  const putNew = (item: Readonly<Record<string, unknown>>): TransactWrite => ({
    Put: { TableName: table.name, Item: { ...item }, ConditionExpression: 'attribute_not_exists(pk)' },
  });

  const { ownerChange } = memberWrites(table.name);

  /** Counts one more site within the plan's cap. If two writes compete for the last site, one fails. */
  const reserveSiteQuota = (
    workspaceId: WorkspaceId,
    { plan, billingMode, maxSites }: SiteQuota,
  ): TransactWrite => ({
    Update: {
      TableName: table.name,
      Key: primaryKey.workspace(workspaceId),
      UpdateExpression: 'ADD siteCount :one',
      ConditionExpression: `deletedAt = :null AND #plan = :plan AND billingMode = :mode${
        maxSites === null ? '' : ' AND (attribute_not_exists(siteCount) OR siteCount < :max)'
      }`,
      ExpressionAttributeNames: { '#plan': 'plan' },
      ExpressionAttributeValues: {
        ':one': 1,
        ':null': null,
        ':plan': plan,
        ':mode': billingMode,
        ...(maxSites !== null && { ':max': maxSites }),
      },
    },
  });

  /** Also for a deleted workspace, because its sites are archived after it is marked. */
  const givePlaceBack = (workspaceId: WorkspaceId): TransactWrite => ({
    Update: {
      TableName: table.name,
      Key: primaryKey.workspace(workspaceId),
      UpdateExpression: 'ADD siteCount :minusOne',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeValues: { ':minusOne': -1 },
    },
  });

  return {
    ...membership,
    createWorkspace: async (workspace, owner, event) => {
      await write(
        eventPut(table.name, table.writer, event),
        putNew({ ...primaryKey.workspace(workspace.workspaceId), ...workspace }),
        putNew({ ...primaryKey.member(workspace.workspaceId, owner.sub), ...owner }),
      );
    },

    listWorkspaces: async (sub, { limit, after }) => {
      if (after !== undefined && !WORKSPACE_KEY.test(after)) throw invalidCursor();
      // Eventually consistent, like every index. Authorization never depends on it.
      const { Items = [], LastEvaluatedKey } = await callAws('dynamodb', 'Query', () =>
        dynamoDb.send(
          new QueryCommand({
            TableName: table.name,
            IndexName: table.indexName,
            KeyConditionExpression: '#sub = :sub',
            ExpressionAttributeNames: { '#sub': 'sub' },
            ExpressionAttributeValues: { ':sub': sub },
            Limit: limit,
            ...(after !== undefined && {
              ExclusiveStartKey: { sub, pk: after, sk: primaryKey.member('' as WorkspaceId, sub).sk },
            }),
          }),
        ),
      );
      const members = Items.map((item) => memberItem.parse(item));
      const keys = members.map(({ workspaceId }) => primaryKey.workspace(workspaceId));
      const lookup = keys.length === 0 ? undefined : await readTogether(dynamoDb, { [table.name]: keys });
      const items = members.flatMap(({ workspaceId, role }) => {
        const item = lookup?.(table.name, primaryKey.workspace(workspaceId));
        const workspace = workspaceItem.optional().parse(item);
        return workspace?.deletedAt === null ? [{ workspace, role }] : [];
      });
      return { items, next: LastEvaluatedKey === undefined ? undefined : String(LastEvaluatedKey['pk']) };
    },

    changeWorkspace: async (workspaceId, change, event) => {
      if (Object.keys(change).length === 0) return;
      await write(
        eventPut(table.name, table.writer, event),
        updateOf(table.name, primaryKey.workspace(workspaceId), change, 'deletedAt = :null', {
          ':null': null,
        }),
      );
    },

    listMembers: (workspaceId, page) => {
      const { pk } = primaryKey.workspace(workspaceId);
      return queryPage(
        dynamoDb,
        { TableName: table.name, pk, within: { prefix: 'MEMBER#' } },
        page,
        memberItem,
      );
    },

    readMember: async (workspaceId, sub) => (await membership.readMembership(workspaceId, sub)).member,

    saveMember: async (member: Member, previous: Member | undefined, event: AuditEvent) => {
      const { workspaceId, sub } = member;
      await write(
        eventPut(table.name, table.writer, event),
        previous === undefined
          ? putNew({ ...primaryKey.member(workspaceId, sub), ...member })
          : memberUpdate(table.name, member, previous),
        ownerChange(previous?.role === 'owner', member.role === 'owner', workspaceId),
      );
    },

    removeMember: async (member, event) => {
      await write(
        eventPut(table.name, table.writer, event),
        {
          Delete: {
            TableName: table.name,
            Key: primaryKey.member(member.workspaceId, member.sub),
            ...sameRole(member),
          },
        },
        ...removalPuts(table.name, member.workspaceId, member, event.at),
        ownerChange(member.role === 'owner', false, member.workspaceId),
      );
    },

    createSite: async (site, quota, event) => {
      await write(
        eventPut(table.name, table.writer, event),
        putNew({ ...primaryKey.site(site.workspaceId, site.siteId), ...site }),
        reserveSiteQuota(site.workspaceId, quota),
      );
    },

    changeSite: async ({ workspaceId, siteId, instructions }, change, event) => {
      if (Object.keys(change).length === 0) return;
      await write(
        eventPut(table.name, table.writer, event),
        updateOf(
          table.name,
          primaryKey.site(workspaceId, siteId),
          change,
          // Otherwise, unseen instructions would be replaced and lost.
          change.instructions === undefined ? 'attribute_exists(pk)' : 'instructions = :read',
          change.instructions === undefined ? {} : { ':read': instructions },
        ),
        ...(change.instructions === undefined || change.instructions === instructions
          ? []
          : [
              {
                Put: {
                  TableName: table.name,
                  Item: {
                    ...primaryKey.formerInstructions(workspaceId, siteId, event.at),
                    instructions,
                    replacedAt: event.at,
                    replacedBy: event.actor,
                  },
                },
              },
            ]),
      );
    },

    listFormerInstructions: ({ workspaceId, siteId }, page) => {
      const { pk, sk } = primaryKey.formerInstructions(workspaceId, siteId, '');
      return queryPage(
        dynamoDb,
        { TableName: table.name, pk, within: { prefix: sk }, newestFirst: true },
        page,
        formerInstructionsItem,
      );
    },

    markWorkspaceDeleted: async (workspaceId, event) => {
      await write(
        eventPut(table.name, table.writer, event),
        updateOf(
          table.name,
          primaryKey.workspace(workspaceId),
          { deletedAt: event.at, deletedBy: event.actor },
          'deletedAt = :null',
          { ':null': null },
        ),
      );
    },

    archiveSite: async (site, event) => {
      await write(
        eventPut(table.name, table.writer, event),
        {
          Delete: {
            TableName: table.name,
            Key: primaryKey.site(site.workspaceId, site.siteId),
            ConditionExpression: 'attribute_exists(pk)',
          },
        },
        {
          Put: {
            TableName: table.name,
            Item: {
              ...primaryKey.archivedSite(site.workspaceId, site.siteId),
              ...site,
              archivedAt: event.at,
              archivedBy: event.actor,
            },
          },
        },
        givePlaceBack(site.workspaceId),
      );
    },
  };
};

/** Sets `attributes` on an item, if `condition` holds. */
const updateOf = (
  TableName: string,
  Key: { readonly pk: string; readonly sk: string },
  attributes: Readonly<Record<string, unknown>>,
  ConditionExpression: string,
  conditionValues: Readonly<Record<string, unknown>>,
): TransactWrite => {
  const entries = Object.entries(attributes);
  return {
    Update: {
      TableName,
      Key,
      UpdateExpression: `SET ${entries.map((_, i) => `#a${i} = :a${i}`).join(', ')}`,
      ConditionExpression,
      ExpressionAttributeNames: Object.fromEntries(entries.map(([name], i) => [`#a${i}`, name])),
      ExpressionAttributeValues: {
        ...Object.fromEntries(entries.map(([, value], i) => [`:a${i}`, value])),
        ...conditionValues,
      },
    },
  };
};
