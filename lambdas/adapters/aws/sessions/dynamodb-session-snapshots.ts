import { type DynamoDBDocumentClient, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { workspaceOfSite } from '../../../domain/identifiers.ts';
import { PLATFORM_ADDRESS } from '../../../domain/keys/stored-key.ts';
import type { KeyHealthStore } from '../../../use-cases/ports/keys.ts';
import type { SessionSnapshots } from '../../../use-cases/ports/sessions.ts';
import type { PlanNotices } from '../../../use-cases/ports/usage.ts';
import { callAws } from '../aws-calls.ts';
import { readTogether } from '../batch-get.ts';
import { budgetKeysOf, budgetsIn } from '../budgets/budget-item.ts';
import { ifRevision } from '../expressions.ts';
import { keyHealthItem } from '../keys/key-health-item.ts';
import { primaryKey } from '../table-keys.ts';
import { siteItem, workspaceItem } from '../tenancy/tenancy-items.ts';
import { dynamoDbPlanNotices } from '../usage/dynamodb-plan-notices.ts';
import { issuedSessionItem } from './session-items.ts';
import { sessionUsageItem } from './session-usage-item.ts';

export interface EventTables {
  readonly tenancy: string;
  readonly sessions: string;
  readonly limits: string;
  readonly usage: string;
}

/** Reports on a key have no effect after the quorum's window. They are kept a little longer for investigations. */
export const KEEP_HEALTH_SECONDS = 86_400;

/** Reads the state of a session for its reports, and writes everything in reports that is not session usage. */
export const dynamoDbSessionSnapshots = (
  dynamoDb: DynamoDBDocumentClient,
  tables: EventTables,
): SessionSnapshots & KeyHealthStore & PlanNotices => ({
  readSnapshot: async (siteId, sessionId) => {
    const workspaceId = workspaceOfSite(siteId);
    if (workspaceId === undefined) return undefined;
    const at = {
      session: primaryKey.session({ siteId, workspaceId }, sessionId),
      meter: primaryKey.sessionUsage(siteId, sessionId),
      workspace: primaryKey.workspace(workspaceId),
      site: primaryKey.site(workspaceId, siteId),
    };
    const health = {
      site: primaryKey.keyHealth(workspaceId, 'site', siteId),
      workspace: primaryKey.keyHealth(workspaceId, 'workspace', workspaceId),
      platform: primaryKey.keyHealth(workspaceId, 'platform', PLATFORM_ADDRESS.scopeId),
    };
    const budgets = budgetKeysOf(workspaceId, siteId);
    const lookup = await readTogether(dynamoDb, {
      [tables.sessions]: [at.session],
      [tables.usage]: [at.meter, ...budgets],
      [tables.tenancy]: [at.workspace, at.site],
      [tables.limits]: Object.values(health),
    });
    const session = issuedSessionItem.safeParse(lookup(tables.sessions, at.session)).data;
    if (session === undefined) return undefined;
    return {
      session,
      usage: sessionUsageItem.optional().parse(lookup(tables.usage, at.meter)),
      workspace: workspaceItem.optional().parse(lookup(tables.tenancy, at.workspace)),
      site: siteItem.optional().parse(lookup(tables.tenancy, at.site)),
      health: keyHealthItem.optional().parse(lookup(tables.limits, health[session.keyScope])),
      budgets: budgetsIn(lookup, tables.usage, budgets),
    };
  },

  saveHealth: async ({ workspaceId, keyScope, keyScopeId }, health, now) => {
    await callAws('dynamodb', 'PutItem', () =>
      dynamoDb.send(
        new PutCommand({
          TableName: tables.limits,
          Item: {
            ...primaryKey.keyHealth(workspaceId, keyScope, keyScopeId),
            ...health,
            revision: health.revision + 1,
            expires_at: Math.floor(now.getTime() / 1_000) + KEEP_HEALTH_SECONDS,
          },
          ...ifRevision(health.revision),
        }),
      ),
    );
  },

  noteDegraded: async ({ keyScope, keyScopeId, keyVersion }, until) => {
    await callAws('dynamodb', 'UpdateItem', () =>
      dynamoDb.send(
        new UpdateCommand({
          TableName: tables.sessions,
          Key: primaryKey.keyActivity(keyScope, keyScopeId),
          ...(until === undefined
            ? { UpdateExpression: 'REMOVE degraded' }
            : {
                UpdateExpression: 'SET degraded = :degraded',
                ExpressionAttributeValues: {
                  ':degraded': { version: keyVersion, until: until.toISOString() },
                },
              }),
        }),
      ),
    );
  },

  ...dynamoDbPlanNotices(dynamoDb, tables, 'events'),
});
