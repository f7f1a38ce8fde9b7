import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { WorkspaceId } from '../../../domain/identifiers.ts';
import { type KeyAddress, PLATFORM_ADDRESS } from '../../../domain/keys/stored-key.ts';
import { siteBudget } from '../../../domain/limits.ts';
import { silentDayOf } from '../../../domain/sessions/silent-sessions.ts';
import type { SlotLease } from '../../../domain/sessions/slots.ts';
import { billingPeriodOf } from '../../../domain/tenancy/plan.ts';
import { clockMinuteOf } from '../../../domain/time.ts';
import type { TokenContextReader } from '../../../use-cases/ports/sessions.ts';
import { type ItemLookup, readTogether } from '../batch-get.ts';
import { budgetKeysOf, budgetsIn } from '../budgets/budget-item.ts';
import { stopKey } from '../calls/stop-key.ts';
import { queryAll } from '../dynamodb-pages.ts';
import { keyHealthItem } from '../keys/key-health-item.ts';
import { type KeyMarks, verifiedKey } from '../keys/key-marks.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';
import { siteItem, workspaceItem } from '../tenancy/tenancy-items.ts';
import { count, periodUsageItem } from '../usage/usage-items.ts';
import { leaseItem } from './lease-item.ts';
import { rateItem } from './session-items.ts';
import { embedFactsIn, embedKeysOf } from './visitor-writes.ts';

const silentItem = z.object({ sessions: count });

/** Maximum number of workspaces that a container remembers as using their own key. */
const MOST_REMEMBERED = 10_000;

/**
 * Hop 1 of the token path: one batch read and one query, in parallel. No item is cached. Tenancy and keys are read strongly
 * consistent: suspending a key takes effect with the next request. Counts may be slightly old, because the condition of the
 * admission's write decides. Each key is compared with its mark, which the same batch has read.
 *
 * A container remembers only which workspaces last used their own key, so that it need not read the platform's key for
 * them. If such a workspace has changed to managed mode, a second batch reads that key.
 */
