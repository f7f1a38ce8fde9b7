import type { SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import type { KeyScope } from '../../domain/keys/sealed-key.ts';
import { concurrencyLimitOf, managedConcurrencyOf } from '../../domain/limits.ts';
import type { HeldSlot } from '../../domain/sessions/recorded-session.ts';
import { type Plan, planNamed } from '../../domain/tenancy/plan.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { Clock } from '../ports/runtime.ts';
import type { SlotReader } from '../ports/sessions.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';

/** One OpenAI key that sessions run on now. */
export interface KeyConcurrency {
  /** Where the key is stored. A key that is stored at several places is one key, named after the first that runs. */
  readonly scope: KeyScope;
  readonly scopeId: string;
  /** Sessions allowed at a time; null: no limit of ours. */
  readonly limit: number | null;
  readonly active: number;
  /** When the earliest lease ends unless its session reports, unix seconds. */
  readonly earliestExpiry: number;
  readonly sites: readonly { readonly siteId: SiteId; readonly active: number }[];
}

export interface Concurrency {
  readonly at: Date;
  /** Keys with at least one active session. */
  readonly keys: readonly KeyConcurrency[];
}

/** Viewer. Which slots are taken now, and by which sites. Expired leases do not count, whether or not they still lie there. */
export const readConcurrency =
  ({
    clock,
    tenancy,
    slots,
    plans,
  }: {
    readonly clock: Clock;
    readonly tenancy: MembershipReader;
    readonly slots: SlotReader;
    readonly plans: readonly Plan[];
  }) =>
  async (caller: Caller, workspaceId: WorkspaceId): Promise<Concurrency> => {
    const workspace = await authorizeWorkspace(tenancy, caller, workspaceId, 'viewer');
    const at = clock();
    const taken = (await slots.listHeld(workspaceId)).filter(
      ({ pool, expiresAt }) => !isShareOfSite(pool) && expiresAt * 1_000 > at.getTime(),
    );
    const limitOn = (scope: KeyScope): number | null =>
      scope === 'platform'
        ? (managedConcurrencyOf(workspace, planNamed(plans, workspace.plan)) ?? null)
        : concurrencyLimitOf(workspace);
    return {
      at,
      keys: [...Map.groupBy(taken, ({ pool }) => pool).values()].flatMap((held) => keyOf(held, limitOn)),
    };
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
