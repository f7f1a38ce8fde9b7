import { describe, expect, it } from '@jest/globals';
import { plansVariable, type StatedPlan, statedPlan } from '../../lambdas/contract/plans.ts';
import { BUILT_IN_PLANS } from '../../lambdas/domain/tenancy/plan.ts';

const FREE: StatedPlan = {
  name: 'free',
  monthly_usd: 0,
  included_minutes: 100,
  hard_cap: true,
  overage_usd_per_minute: null,
  max_sites: 1,
  max_concurrent: 5,
  max_byok_sites: null,
};
const GOLD: StatedPlan = {
  name: 'gold',
  monthly_usd: 49.5,
  included_minutes: 700,
  hard_cap: false,
  overage_usd_per_minute: 0.065,
  max_sites: 5,
  max_concurrent: null,
  max_byok_sites: null,
};

const faultsOf = (stated: unknown): readonly string[] => {
  const text = typeof stated === 'string' ? stated : JSON.stringify(stated);
  const parsed = plansVariable.safeParse(text);
  return parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
};

describe('the PLANS variable', () => {
  it('selects the built-in plans if it is missing or empty', () => {
    expect(plansVariable.parse(undefined)).toEqual(BUILT_IN_PLANS);
    expect(plansVariable.parse('')).toEqual(BUILT_IN_PLANS);
  });

  it('replaces the built-in plans completely, exact to the micro-cent', () => {
    expect(plansVariable.parse(JSON.stringify([FREE, GOLD]))).toEqual([
      BUILT_IN_PLANS[0],
      {
        name: 'gold',
        monthlyMicroCents: 4_950_000_000,
        includedMinutes: 700,
        hardCap: false,
        overageMicroCentsPerMinute: 6_500_000,
        maxSites: 5,
        maxConcurrent: null,
        maxByokSites: null,
      },
    ]);
  });

  it('can be written back from its plans', () => {
    expect(plansVariable.parse(JSON.stringify([GOLD, FREE])).map(statedPlan)).toEqual([GOLD, FREE]);
  });

  it.each<[string, unknown, string]>([
    ['no JSON', '[', 'Must be JSON'],
    ['no list', { free: FREE }, 'array'],
    ['no plan at all', [], 'a plan named free'],
    ['no plan for new workspaces', [GOLD], 'a plan named free'],
    ['the same name twice', [FREE, FREE], 'unique'],
    ['an unknown field', [{ ...FREE, price: 1 }], 'price'],
    ['a missing field', [{ ...FREE, max_sites: undefined, max_byok_sites: null }], '0.max_sites'],
    ['a hard cap without minutes', [{ ...FREE, included_minutes: null }], '0.included_minutes: A hard cap'],
    [
      'a soft cap without a price beyond it',
      [FREE, { ...GOLD, overage_usd_per_minute: null }],
      '1.overage_usd_per_minute: A soft cap',
    ],
    ['a negative price', [{ ...FREE, monthly_usd: -1 }], '0.monthly_usd'],
    ['a part of a minute', [{ ...FREE, included_minutes: 1.5 }], '0.included_minutes'],
    ['an invalid name', [FREE, { ...GOLD, name: 'Gold!' }], '1.name'],
  ])('with %s is refused, and the fault is named', (_, stated, fault) => {
    expect(faultsOf(stated)).toEqual([expect.stringMatching(new RegExp(fault))]);
  });
});
