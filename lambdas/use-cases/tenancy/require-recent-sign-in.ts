import { BrokerError } from '../../domain/broker-error.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';

/**
 * Refuses a caller whose sign-in is older than the deployment allows for what outlives a stolen token: another key, another
 * origin, another owner.
 */
export const requireRecentSignIn = ({ signInIsOld }: Caller): void => {
  if (signInIsOld === true) throw new BrokerError('recent_sign_in_required');
};
