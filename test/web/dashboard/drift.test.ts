import { expect, it } from '@jest/globals';
import type { DataOf } from '../../../web/dashboard/src/api/routes.ts';
import { driftOf } from '../../../web/dashboard/src/usage/drift.ts';

type Receipt = DataOf<'readSession'>['receipt'];

const receipt = (facts: Partial<Receipt>): Receipt =>
  ({
    usage_source: 'watched',
    cost_cents: 5,
    unwatched_cost_cents: 0,
    claimed_cost_cents: 3,
    claims_too_much: false,
    ...facts,
  }) as Receipt;

it('the drift of a watched call is the reported cost minus the counted cost', () => {
  expect(driftOf(receipt({}))).toEqual({
    cents: -2,
    claimsTooMuch: false,
  });
});

it('the drift of a call that had no watcher for a time leaves out the estimate, which no watcher counted', () => {
  expect(driftOf(receipt({ cost_cents: 7, unwatched_cost_cents: 2 }))?.cents).toBe(-2);
});

it('the drift of an unwatched session is missing, and the drift at an unknown price has no cost', () => {
  expect(driftOf(receipt({ usage_source: 'browser' }))).toBeUndefined();
  expect(driftOf(receipt({ cost_cents: null }))?.cents).toBeNull();
  expect(driftOf(receipt({ claimed_cost_cents: null }))?.cents).toBeNull();
});
