import { switchState } from '../domain/key-lifecycle.ts';
import { type LiveKey, type MaskedKey, maskedViewOf } from '../domain/stored-key.ts';
import type { Caller } from '../domain/workspace.ts';
import { changeStoredKey, type KeyChangePorts } from './change-openai-key.ts';
import { addressOf, type KeyTarget } from './key-target.ts';
import type { KeyActivityReader } from './ports.ts';

/** Admin. The kill switch and its reverse: mints stop, or go on, with the next request. Repeating it changes nothing. */
export const switchOpenAiKey =
  (ports: KeyChangePorts & { readonly activity: KeyActivityReader }) =>
  async (caller: Caller, target: KeyTarget, state: LiveKey['state']): Promise<MaskedKey> => {
    const type = state === 'suspended' ? 'key.suspended' : 'key.resumed';
    const head = await changeStoredKey(ports, caller, target, type, (current, hand) =>
      current.state === state ? undefined : switchState(current, state, hand),
    );
    return maskedViewOf(head, await ports.activity.readActivity(addressOf(target)));
  };
