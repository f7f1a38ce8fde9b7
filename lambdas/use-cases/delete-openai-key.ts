import { Refusal } from '../domain/refusal.ts';
import { isLive, versionOf } from '../domain/stored-key.ts';
import type { Caller } from '../domain/workspace.ts';
import { authorizeKeyTarget, type KeyTarget } from './key-target.ts';
import type { Clock, KeyStore, MembershipReader } from './ports.ts';
import { refuseConflict } from './save-member.ts';

/** Admin. Removes wrapped data key and ciphertext: usable nowhere from that moment, and never under the same version again. */
export const deleteOpenAiKey =
  (ports: { readonly tenancy: MembershipReader; readonly keys: KeyStore; readonly clock: Clock }) =>
  async (caller: Caller, target: KeyTarget): Promise<void> => {
    const { address } = await authorizeKeyTarget(ports.tenancy, caller, target, 'admin');
    const key = await ports.keys.readKey(address);
    if (!isLive(key)) throw new Refusal('openai_key_not_stored');
    await refuseConflict(
      ports.keys.shredKey(address, versionOf(key), ports.clock().toISOString(), caller.sub),
    );
  };
