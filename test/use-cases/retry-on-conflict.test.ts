import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../lambdas/domain/broker-error.ts';
import { ConflictError } from '../../lambdas/domain/dependency.ts';
import { retryOnConflict } from '../../lambdas/use-cases/retry-on-conflict.ts';

/** Attempts that fail with these errors, one after another, and then succeed. */
const retried = async (maxAttempts: number, errors: readonly Error[]) => {
  const attempts: number[] = [];
  const waits: number[] = [];
  const backOff = async (attempt: number): Promise<void> => {
    waits.push(attempt);
  };
  const outcome = await retryOnConflict(backOff, maxAttempts, async (attempt) => {
    attempts.push(attempt);
    const error = errors[attempts.length - 1];
    if (error !== undefined) throw error;
    return 'saved';
  }).catch((error: unknown) => error);
  return { outcome, attempts, waits };
};

describe('retryOnConflict', () => {
  it('runs a successful attempt once without waiting', async () => {
    expect(await retried(3, [])).toEqual({ outcome: 'saved', attempts: [1], waits: [] });
  });

  it.each([new ConflictError(), new BrokerError('version_conflict')])(
    'waits and runs the attempt again after %s',
    async (conflict) => {
      expect(await retried(3, [conflict, conflict])).toEqual({
        outcome: 'saved',
        attempts: [1, 2, 3],
        waits: [1, 2],
      });
    },
  );

  it('rethrows the conflict of the last attempt without waiting for another', async () => {
    const last = new ConflictError();
    expect(await retried(2, [new ConflictError(), last])).toEqual({
      outcome: last,
      attempts: [1, 2],
      waits: [1],
    });
  });

  it('does not repeat after other errors', async () => {
    const outage = new BrokerError('unavailable');
    expect(await retried(3, [outage])).toEqual({ outcome: outage, attempts: [1], waits: [] });
  });
});
