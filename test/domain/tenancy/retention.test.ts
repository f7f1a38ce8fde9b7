import { describe, expect, it } from '@jest/globals';
import {
  DEFAULT_RETENTION,
  ERROR_DAYS,
  expiryOf,
  firstCompleteDay,
  isKept,
  SESSION_DAYS,
} from '../../../lambdas/domain/tenancy/retention.ts';

const AT = '2026-11-23T12:00:10.500Z';
const SECONDS = Math.floor(Date.parse(AT) / 1_000);
/** Messages wait in dead letters so long, days; a delivery can be sent again for 30 days from its own item. */
const DEAD_LETTER_DAYS = 14;

describe('the data retention of a workspace', () => {
  it('is 400 days for sessions and 30 for errors, unless an owner changes it', () => {
    expect(DEFAULT_RETENTION).toEqual({ sessionDays: 400, errorDays: 30, changedAt: null });
    expect(expiryOf(AT)).toBe(SECONDS + 400 * 86_400);
  });

  it('keeps a session longer than the dead-letter queue and the comparison of totals need', () => {
    expect(SESSION_DAYS.min).toBeGreaterThan(DEAD_LETTER_DAYS);
    expect(SESSION_DAYS.max).toBe(SESSION_DAYS.default);
    expect(ERROR_DAYS).toEqual({ min: 7, max: 90, default: 30 });
  });

  it.each([
    [undefined, 400],
    [30, 30],
  ])('of %p keeps a session for exactly %d days', (keptDays, days) => {
    const end = (SECONDS + days * 86_400) * 1_000;
    expect(isKept({ createdAt: AT, keptDays }, new Date(end - 1))).toBe(true);
    expect(isKept({ createdAt: AT, keptDays }, new Date(end))).toBe(false);
  });

  it.each([
    ['that was never changed', 400, null, '2025-10-21'],
    ['of 30 days that was never changed', 30, null, '2026-10-26'],
    ['that was raised today', 400, AT, '2026-10-26'],
    ['that was raised long ago', 400, '2026-03-31T23:59:59.999Z', '2026-04-01'],
    ['that was lowered long ago', 60, '2026-01-01T00:00:00.000Z', '2026-09-26'],
  ])('%s leaves complete usage records from the first complete day', (_, sessionDays, changedAt, day) => {
    expect(firstCompleteDay({ sessionDays, errorDays: 30, changedAt }, new Date(AT))).toBe(day);
  });
});
