import { Refusal } from '../domain/refusal.ts';
import { isLive, type LiveKey, type MaskedKey, maskedViewOf, versionOf } from '../domain/stored-key.ts';
import type { Caller } from '../domain/workspace.ts';
import { authorizeKeyTarget, type KeyTarget } from './key-target.ts';
import type { Clock, KeyActivityReader, KeyStore, MembershipReader } from './ports.ts';
import { refuseConflict } from './save-member.ts';

/** Admin. The kill switch and its reverse: mints stop, or go on, with the next request. Repeating it changes nothing. */
export const switchOpenAiKey =
  (ports: {
    readonly tenancy: MembershipReader;
    readonly keys: KeyStore;
    readonly activity: KeyActivityReader;
    readonly clock: Clock;
  }) =>
  async (caller: Caller, target: KeyTarget, state: LiveKey['state']): Promise<MaskedKey> => {
    const { address } = await authorizeKeyTarget(ports.tenancy, caller, target, 'admin');
    const [key, activity] = await Promise.all([
      ports.keys.readKey(address),
      ports.activity.readActivity(address),
    ]);
    if (!isLive(key)) throw new Refusal('openai_key_not_stored');
    if (key.state !== state)
      await refuseConflict(
        ports.keys.setKeyState(address, versionOf(key), state, ports.clock().toISOString(), caller.sub),
      );
    return maskedViewOf({ ...key, state }, activity);
  };
