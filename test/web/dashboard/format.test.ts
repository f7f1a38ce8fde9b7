import { describe, expect, it } from '@jest/globals';
import { counted, formatCents, isDay } from '../../../web/dashboard/src/ui/format.ts';

describe('an amount of money in the dashboard', () => {
  it.each([
    [0, '$0.00'],
    [0.004, '<$0.0001'],
    [-0.004, '>-$0.0001'],
    [0.01, '$0.0001'],
    [47.41, '$0.4741'],
    [99.994, '$0.9999'],
    [99.996, '$1.00'],
    [100, '$1.00'],
    [123_456_789, '$1,234,567.89'],
  ])('of %d cents is written as %s', (cents, text) => {
    expect(formatCents(cents)).toBe(text);
  });
});

describe('a count in the dashboard', () => {
  it.each([
    [0, '0 sessions'],
    [1, '1 session'],
    [2, '2 sessions'],
    [1_200, '1,200 sessions'],
  ])('of %d has the correct plural', (count, text) => {
    expect(counted(count, 'session')).toBe(text);
  });
});

describe('the day in the URL', () => {
  it.each(['', 'garbage', '2026-13-01', '2026-02-30', '2026-1-1', '2026-11-30T00:00'])(
    'is missing if the value is "%s"',
    (text) => {
      expect(isDay(text)).toBe(false);
    },
  );

  it('is recognised', () => {
    expect(isDay('2026-11-30')).toBe(true);
  });
});
