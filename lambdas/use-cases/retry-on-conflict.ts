import { BrokerError } from '../domain/broker-error.ts';
import { ConflictError } from '../domain/dependency.ts';
import type { BackOff } from './ports/runtime.ts';

const lostRace = (error: unknown): boolean =>
  error instanceof ConflictError || (error instanceof BrokerError && error.code === 'version_conflict');

/**
 * Runs `attempt` again while it loses to a concurrent write, waiting `backOff` in between. `attempt` gets its number, from 1,
 * and reads what it depends on again. Rethrows the last conflict after `maxAttempts`, and every other error at once.
 *
 * @example
 * await retryOnConflict(ports.backOff, 8, async () => {
 *   const before = await ports.records.read(subject);
 *   await ports.records.save(subject, next(before));
 * });
 */
export const retryOnConflict = async <Result>(
  backOff: BackOff,
  maxAttempts: number,
  attempt: (attemptNumber: number) => Promise<Result>,
): Promise<Result> => {
  for (let number = 1; ; number++) {
    try {
      return await attempt(number);
    } catch (error) {
      if (!lostRace(error) || number === maxAttempts) throw error;
      await backOff(number);
    }
  }
};
