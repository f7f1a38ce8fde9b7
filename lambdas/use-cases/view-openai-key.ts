import { Refusal } from '../domain/refusal.ts';
import { isLive, type MaskedKey, maskedViewOf } from '../domain/stored-key.ts';
import type { Caller } from '../domain/workspace.ts';
import { authorizeKeyTarget, type KeyTarget } from './key-target.ts';
import type { Clock, KeyActivityReader, KeyStore, MembershipReader } from './ports.ts';

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
    if (!isLive(key)) throw new Refusal('openai_key_not_stored');
    return maskedViewOf(key, activity, ports.clock());
  };
