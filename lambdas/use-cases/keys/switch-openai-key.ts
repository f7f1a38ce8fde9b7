import { BrokerError } from '../../domain/broker-error.ts';
import { switchState } from '../../domain/keys/key-lifecycle.ts';
import type { LiveKey, MaskedKey } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { KeyActivityReader } from '../ports/keys.ts';
import { changeAndShowKey } from './change-and-show-key.ts';
import type { KeyChangePorts } from './change-openai-key.ts';
import type { KeyTarget } from './key-target.ts';

/** Admin. The kill switch and its reverse: mints stop, or go on, with the next request. Repeating it changes nothing. */
export const switchOpenAiKey =
  (ports: KeyChangePorts & { readonly activity: KeyActivityReader }) =>
  async (caller: Caller, target: KeyTarget, state: LiveKey['state']): Promise<MaskedKey> => {
    const type = state === 'suspended' ? 'key.suspended' : 'key.resumed';
    return insist(() =>
      changeAndShowKey(ports, caller, target, type, (current, stamp) =>
        current.state === state ? undefined : switchState(current, state, stamp),
      ),
    );
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
