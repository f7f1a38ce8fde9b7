import { describe, expect, it } from '@jest/globals';
import { forecastMicroCents } from '../../../lambdas/domain/budgets/budget-forecast.ts';

const forecast = (spentMicroCents: number, periodName: string, now: string, timeZone = 'UTC') =>
  forecastMicroCents({ periodName, spentMicroCents }, new Date(now), timeZone);

describe('the forecast of a budget', () => {
  it('is the current rate, projected to the end of the period', () => {
    expect(forecast(300, '2026-11', '2026-11-16T00:00:00Z')).toBe(600);
    expect(forecast(300, '2026-11-30', '2026-11-30T06:00:00Z')).toBe(1_200);
  });

  it('measures a day by the clock of the workspace, even if it has 23 hours', () => {
    // 2026-03-29 in Berlin lasts from 23:00 to 22:00 UTC.
    expect(forecast(100, '2026-03-29', '2026-03-29T10:30:00Z', 'Europe/Berlin')).toBe(200);
  });

  it('is missing before a tenth of the period has passed', () => {
    expect(forecast(300, '2026-11', '2026-11-03T23:00:00Z')).toBeNull();
    expect(forecast(300, '2026-11', '2026-11-04T00:00:00Z')).toBe(3_000);
  });

  it('is never below the spent amount', () => {
    expect(forecast(300, '2026-11', '2026-12-05T00:00:00Z')).toBe(300);
  });

  it('is zero when nothing is spent', () => {
    expect(forecast(0, '2026-11', '2026-11-20T00:00:00Z')).toBe(0);
  });
});
