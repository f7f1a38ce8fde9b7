import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { SiteId } from '../../../domain/identifiers.ts';
import type { KeyScope } from '../../../domain/keys/sealed-key.ts';
import { isLive, type KeyAddress, PLATFORM_ADDRESS } from '../../../domain/keys/stored-key.ts';
import { siteBudget } from '../../../domain/limits.ts';
import { silentDayOf } from '../../../domain/sessions/silent-sessions.ts';
import { billingPeriodOf } from '../../../domain/tenancy/plan.ts';
import { clockMinuteOf } from '../../../domain/time.ts';
import type { TokenContextReader } from '../../../use-cases/ports/sessions.ts';
import { type ItemLookup, readTogether } from '../batch-get.ts';
import { budgetKeysOf, budgetsIn } from '../budgets/budget-item.ts';
import { stopKey } from '../calls/stop-key.ts';
import { keyHealthItem } from '../keys/key-health-item.ts';
import { type KeyMarks, verifiedKey } from '../keys/key-marks.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';
import { siteItem, workspaceItem } from '../tenancy/tenancy-items.ts';
import { count, periodUsageItem } from '../usage/usage-items.ts';
import { rateItem } from './session-items.ts';
import { readSlotPartition } from './slot-partition.ts';
import { embedFactsIn, embedKeysOf } from './visitor-writes.ts';

const silentItem = z.object({ sessions: count });

/** Maximum number of sites for which a container remembers where their key was. */
const MOST_REMEMBERED = 10_000;

/** The items to read of each table. */
type Wanted = Readonly<Record<'tenancy' | 'keys' | 'limits' | 'usage', readonly PrimaryKey[]>>;

