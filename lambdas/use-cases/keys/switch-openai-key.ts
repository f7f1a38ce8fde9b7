import { BrokerError } from '../../domain/broker-error.ts';
import { switchState } from '../../domain/keys/key-lifecycle.ts';
import type { KeyAddress, LiveKey, MaskedKey } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { type CallEnder, keyScopeOf } from '../calls/end-live-calls.ts';
import type { KeyActivityReader } from '../ports/keys.ts';
import { changeAndShowKey } from './change-and-show-key.ts';
import type { KeyChangePorts } from './change-openai-key.ts';
import type { KeyTarget } from './key-target.ts';

/** Admin. The kill switch and its reverse: mints stop, or go on, with the next request, and live calls are ended. Repeating it changes nothing. */
export const switchOpenAiKey =
  (ports: KeyChangePorts & { readonly activity: KeyActivityReader; readonly callEnder: CallEnder }) =>
  async (
    caller: Caller,
    target: KeyTarget,
    state: LiveKey['state'],
    liveCalls: 'end' | 'keep' = 'end',
  ): Promise<MaskedKey> => {
    const type = state === 'suspended' ? 'key.suspended' : 'key.resumed';
    let address: KeyAddress | undefined;
    const shown = await insist(() =>
      changeAndShowKey(ports, caller, target, type, (current, stamp, authorized) => {
        address = authorized.address;
        return current.state === state ? undefined : switchState(current, state, stamp);
      }),
    );
    // Also when it was suspended before: an earlier request may have died between the two.
    if (state === 'suspended' && liveCalls === 'end' && address !== undefined)
      await ports.callEnder.end(keyScopeOf(address), 'key_suspended');
    return shown;
  };

const MAX_ATTEMPTS = 5;

/** A kill switch must not lose to somebody who stores a key at the same moment: it goes by the new head and tries again. */
const insist = async <Result>(attempt: () => Promise<Result>): Promise<Result> => {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      const lostRace = error instanceof BrokerError && error.code === 'version_conflict';
      if (!lostRace || tried === MAX_ATTEMPTS) throw error;
    }
  }
};
