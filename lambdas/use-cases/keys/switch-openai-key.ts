import { switchState } from '../../domain/keys/key-lifecycle.ts';
import type { LiveKey, MaskedKey } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { KeyActivityReader } from '../ports/keys.ts';
import type { BackOff } from '../ports/runtime.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';
import { changeAndShowKey } from './change-and-show-key.ts';
import type { KeyChangePorts } from './change-openai-key.ts';
import type { KeyTarget } from './key-target.ts';

/** A kill switch must not lose to a key that is stored at the same moment: it reads the new key and tries again. */
const MAX_ATTEMPTS = 5;

/** Admin. The kill switch and its reverse: mints stop, or go on, with the next request. Repeating it changes nothing. */
export const switchOpenAiKey =
  (ports: KeyChangePorts & { readonly activity: KeyActivityReader; readonly backOff: BackOff }) =>
  async (caller: Caller, target: KeyTarget, state: LiveKey['state']): Promise<MaskedKey> => {
    const type = state === 'suspended' ? 'key.suspended' : 'key.resumed';
    return retryOnConflict(ports.backOff, MAX_ATTEMPTS, () =>
      changeAndShowKey(ports, caller, target, type, (current, stamp) =>
        current.state === state ? undefined : switchState(current, state, stamp),
      ),
    );
  };
