import { BrokerError } from '../domain/broker-error.ts';
import { ConflictError } from '../domain/dependency.ts';

/** Two people changed the same item at once: one succeeds, the other gets an error. */
export const refuseConflict = async <Result>(write: Promise<Result>): Promise<Result> => {
  try {
    return await write;
  } catch (error) {
    throw error instanceof ConflictError ? new BrokerError('version_conflict') : error;
  }
};

export const ignoreConflict = async (write: Promise<void>): Promise<void> => {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
};
