import { BrokerError } from '../../domain/broker-error.ts';
import { rollBack } from '../../domain/keys/key-lifecycle.ts';
import type { MaskedKey } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { KeyActivityReader } from '../ports/keys.ts';
import { changeAndShowKey } from './change-and-show-key.ts';
import type { KeyChangePorts } from './change-openai-key.ts';
import type { KeyTarget } from './key-target.ts';

/**
 * Admin. Rolls back to the previous version while it is retained (`no_previous_version` otherwise). Nothing is decrypted: the
 * earlier record becomes the current one again, under its own version.
 */
export const rollBackOpenAiKey =
  (ports: KeyChangePorts & { readonly activity: KeyActivityReader }, retainSeconds: number) =>
  (caller: Caller, target: KeyTarget): Promise<MaskedKey> =>
    changeAndShowKey(ports, caller, target, 'key.rolled_back', async (current, stamp, { address }) => {
      const retained =
        current.previousVersion === null
          ? undefined
          : await ports.keys.readRetained(address, current.previousVersion);
      const change = rollBack(current, retained, retainSeconds, stamp);
      if (change === undefined) throw new BrokerError('no_previous_version');
      return change;
    });
