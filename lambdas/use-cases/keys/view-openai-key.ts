import { BrokerError } from '../../domain/broker-error.ts';
import { isLive, type MaskedKey, maskedViewOf } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { KeyActivityReader, KeyStore } from '../ports/keys.ts';
import type { Clock } from '../ports/runtime.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeKeyTarget, type KeyTarget } from './key-target.ts';

/** Viewer. The masked form of the key that is stored at exactly this scope, or `openai_key_not_stored`. */
export const viewOpenAiKey =
  (ports: {
    readonly tenancy: MembershipReader;
    readonly keys: KeyStore;
    readonly activity: KeyActivityReader;
    readonly clock: Clock;
  }) =>
  async (caller: Caller, target: KeyTarget): Promise<MaskedKey> => {
    const { address } = await authorizeKeyTarget(ports.tenancy, caller, target, 'viewer');
    const [key, activity] = await Promise.all([
      ports.keys.readKey(address),
      ports.activity.readActivity(address),
    ]);
    if (!isLive(key)) throw new BrokerError('openai_key_not_stored');
    return maskedViewOf(key, activity, ports.clock());
  };
