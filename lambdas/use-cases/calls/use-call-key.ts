import { type KeyUseOutcome, type KeyUseReason, newKeyUse } from '../../domain/calls/key-use.ts';
import type { RandomBytes } from '../../domain/identifiers.ts';
import { SealedKeyUnreadableError } from '../../domain/keys/sealed-key.ts';
import type { Secret } from '../../domain/secret.ts';
import type { EndingKeys, KeyUseLog, RecordedCall } from '../ports/calls.ts';
import type { KeyOpener } from '../ports/keys.ts';
import type { Clock } from '../ports/runtime.ts';
import { keyUseFailure } from './key-use-failure.ts';

export interface CallKeyPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly keys: Pick<EndingKeys, 'findKey'>;
  readonly keyUses: KeyUseLog;
  readonly opener: KeyOpener;
}

/** One audited use of the key; undefined if no key is left that can be opened. */
export const useCallKey = async <Result>(
  { ports, session }: { readonly ports: CallKeyPorts; readonly session: RecordedCall['session'] },
  reason: KeyUseReason,
  use: (plaintext: Secret) => Promise<Result>,
  outcomeOf: (result: Result) => Pick<KeyUseOutcome, 'result' | 'openAiRequestId'>,
): Promise<Result | undefined> => {
  const { clock, keys, keyUses, opener, random } = ports;
  const sealed = await keys.findKey(session, clock());
  if (sealed === undefined) return undefined;
  const keyUse = newKeyUse(session, sealed, reason, clock(), random);
  await keyUses.intend(keyUse);
  let kmsRequestId: string | undefined;
  const settle = (outcome: ReturnType<typeof outcomeOf>): Promise<void> =>
    keyUses.settle(keyUse, { at: clock().toISOString(), ...outcome, kmsRequestId });
  let result: Result;
  try {
    result = await opener.withPlaintext(sealed, use, (requestId) => {
      kmsRequestId = requestId;
    });
  } catch (error) {
    await Promise.allSettled([settle(keyUseFailure(error))]);
    if (error instanceof SealedKeyUnreadableError) return undefined;
    throw error;
  }
  // Outside the `try`, so that a successful use is never recorded as failed.
  await settle(outcomeOf(result));
  return result;
};
