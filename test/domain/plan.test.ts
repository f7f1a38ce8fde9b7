import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  BUILT_IN_PLANS,
  billingPeriodOf,
  DEFAULT_PLAN,
  minutesExhausted,
  planNamed,
  secondsToNextPeriod,
} from '../../lambdas/domain/plan.ts';

const exhausted = (plan: string, usedSeconds: number): boolean =>
  minutesExhausted(planNamed(BUILT_IN_PLANS, plan), usedSeconds);

describe('the hard cap of the free plan', () => {
  it('lets the last second through and stops at exactly 100 minutes', () => {
    expect(exhausted('free', 0)).toBe(false);
    expect(exhausted('free', 5_999)).toBe(false);
    expect(exhausted('free', 5_999.999)).toBe(false);
    expect(exhausted('free', 6_000)).toBe(true);
    expect(exhausted('free', 6_001)).toBe(true);
    expect(exhausted('free', Number.MAX_SAFE_INTEGER)).toBe(true);
  });

  it('stops at a count that is no number', () => {
    expect(exhausted('free', Number.NaN)).toBe(true);
    expect(exhausted('free', Number.POSITIVE_INFINITY)).toBe(true);
  });

  it('is what a new workspace has', () => {
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
    '%j is exhausted from the first second',
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
  ])('of %s is %s, by UTC', (now, period) => {
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

  it('is at least 1, and waiting for it leads into the next billing period, not past its first second', () => {
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
