import type { SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import type { KeyScope } from '../../domain/keys/sealed-key.ts';
import { type KeyAddress, PLATFORM_ADDRESS } from '../../domain/keys/stored-key.ts';
import { concurrencyLimitOf, managedConcurrencyOf } from '../../domain/limits.ts';
import type { HeldSlot } from '../../domain/sessions/recorded-session.ts';
import { type Plan, planNamed } from '../../domain/tenancy/plan.ts';
import type { Caller, Workspace } from '../../domain/tenancy/workspace.ts';
import type { StoredKeyPools } from '../ports/keys.ts';
import type { Clock } from '../ports/runtime.ts';
import type { SlotReader } from '../ports/sessions.ts';
import type { MembershipReader, SiteLister } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';

/** Sites read in one page. */
const SITES_READ = 100;

/** One stored OpenAI key, and the number of its live sessions. */
export interface KeyConcurrency {
  /** The scope of the key. A key that is stored at several scopes is one key, named after the first scope in use. */
  readonly scope: KeyScope;
  readonly scopeId: string;
  /** Concurrent sessions allowed; null: unlimited. */
  readonly limit: number | null;
  readonly active: number;
  /** When the earliest lease ends unless its session reports, unix seconds; undefined while no slot is taken. */
  readonly earliestExpiry: number | undefined;
  readonly sites: readonly { readonly siteId: SiteId; readonly active: number }[];
}

export interface Concurrency {
  readonly at: Date;
  /** Every stored key, and deleted keys with live sessions. */
  readonly keys: readonly KeyConcurrency[];
}

/** Viewer. Returns every stored key with its occupied slots, by site. Expired leases do not count, even if DynamoDB has not deleted them yet. */
export const readConcurrency =
  ({
    clock,
    tenancy,
    slots,
    plans,
    keys: storedKeys,
  }: {
    readonly clock: Clock;
    readonly tenancy: MembershipReader & SiteLister;
    readonly slots: SlotReader;
    readonly plans: readonly Plan[];
    readonly keys: StoredKeyPools;
  }) =>
  async (caller: Caller, workspaceId: WorkspaceId): Promise<Concurrency> => {
    const workspace = await authorizeWorkspace(tenancy, caller, workspaceId, 'viewer');
    const at = clock();
    const [allHeld, stored] = await Promise.all([
      slots.listHeld(workspaceId),
      addressesOf(tenancy, workspace).then((addresses) => storedKeys.listPools(addresses)),
    ]);
    const taken = allHeld.filter(
      ({ pool, expiresAt }) => !isShareOfSite(pool) && expiresAt * 1_000 > at.getTime(),
    );
    const busy = Map.groupBy(taken, ({ pool }) => pool);
    const idle = new Map(stored.toReversed().map((key) => [key.pool, key]));
    for (const pool of busy.keys()) idle.delete(pool);
    const limitOn = (scope: KeyScope): number | null =>
      scope === 'platform'
        ? (managedConcurrencyOf(workspace, planNamed(plans, workspace.plan)) ?? null)
        : concurrencyLimitOf(workspace);
    return {
      at,
      keys: [
        ...[...busy.values()].flatMap((held) => keyOf(held, limitOn)),
        ...[...idle.values()].toReversed().map(({ scope, scopeId }) => ({
          scope,
          scopeId,
          limit: limitOn(scope),
          active: 0,
          earliestExpiry: undefined,
          sites: [],
        })),
      ],
    };
  };

/** The scopes at which keys of the workspace can be stored: its own first, then each site; the platform's in managed mode. */
const addressesOf = async (
  tenancy: SiteLister,
  { workspaceId, billingMode }: Workspace,
): Promise<readonly KeyAddress[]> => {
  const addresses: KeyAddress[] = [{ scope: 'workspace', scopeId: workspaceId, workspaceId }];
  if (billingMode === 'managed') addresses.unshift(PLATFORM_ADDRESS);
  let after: string | undefined;
  do {
    const page = await tenancy.listSites(workspaceId, { limit: SITES_READ, after });
    addresses.push(
      ...page.items.map(({ siteId }) => ({ scope: 'site', scopeId: siteId, workspaceId }) as const),
    );
    after = page.next;
  } while (after !== undefined);
  return addresses;
};

/** With a fair share a session holds a second slot, in the pool of its site (domain/sessions/session.ts). */
const isShareOfSite = (pool: string): boolean => pool.includes('#');

const keyOf = (
  held: readonly HeldSlot[],
  limitOn: (scope: KeyScope) => number | null,
): readonly KeyConcurrency[] => {
  const [first] = held;
  if (first === undefined) return [];
  return [
    {
      scope: first.keyScope,
      scopeId: first.keyScopeId,
      limit: limitOn(first.keyScope),
      active: held.length,
      earliestExpiry: Math.min(...held.map(({ expiresAt }) => expiresAt)),
      sites: [...Map.groupBy(held, ({ siteId }) => siteId)]
        .map(([siteId, own]) => ({ siteId, active: own.length }))
        .toSorted((a, b) => b.active - a.active || (a.siteId < b.siteId ? -1 : 1)),
    },
  ];
};
