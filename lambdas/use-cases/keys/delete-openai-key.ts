import { deleteKey } from '../../domain/keys/key-lifecycle.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { changeStoredKey, type KeyChangePorts } from './change-openai-key.ts';
import type { KeyTarget } from './key-target.ts';

/**
 * Admin. Removes the wrapped data key and ciphertext of every version: usable nowhere from the next request on, and no later key
 * gets the same version again.
 */
export const deleteOpenAiKey =
  (ports: KeyChangePorts) =>
  async (caller: Caller, target: KeyTarget): Promise<void> => {
    await changeStoredKey(ports, caller, target, 'key.deleted', deleteKey);
  };
