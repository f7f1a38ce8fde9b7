import type { DataOf } from '../api/routes.ts';

type Receipt = DataOf<'readSession'>['receipt'];

/** The difference between a page’s reports and the watcher’s count. */
export interface Drift {
  /** How much more the page reports than the watcher counted, US cents; null: one of the two has no known cost. */
  readonly cents: number | null;
  /** null: the watcher did not see the whole call, or the call continues. */
  readonly claimsTooMuch: boolean | null;
}

/** The drift of a watched call; undefined for a session that no watcher has counted. */
export const driftOf = (receipt: Receipt): Drift | undefined => {
  const { usage_source, cost_cents, unwatched_cost_cents, claimed_cost_cents, claims_too_much } = receipt;
  if (usage_source !== 'watched') return undefined;
  return {
    cents:
      cost_cents === null || claimed_cost_cents === null
        ? null
        : claimed_cost_cents - (cost_cents - unwatched_cost_cents),
    claimsTooMuch: claims_too_much,
  };
};
