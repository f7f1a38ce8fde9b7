import { BrokerError } from '../../domain/broker-error.ts';
import { PLATFORM_ADDRESS } from '../../domain/keys/stored-key.ts';
import type { StoredKeyStates } from '../ports/keys.ts';

/** Refuses managed billing with `managed_unavailable` if this deployment has no platform key that could pay. */
export const requireManaged = async (keys: StoredKeyStates): Promise<void> => {
  const states = await keys.readStates([PLATFORM_ADDRESS]);
  if (states(PLATFORM_ADDRESS) !== 'active') throw new BrokerError('managed_unavailable');
};
