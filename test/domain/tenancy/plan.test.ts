import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  BUILT_IN_PLANS,
  billingPeriodOf,
  DEFAULT_PLAN,
  minutesExhausted,
  overageOf,
  type Plan,
  planNamed,
  secondsToNextPeriod,
  siteCapOf,
  thresholdReached,
} from '../../../lambdas/domain/tenancy/plan.ts';
import { BILLING_MODES } from '../../../lambdas/domain/tenancy/workspace.ts';

const exhausted = (plan: string, usedSeconds: number): boolean =>
  minutesExhausted(planNamed(BUILT_IN_PLANS, plan), usedSeconds);

describe('the hard cap of the free plan', () => {
  it('allows the last second and stops at exactly 100 minutes', () => {
    expect(exhausted('free', 0)).toBe(false);
    expect(exhausted('free', 5_999)).toBe(false);
    expect(exhausted('free', 5_999.999)).toBe(false);
    expect(exhausted('free', 6_000)).toBe(true);
    expect(exhausted('free', 6_001)).toBe(true);
    expect(exhausted('free', Number.MAX_SAFE_INTEGER)).toBe(true);
  });

  it('stops if the count is not a number', () => {
    expect(exhausted('free', Number.NaN)).toBe(true);
    expect(exhausted('free', Number.POSITIVE_INFINITY)).toBe(true);
  });

  it('applies to a new workspace', () => {
    expect(planNamed(BUILT_IN_PLANS, DEFAULT_PLAN)).toBeDefined();
    expect(exhausted(DEFAULT_PLAN, 6_000)).toBe(true);
  });
});

describe('a plan with a soft cap', () => {
  it.each(['starter', 'pro', 'enterprise'])('%s is never exhausted', (plan) => {
    for (const used of [0, 30_000, 120_000, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY])
      expect(exhausted(plan, used)).toBe(false);
  });
});

describe('an unknown plan', () => {
  it.each(['', 'Free', 'free ', 'gold', '__proto__', 'constructor', 'toString'])(
    'named %j is exhausted from the first second',
    (plan) => {
      expect(exhausted(plan, 0)).toBe(true);
    },
  );
});

describe('the billing period', () => {
  it.each([
    ['2026-01-01T00:00:00.000Z', '2026-01'],
    ['2026-11-30T23:59:59.999Z', '2026-11'],
    ['2026-12-01T00:00:00.000Z', '2026-12'],
    ['2026-12-31T23:59:59.999Z', '2026-12'],
    ['2027-01-01T00:00:00.000Z', '2027-01'],
    ['2027-01-01T00:30:00.000+01:00', '2026-12'],
  ])('of %s is %s in UTC', (now, period) => {
    expect(billingPeriodOf(new Date(now))).toBe(period);
  });
});

describe('secondsToNextPeriod', () => {
  it.each([
    ['2026-12-31T23:59:59.999Z', 1],
    ['2026-12-31T23:59:59.000Z', 1],
    ['2026-12-31T23:59:58.999Z', 2],
    ['2026-12-01T00:00:00.000Z', 31 * 86_400],
    ['2027-01-01T00:00:00.000Z', 31 * 86_400],
    ['2027-02-01T00:00:00.000Z', 28 * 86_400],
    ['2028-02-01T00:00:00.000Z', 29 * 86_400],
    ['2026-11-23T12:00:00.000Z', 7.5 * 86_400],
  ])('at %s is %p', (now, seconds) => {
    expect(secondsToNextPeriod(new Date(now))).toBe(seconds);
  });

  it('is at least 1, and leads into the next billing period, within its first second', () => {
    const moments = fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2100, 0) });
    fc.assert(
      fc.property(moments, (ms) => {
        const after = ms + secondsToNextPeriod(new Date(ms)) * 1_000;
        const period = billingPeriodOf(new Date(after));
        return period > billingPeriodOf(new Date(ms)) && after - Date.parse(`${period}-01T00:00:00Z`) < 1_000;
      }),
    );
  });
});

const plan = (name: string): Plan => {
  const found = planNamed(BUILT_IN_PLANS, name);
  if (found === undefined) throw new Error(name);
  return found;
};

