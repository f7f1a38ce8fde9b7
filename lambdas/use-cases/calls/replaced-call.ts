import { BrokerError } from '../../domain/broker-error.ts';
import { isSessionId, type SessionId, type SiteId } from '../../domain/identifiers.ts';
import type { Secret } from '../../domain/secret.ts';
import { type EventSignature, signatureHolds } from '../../domain/sessions/event-signature.ts';
import type { CallRecords, HangUpQueue, RealtimeCalls, RecordedCall } from '../ports/calls.ts';
import type { PseudonymService } from '../ports/sessions.ts';
import { type FinishPorts, finishCall } from './finish-call.ts';

export interface ReplacePorts extends FinishPorts {
  readonly pseudonyms: Pick<PseudonymService, 'hashIp' | 'signingSecret'>;
  readonly records: Pick<CallRecords, 'readCall' | 'noteEndedBy'>;
  readonly calls: Pick<RealtimeCalls, 'hangUp'>;
  readonly hangUps: HangUpQueue;
}

export interface ReplaceRequest {
  readonly sessionId: string;
  /** Over `replaces.<session id>`, with the signing secret of that session. */
  readonly signature: EventSignature | undefined;
}

export const replacedText = (sessionId: string): string => `replaces.${sessionId}`;

export interface Replaced {
  /** The session that the page named. */
  readonly named: SessionId;
  readonly session: RecordedCall['session'];
  /** Hangs it up with the key that is open, where it is the key of that call; else the queue does. */
  readonly hangUp: (plaintext: Secret, fingerprint: string) => Promise<void>;
}

/** The queue looks after the old call this much later, in case this request dies before it is through, seconds. */
const SECOND_TRY_SECONDS = 30;

/**
 * The call that a reconnecting page leaves behind: its slot moves to the new one. undefined where there is none to
 * replace, or it has ended. The page proves with a signature that the call was its own. A page that never received the
 * answer to an earlier reconnect still names the older call: then the call that replaced that one is the one to leave.
 */
export const checkReplaced = async (
  ports: ReplacePorts,
  siteId: SiteId,
  request: ReplaceRequest | undefined,
  now: Date,
): Promise<Replaced | undefined> => {
  if (request === undefined) return undefined;
  const { sessionId, signature } = request;
  const isOwn =
    isSessionId(sessionId) &&
    signature !== undefined &&
    signatureHolds(signature, await ports.pseudonyms.signingSecret(sessionId), replacedText(sessionId), now);
  if (!isOwn) throw new BrokerError('invalid_signature');
  const call = await readLatest(ports, siteId, sessionId);
  if (call?.callId === undefined || call.state !== 'issued' || call.endedBy !== undefined) return undefined;
  const { session, callId } = call;
  return {
    named: sessionId,
    session,
    hangUp: async (plaintext, fingerprint) => {
      const end = { kind: 'end', siteId, sessionId: session.sessionId, by: 'visitor' } as const;
      if (session.fingerprint !== fingerprint) {
        await ports.hangUps.send(end);
        return;
      }
      await ports.hangUps.send(end, SECOND_TRY_SECONDS);
      await ports.calls.hangUp(plaintext, { callId, dataResidency: session.dataResidency ?? 'global' });
      await finishCall(ports, session, 'visitor');
    },
  };
};

const readLatest = async (
  { records }: ReplacePorts,
  siteId: SiteId,
  sessionId: SessionId,
): Promise<RecordedCall | undefined> => {
  const named = await records.readCall(siteId, sessionId);
  return named?.replacedBy === undefined ? named : records.readCall(siteId, named.replacedBy);
};
