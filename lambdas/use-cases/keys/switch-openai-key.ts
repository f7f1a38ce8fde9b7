import { switchState } from '../../domain/keys/key-lifecycle.ts';
import type { KeyAddress, LiveKey, MaskedKey } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { type CallEnder, keyScopeOf } from '../calls/end-live-calls.ts';
import type { KeyActivityReader } from '../ports/keys.ts';
import type { BackOff } from '../ports/runtime.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';
import { changeAndShowKey } from './change-and-show-key.ts';
import type { KeyChangePorts } from './change-openai-key.ts';
import type { KeyTarget } from './key-target.ts';

/** A kill switch must not lose to a key that is stored at the same moment: it reads the new key and tries again. */
const MAX_ATTEMPTS = 5;

/** Admin. The kill switch and its reverse: mints stop, or continue, with the next request, and live calls are ended. Repeating it changes nothing. */
export const switchOpenAiKey =
  (
    ports: KeyChangePorts & {
      readonly activity: KeyActivityReader;
      readonly backOff: BackOff;
      readonly callEnder: CallEnder;
    },
  ) =>
  async (
    caller: Caller,
    target: KeyTarget,
    state: LiveKey['state'],
    liveCalls: 'end' | 'keep' = 'end',
  ): Promise<MaskedKey> => {
    const type = state === 'suspended' ? 'key.suspended' : 'key.resumed';
    let address: KeyAddress | undefined;
    const shown = await retryOnConflict(ports.backOff, MAX_ATTEMPTS, () =>
      changeAndShowKey(ports, caller, target, type, (current, stamp, authorized) => {
        address = authorized.address;
        return current.state === state ? undefined : switchState(current, state, stamp);
      }),
    );
    // Also if it was suspended before: an earlier request may have crashed between the two.
    if (state === 'suspended' && liveCalls === 'end' && address !== undefined)
      await ports.callEnder.end(keyScopeOf(address), 'key_suspended');
    return shown;
  };
