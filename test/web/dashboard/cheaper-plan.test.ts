import { expect, it } from '@jest/globals';
import { planIsCheaper } from '../../../web/dashboard/src/calculator/cheaper-plan.ts';

it.each([
  ['ends at its cap, above these minutes too', 0, null, 30, 'up to 30 min'],
  ['has no cap', 0, null, null, 'always'],
  ['pays from some minutes on', 600, null, null, 'from 600 min'],
  ['pays until its overage costs more', 600, 2_000, null, 'from 600 to 2,000 min'],
  ['pays from some minutes until its cap', 600, null, 2_000, 'from 600 to 2,000 min'],
] as const)('the calculator shows when a plan is cheaper that %s', (_, from, above, cap, words) => {
  for (const served of [true, false])
    expect(
      planIsCheaper({ break_even_minutes: from, byok_again_minutes: above, cost_cents: 0, served }, cap),
    ).toBe(words);
});

it('the calculator does not call a plan without a known price never cheaper', () => {
  const never = { break_even_minutes: null, byok_again_minutes: null };
  expect(planIsCheaper({ ...never, cost_cents: 2_900, served: true }, null)).toBe('never');
  expect(planIsCheaper({ ...never, cost_cents: null, served: false }, 30)).toBe('never');
  expect(planIsCheaper({ ...never, cost_cents: null, served: true }, null)).toBe('–');
});
