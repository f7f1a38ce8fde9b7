import type { EndedBy } from '../../domain/calls/call.ts';
import { type KeyUseOutcome, newKeyUse } from '../../domain/calls/key-use.ts';
import type { RandomBytes, SessionId, SiteId } from '../../domain/identifiers.ts';
import { type SealedKey, SealedKeyUnreadableError } from '../../domain/keys/sealed-key.ts';
import { OpenAiFailure } from '../../domain/openai-failure.ts';
import type { CallRecords, EndingKeys, KeyUseLog, RealtimeCalls, RecordedCall } from '../ports/calls.ts';
import type { KeyOpener } from '../ports/keys.ts';
import { type FinishPorts, finishCall } from './finish-call.ts';
import { keyUseFailure } from './key-use-failure.ts';

export interface EndCallPorts extends FinishPorts {
  readonly random: RandomBytes;
  readonly records: Pick<CallRecords, 'readCall' | 'noteEndedBy'>;
  readonly keys: EndingKeys;
  readonly keyUses: KeyUseLog;
  readonly opener: KeyOpener;
  readonly calls: RealtimeCalls;
}

/** `none`: there was no call to end, or it had ended before. `lost`: no key is left that could end it. */
export type EndOutcome = 'ended' | 'none' | 'lost';

/**
 * Hangs one call up and records who ended it. Idempotent: OpenAI is not called again for an ended call. OpenAI's 200
 * and 404 both mean done. Throws when it should be tried again because OpenAI, KMS or DynamoDB failed.
 */
export const endCall =
  (ports: EndCallPorts) =>
  async (siteId: SiteId, sessionId: SessionId, by: EndedBy): Promise<EndOutcome> => {
    const call = await ports.records.readCall(siteId, sessionId);
    if (call === undefined) return 'none';
    const { session, callId, endedBy, state } = call;
    if (endedBy !== undefined || state !== 'issued' || callId === undefined) {
      // A call that is being opened is hung up by its own function; a call whose function crashed was never handed out.
      if (endedBy !== undefined || isAbandoned(call, ports.clock()))
        await finishCall(ports, session, endedBy);
      return 'none';
    }
    const sealed = await ports.keys.findKey(session, ports.clock());
    if (sealed === undefined) return lose(ports, call);
    try {
      await hangUp(ports, { ...call, callId }, sealed);
    } catch (error) {
      // An unreadable key cannot be opened later either; other failures may pass.
      if (error instanceof SealedKeyUnreadableError) return lose(ports, call);
      throw error;
    }
    await finishCall(ports, session, call.endRequested ?? by);
    return 'ended';
  };

/** OpenAI refused the key for good: it was revoked there, so nobody can end its calls with it. */
const NOT_OURS_ANY_MORE = new Set(['key_invalid', 'key_expired', 'not_a_member']);

/** Longer than the run time of the function that opens a call. */
const ABANDONED_AFTER_MS = 60_000;

const isAbandoned = ({ session }: RecordedCall, now: Date): boolean =>
  now.getTime() - Date.parse(session.createdAt) > ABANDONED_AFTER_MS;

const lose = async (ports: EndCallPorts, { session }: RecordedCall): Promise<EndOutcome> => {
  await finishCall(ports, session, 'lost');
  return 'lost';
};

/** One audited use of the key: the intent before KMS is asked, the outcome after OpenAI has answered. */
const hangUp = async (
  { clock, random, keyUses, opener, calls }: EndCallPorts,
  { session, callId }: RecordedCall & { readonly callId: NonNullable<RecordedCall['callId']> },
  sealed: SealedKey,
): Promise<void> => {
  const use = newKeyUse(session, sealed, 'hangup', clock(), random);
  await keyUses.intend(use);
  let kmsRequestId: string | undefined;
  const settle = (outcome: Pick<KeyUseOutcome, 'result' | 'openAiRequestId'>): Promise<void> =>
    keyUses.settle(use, { at: clock().toISOString(), kmsRequestId, ...outcome });
  const failed = async (error: unknown): Promise<never> => {
    await Promise.allSettled([settle(keyUseFailure(error))]);
    if (error instanceof OpenAiFailure && NOT_OURS_ANY_MORE.has(error.reason))
      throw new SealedKeyUnreadableError();
    throw error;
  };
  const { openAiRequestId } = await opener
    .withPlaintext(
      sealed,
      (plaintext) => calls.hangUp(plaintext, { callId, dataResidency: session.dataResidency ?? 'global' }),
      (requestId) => {
        kmsRequestId = requestId;
      },
    )
    .catch(failed);
  // Outside `failed`, so that a successful hang-up is never recorded as failed.
  await settle({ result: 'ok', openAiRequestId });
};
