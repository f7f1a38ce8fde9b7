import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  concurrencyLimitOf,
  DEFAULT_RATE_LIMITS,
  MAX_CONCURRENCY,
  secondsToNextMinute,
  siteBudget,
  slotsOfAddress,
} from '../../lambdas/domain/limits.ts';

describe('the rate limits', () => {
  it('are the documented ones: 60 a minute and 20 a second per address, 200 a minute per site', () => {
    expect(DEFAULT_RATE_LIMITS.perIp).toEqual({ perMinute: 60, perSecond: 20 });
    expect(DEFAULT_RATE_LIMITS.perSite).toEqual({ perMinute: 200 });
  });

  it('allow a workspace to check ten keys a minute at OpenAI', () => {
    expect(DEFAULT_RATE_LIMITS.probesPerWorkspace).toEqual({ perMinute: 10 });
  });

  it('are counted separately for each site', () => {
    expect(siteBudget('a')).not.toBe(siteBudget('b'));
  });
});

describe('the concurrency limit of a key', () => {
  it.each([
    [1, 1],
    [2, 10],
    [3, 30],
    [4, 100],
    [5, 1_000],
  ])('at usage tier %p is %p', (openaiTier, limit) => {
    expect(concurrencyLimitOf({ openaiTier, concurrencyLimit: null })).toBe(limit);
  });

  it.each([0, -1, 6, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'at the unknown tier %p is the minimum of one',
    (openaiTier) => {
      expect(concurrencyLimitOf({ openaiTier, concurrencyLimit: null })).toBe(1);
    },
  );

  it('is the setting of the workspace if there is one, even if it is lower', () => {
    expect(concurrencyLimitOf({ openaiTier: 5, concurrencyLimit: 3 })).toBe(3);
    expect(concurrencyLimitOf({ openaiTier: 1, concurrencyLimit: 500 })).toBe(500);
    expect(concurrencyLimitOf({ openaiTier: 5, concurrencyLimit: 0 })).toBe(0);
  });

  it('reaches the maximum at the highest tier and never exceeds it', () => {
    const limits = [1, 2, 3, 4, 5].map((openaiTier) =>
      concurrencyLimitOf({ openaiTier, concurrencyLimit: null }),
    );
    expect(Math.max(...limits)).toBe(MAX_CONCURRENCY);
  });
});

describe('the share of a key that one address may use', () => {
  it.each([
    [1_000, 5, 50],
    [30, 10, 3],
    [31, 10, 3],
    [10, 34, 3],
    [10, 100, 10],
    [10, 1, 1],
    [1, 100, 1],
  ])('of %p slots at %p per cent is %p: rounded down, and at least one', (limit, percent, slots) => {
    expect(slotsOfAddress(limit, percent)).toBe(slots);
  });
});

describe('secondsToNextMinute', () => {
  it.each([
    ['2026-11-23T10:00:00.000Z', 60],
    ['2026-11-23T10:00:00.001Z', 60],
    ['2026-11-23T10:00:01.000Z', 59],
    ['2026-11-23T10:00:30.500Z', 30],
    ['2026-11-23T10:00:59.000Z', 1],
    ['2026-11-23T10:00:59.001Z', 1],
    ['2026-11-23T10:00:59.999Z', 1],
  ])('at %s is %p', (now, seconds) => {
    expect(secondsToNextMinute(new Date(now))).toBe(seconds);
  });

  it('is a whole number from 1 to 60 that always leads into the next minute, and no further', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (ms) => {
        const seconds = secondsToNextMinute(new Date(ms));
        const after = ms + seconds * 1_000;
        const minutesLater = Math.floor(after / 60_000) - Math.floor(ms / 60_000);
        return Number.isInteger(seconds) && seconds >= 1 && seconds <= 60 && minutesLater === 1;
      }),
    );
  });
});