/**
 * Hop 1 of the token path: one batch read and one query, in parallel. No item is cached. Tenancy and marks of keys are read
 * strongly consistent: suspending a key takes effect with the next request. A key itself may be slightly old, because it must
 * match its mark, which the same batch reads. If it does not match, both are read again. Counts may be slightly old, because the
 * condition of the admission's write decides.
 *
 * A container remembers for each site only where its key was: at the site, the workspace or the platform. So it need not read
 * the other keys. If the key is somewhere else now, a second batch reads the rest.
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
  /** Only a hint: the billing mode and the key of the site are read with each request. */
  const keyWasAt = new Map<SiteId, KeyScope>();
  const remember = (siteId: SiteId, scope: KeyScope): void => {
    if (keyWasAt.has(siteId) || keyWasAt.size < MOST_REMEMBERED) keyWasAt.set(siteId, scope);
  };

  return {
    readCapacity: async (workspaceId, siteId, now, embed) => {
      const at = primaryKey.periodUsage(workspaceId, billingPeriodOf(now));
      const budgets = budgetKeysOf(workspaceId, siteId);
      const visit = embedKeysOf(siteId, now, embed);
      const [lookup, { leases }] = await Promise.all([
        readTogether(dynamoDb, {
          [tables.usage]: [at, ...budgets, ...visit.day],
          ...(visit.token.length > 0 && { [tables.limits]: visit.token }),
        }),
        readSlotPartition(dynamoDb, tables.limits, workspaceId, true),
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
        stageStop: stopKey(undefined),
        workspaceStop: stopKey(workspaceId),
        siteMark: primaryKey.keyMark('site', siteId),
        workspaceMark: primaryKey.keyMark('workspace', workspaceId),
        platformMark: primaryKey.keyMark(PLATFORM_ADDRESS.scope, PLATFORM_ADDRESS.scopeId),
      };
      const budgets = budgetKeysOf(workspaceId, siteId);
      const visit = embedKeysOf(siteId, now, embed);
      const always: Wanted = {
        tenancy: [at.workspace, at.site, at.stageStop, at.workspaceStop],
        keys: [],
        limits: [at.siteRate, ...visit.token],
        usage: visit.day,
      };
      const ofSite = { tenancy: [at.siteMark], keys: [at.siteKey], limits: [], usage: budgets };
      const ofWorkspace = { tenancy: [at.workspaceMark], keys: [at.workspaceKey], limits: [], usage: [] };
      /** Items that a session needs, by the place of its key. A site without a key has no reports on it. */
      const neededAt: Readonly<Record<KeyScope, Wanted>> = {
        site: { ...ofSite, limits: [at.siteHealth] },
        workspace: joined(ofSite, ofWorkspace),
        platform: {
          tenancy: [at.platformMark],
          keys: [at.platformKey],
          limits: [],
          usage: [at.period, at.silent],
        },
      };
      const everything = joined(neededAt.site, ofWorkspace, neededAt.platform);
      const remembered = keyWasAt.get(siteId);
      const first = remembered === undefined ? everything : neededAt[remembered];
      // The remaining time of a visitor is computed from this item, so the read must be consistent.
      const eventual = [tables.keys, ...(visit.day.length > 0 ? [] : [tables.limits, tables.usage])];
      const read = (wanted: Wanted): Promise<ItemLookup> =>
        readTogether(
          dynamoDb,
          Object.fromEntries(
            (['tenancy', 'keys', 'limits', 'usage'] as const).flatMap((table) =>
              wanted[table].length === 0 ? [] : [[tables[table], wanted[table]]],
            ),
          ),
          {},
          eventual,
        );
      const keysIn = async (lookup: ItemLookup) => {
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
        return { siteKey, workspaceKey, platformKey };
      };
      const [found, slots] = await Promise.all([
        read(joined(always, first)),
        readSlotPartition(dynamoDb, tables.limits, workspaceId, false),
      ]);
      let lookup = found;
      let keys = await keysIn(found);
      const workspace = workspaceItem.optional().parse(found(tables.tenancy, at.workspace));
      const site = siteItem.optional().parse(found(tables.tenancy, at.site));
      if (workspace !== undefined) {
        const scopeNow = (): KeyScope => {
          if (workspace.billingMode === 'managed') return 'platform';
          return isLive(keys.siteKey) ? 'site' : 'workspace';
        };
        if (remembered !== undefined && scopeNow() !== remembered) {
          const late = await read(without(everything, first));
          lookup = (table, key) => found(table, key) ?? late(table, key);
          keys = await keysIn(lookup);
        }
        if (site !== undefined) remember(siteId, scopeNow());
      }
      return {
        workspace,
        site,
        ...keys,
        siteCalls: rateItem.optional().parse(lookup(tables.limits, at.siteRate))?.calls ?? 0,
        silentSessions: silentItem.parse(lookup(tables.usage, at.silent) ?? {}).sessions,
        period: periodUsageItem.parse(lookup(tables.usage, at.period) ?? {}),
        budgets: budgetsIn(lookup, tables.usage, budgets),
        embed: embedFactsIn(lookup, tables, visit),
        leases: slots.leases,
        stopped: [at.stageStop, at.workspaceStop].some((key) => lookup(tables.tenancy, key) !== undefined),
        health: {
          site: keyHealthItem.optional().parse(lookup(tables.limits, at.siteHealth)),
          ...slots.health,
        },
      };
    },
  };
};

const joined = (...parts: readonly Wanted[]): Wanted => ({
  tenancy: parts.flatMap(({ tenancy }) => tenancy),
  keys: parts.flatMap(({ keys }) => keys),
  limits: parts.flatMap(({ limits }) => limits),
  usage: parts.flatMap(({ usage }) => usage),
});

/** The items of `all` that are not among those of `read`. */
const without = (all: Wanted, read: Wanted): Wanted => ({
  tenancy: all.tenancy.filter((key) => !read.tenancy.includes(key)),
  keys: all.keys.filter((key) => !read.keys.includes(key)),
  limits: all.limits.filter((key) => !read.limits.includes(key)),
  usage: all.usage.filter((key) => !read.usage.includes(key)),
});
