import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs } from '../../lambdas/domain/backoff.ts';

const drawn = (value: number) => () => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

describe('the delay before a write is repeated', () => {
  it.each([
    [1, 10],
    [2, 20],
    [3, 40],
    [5, 160],
    [8, 160],
    [20, 160],
  ])('after attempt %i is random between 0 and %i ms, both included', (attempt, bound) => {
    expect(backoffMs(attempt, drawn(bound))).toBe(bound);
    expect(backoffMs(attempt, drawn(bound + 1))).toBe(0);
  });

  it('is a whole number of milliseconds within its bound', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.nat(0xffff_ffff), (attempt, value) => {
        const wait = backoffMs(attempt, drawn(value));
        expect(Number.isSafeInteger(wait)).toBe(true);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(160);
      }),
    );
  });
});