describe('the plans on the price page', () => {
  it.each([
    ['free', 0, 100, true, null, 1, 5],
    ['starter', 29, 500, false, 0.08, 3, 10],
    ['pro', 99, 2_000, false, 0.06, 10, 30],
    ['enterprise', null, null, false, null, null, 100],
  ])(
    'include %s with the published price and limits',
    (name, monthlyUsd, includedMinutes, hardCap, overageUsd, maxSites, maxConcurrent) => {
      const usd = (amount: number | null) => (amount === null ? null : Math.round(amount * 100_000_000));
      expect(plan(name)).toEqual({
        name,
        maxConcurrent,
        monthlyMicroCents: usd(monthlyUsd),
        includedMinutes,
        hardCap,
        overageMicroCentsPerMinute: usd(overageUsd),
        maxSites,
        maxByokSites: null,
      });
    },
  );

  it('allow no sites on an unknown plan, and any number on enterprise', () => {
    for (const mode of BILLING_MODES) expect(siteCapOf(undefined, mode)).toBe(0);
    expect(siteCapOf(plan('enterprise'), 'managed')).toBeNull();
    expect(siteCapOf(plan('pro'), 'managed')).toBe(10);
  });

  it('do not limit sites with their own key, unless the deployment sets a limit', () => {
    for (const each of BUILT_IN_PLANS) expect(siteCapOf(each, 'byok')).toBeNull();
    expect(siteCapOf({ ...plan('free'), maxByokSites: 4 }, 'byok')).toBe(4);
    expect(siteCapOf({ ...plan('free'), maxByokSites: 4 }, 'managed')).toBe(1);
  });
});

describe('the overage of a plan', () => {
  it.each([
    ['starter', 0, 0, 0],
    ['starter', 500 * 60, 0, 0],
    ['starter', 500 * 60 + 1, 1, 8_000_000],
    ['starter', 501 * 60, 1, 8_000_000],
    ['starter', 501 * 60 + 1, 2, 16_000_000],
    ['pro', 2_100 * 60 - 30, 100, 600_000_000],
    // A hard cap refuses instead; nobody pays for what a running session took past it.
    ['free', 200 * 60, 0, 0],
    ['enterprise', 1_000_000 * 60, 0, 0],
  ])('%s after %i seconds is %i minutes', (name, usedSeconds, minutes, microCents) => {
    expect(overageOf(plan(name), usedSeconds)).toEqual({ minutes, microCents });
  });

  it('is rounded up once per billing period, however many sessions it comes from', () => {
    const sessions = fc.array(fc.integer({ min: 5, max: 3_600 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(sessions, (seconds) => {
        const used = 500 * 60 + seconds.reduce((sum, each) => sum + each, 0);
        const { minutes } = overageOf(plan('starter'), used);
        expect(minutes * 60 - (used - 500 * 60)).toBeGreaterThanOrEqual(0);
        expect(minutes * 60 - (used - 500 * 60)).toBeLessThan(60);
      }),
    );
  });
});

describe('the reached thresholds of a plan', () => {
  it.each([
    ['free', 0, 0],
    ['free', 2_999, 0],
    ['free', 3_000, 50],
    ['free', 4_799, 50],
    ['free', 4_800, 80],
    ['free', 5_999, 80],
    ['free', 6_000, 100],
    ['free', 60_000, 100],
    ['pro', 60_000, 50],
    ['enterprise', Number.MAX_SAFE_INTEGER, 0],
  ])('on %s after %i seconds are %i %%', (name, usedSeconds, percent) => {
    expect(thresholdReached(plan(name), usedSeconds)).toBe(percent);
  });

  it('never decrease with more seconds, and a hard cap refuses at the last one', () => {
    const seconds = fc.nat({ max: 12_000 });
    fc.assert(
      fc.property(seconds, seconds, (used, more) => {
        const free = plan('free');
        expect(thresholdReached(free, used + more)).toBeGreaterThanOrEqual(thresholdReached(free, used));
        expect(thresholdReached(free, used) === 100).toBe(minutesExhausted(free, used));
      }),
    );
  });
});