export const dynamoDbTokenContext = (
  dynamoDb: DynamoDBDocumentClient,
  tables: {
    readonly tenancy: string;
    readonly keys: string;
    readonly limits: string;
    readonly usage: string;
  },
  marks: KeyMarks,
): TokenContextReader => {
  /** The condition of the write decides. Slightly old leases cost at most a second attempt. */
  const readLeases = (workspaceId: WorkspaceId, ConsistentRead: boolean): Promise<readonly SlotLease[]> =>
    queryAll(
      dynamoDb,
      {
        TableName: tables.limits,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': primaryKey.slot(workspaceId, '', 0).pk },
        ConsistentRead,
      },
      leaseItem,
    );

  /** Only a hint: the billing mode of a workspace is read with each request. */
  const payForThemselves = new Set<WorkspaceId>();
  const remember = (workspaceId: WorkspaceId, paysForItself: boolean): void => {
    if (!paysForItself) payForThemselves.delete(workspaceId);
    else if (payForThemselves.size < MOST_REMEMBERED) payForThemselves.add(workspaceId);
  };

  return {
    readCapacity: async (workspaceId, siteId, now, embed) => {
      const at = primaryKey.periodUsage(workspaceId, billingPeriodOf(now));
      const budgets = budgetKeysOf(workspaceId, siteId);
      const visit = embedKeysOf(siteId, now, embed);
      const [lookup, leases] = await Promise.all([
        readTogether(dynamoDb, {
          [tables.usage]: [at, ...budgets, ...visit.day],
          ...(visit.token.length > 0 && { [tables.limits]: visit.token }),
        }),
        readLeases(workspaceId, true),
      ]);
      return {
        period: periodUsageItem.parse(lookup(tables.usage, at) ?? {}),
        budgets: budgetsIn(lookup, tables.usage, budgets),
        embed: embedFactsIn(lookup, tables, visit),
        leases,
      };
    },
    readTokenContext: async (siteId, workspaceId, now, embed) => {
      const addresses = {
        site: { scope: 'site', scopeId: siteId, workspaceId },
        workspace: { scope: 'workspace', scopeId: workspaceId, workspaceId },
        platform: PLATFORM_ADDRESS,
      } as const;
      const at = {
        workspace: primaryKey.workspace(workspaceId),
        site: primaryKey.site(workspaceId, siteId),
        siteKey: primaryKey.key('site', siteId),
        workspaceKey: primaryKey.key('workspace', workspaceId),
        platformKey: primaryKey.key(PLATFORM_ADDRESS.scope, PLATFORM_ADDRESS.scopeId),
        siteRate: primaryKey.rate(siteBudget(siteId), clockMinuteOf(now)),
        period: primaryKey.periodUsage(workspaceId, billingPeriodOf(now)),
        silent: primaryKey.silentSessions(siteId, silentDayOf(now)),
        siteHealth: primaryKey.keyHealth(workspaceId, 'site', siteId),
        workspaceHealth: primaryKey.keyHealth(workspaceId, 'workspace', workspaceId),
        stageStop: stopKey(undefined),
        workspaceStop: stopKey(workspaceId),
        platformHealth: primaryKey.keyHealth(workspaceId, 'platform', PLATFORM_ADDRESS.scopeId),
        siteMark: primaryKey.keyMark('site', siteId),
        workspaceMark: primaryKey.keyMark('workspace', workspaceId),
        platformMark: primaryKey.keyMark(PLATFORM_ADDRESS.scope, PLATFORM_ADDRESS.scopeId),
      };
      const budgets = budgetKeysOf(workspaceId, siteId);
      const visit = embedKeysOf(siteId, now, embed);
      const ofPlatform = {
        [tables.tenancy]: [at.platformMark],
        [tables.keys]: [at.platformKey],
        [tables.limits]: [at.platformHealth],
        [tables.usage]: [at.silent],
      };
      const skipped = payForThemselves.has(workspaceId);
      const first = {
        [tables.tenancy]: [
          at.workspace,
          at.site,
          at.stageStop,
          at.workspaceStop,
          at.siteMark,
          at.workspaceMark,
          ...(skipped ? [] : [at.platformMark]),
        ],
        [tables.keys]: [at.siteKey, at.workspaceKey, ...(skipped ? [] : [at.platformKey])],
        [tables.limits]: [
          at.siteRate,
          at.siteHealth,
          at.workspaceHealth,
          ...(skipped ? [] : [at.platformHealth]),
          ...visit.token,
        ],
        [tables.usage]: [at.period, ...(skipped ? [] : [at.silent]), ...budgets, ...visit.day],
      };
      // The remaining time of a visitor is computed from this item, so the read must be consistent.
      const eventual = visit.day.length > 0 ? [] : [tables.limits, tables.usage];
      const [found, leases] = await Promise.all([
        readTogether(dynamoDb, first, {}, eventual),
        readLeases(workspaceId, false),
      ]);
      const workspace = workspaceItem.optional().parse(found(tables.tenancy, at.workspace));
      const paysForItself = workspace?.billingMode === 'byok';
      if (workspace !== undefined) remember(workspaceId, paysForItself);
      const late =
        skipped && !paysForItself ? await readTogether(dynamoDb, ofPlatform, {}, eventual) : undefined;
      const lookup: ItemLookup = (table, key) => found(table, key) ?? late?.(table, key);
      const verified = (address: KeyAddress, key: PrimaryKey, mark: PrimaryKey) =>
        verifiedKey(dynamoDb, tables, marks, address, {
          key: lookup(tables.keys, key),
          mark: lookup(tables.tenancy, mark),
        });
      // Makes no call unless one of the keys does not match its mark.
      const [siteKey, workspaceKey, platformKey] = await Promise.all([
        verified(addresses.site, at.siteKey, at.siteMark),
        verified(addresses.workspace, at.workspaceKey, at.workspaceMark),
        verified(addresses.platform, at.platformKey, at.platformMark),
      ]);
      return {
        workspace,
        site: siteItem.optional().parse(lookup(tables.tenancy, at.site)),
        siteKey,
        workspaceKey,
        platformKey,
        siteCalls: rateItem.optional().parse(lookup(tables.limits, at.siteRate))?.calls ?? 0,
        silentSessions: silentItem.parse(lookup(tables.usage, at.silent) ?? {}).sessions,
        period: periodUsageItem.parse(lookup(tables.usage, at.period) ?? {}),
        budgets: budgetsIn(lookup, tables.usage, budgets),
        embed: embedFactsIn(lookup, tables, visit),
        leases,
        stopped: [at.stageStop, at.workspaceStop].some((key) => lookup(tables.tenancy, key) !== undefined),
        health: {
          site: keyHealthItem.optional().parse(lookup(tables.limits, at.siteHealth)),
          workspace: keyHealthItem.optional().parse(lookup(tables.limits, at.workspaceHealth)),
          platform: keyHealthItem.optional().parse(lookup(tables.limits, at.platformHealth)),
        },
      };
    },
  };
};
