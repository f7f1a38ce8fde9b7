import { deleteKey } from '../../domain/keys/key-lifecycle.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { type CallEnder, keyScopeOf } from '../calls/end-live-calls.ts';
import { changeStoredKey, type KeyChangePorts } from './change-openai-key.ts';
import type { KeyTarget } from './key-target.ts';

/**
 * Admin. Removes the wrapped data key and ciphertext of every version: no request can use it any more, and no later key
 * gets the same version again. Returns how many live calls are being ended: for a minute the key can still hang those
 * up.
 */
export const deleteOpenAiKey =
  (ports: KeyChangePorts & { readonly callEnder: CallEnder }) =>
  async (caller: Caller, target: KeyTarget): Promise<number> => {
    let ending = 0;
    await changeStoredKey(ports, caller, target, 'key.deleted', async (currentKey, stamp, { address }) => {
      // First, so that a request that crashes between the two leaves no call without an end.
      ending = await ports.callEnder.end(keyScopeOf(address), 'key_deleted');
      return deleteKey(currentKey, stamp);
    });
    return ending;
  };
