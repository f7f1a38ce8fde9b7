import { BrokerError } from '../../domain/broker-error.ts';
import { isSessionId, type SessionId, type SiteId } from '../../domain/identifiers.ts';
import type { Secret } from '../../domain/secret.ts';
import { type EventSignature, signatureHolds } from '../../domain/sessions/event-signature.ts';
import type { CallRecords, HangUpQueue, RealtimeCalls, RecordedCall } from '../ports/calls.ts';
import type { PseudonymService } from '../ports/sessions.ts';
import { type FinishPorts, finishCall } from './finish-call.ts';

export interface ReplacePorts extends FinishPorts {
  readonly pseudonyms: Pick<PseudonymService, 'hashIp' | 'signingSecret'>;
  readonly records: Pick<CallRecords, 'readCall' | 'noteEndedBy' | 'requestEnd'>;
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
  /** Hangs it up with the open key, if it is the key of that call; otherwise the queue does. */
  readonly hangUp: (plaintext: Secret, fingerprint: string) => Promise<void>;
}

/** The delay after which the queue ends the old call, in case this request crashes, seconds. */
const SECOND_TRY_SECONDS = 30;

/**
 * The call that a reconnecting page replaces: its slot moves to the new one. undefined if there is none to
 * replace, or it has ended. The page proves with a signature that the call was its own. A page that never received the
 * answer to an earlier reconnect still names the older call: then the call that replaced that one is ended,
 * even while it is being opened. A refused reconnect replaced nothing, so the earlier call is ended.
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
  const named = await ports.records.readCall(siteId, sessionId);
  const latest = await latestOf(ports.records, siteId, named);
  if (latest !== undefined && latest !== named && isBeingOpened(latest))
    return {
      named: sessionId,
      session: latest.session,
      hangUp: async (plaintext, fingerprint) => {
        await leaveUnanswered(ports, latest, plaintext, fingerprint);
        // The opening request may have crashed before it hung this one up.
        if (named !== undefined && isLiveCall(named)) await leave(ports, named, plaintext, fingerprint);
      },
    };
  if (latest === undefined || !isLiveCall(latest)) return undefined;
  return {
    named: sessionId,
    session: latest.session,
    hangUp: (plaintext, fingerprint) => leave(ports, latest, plaintext, fingerprint),
  };
};

/** The call that replaced the named one, or if it was refused, the call that it should have replaced. */
const latestOf = async (
  records: Pick<CallRecords, 'readCall'>,
  siteId: SiteId,
  named: RecordedCall | undefined,
): Promise<RecordedCall | undefined> => {
  if (named?.replacedBy === undefined) return named;
  const successor = await records.readCall(siteId, named.replacedBy);
  if (successor?.state !== 'refused') return successor;
  const { replaces } = successor;
  return replaces === undefined || replaces === named.session.sessionId
    ? named
    : records.readCall(siteId, replaces);
};

type LiveCall = RecordedCall & { readonly callId: NonNullable<RecordedCall['callId']> };

const isLiveCall = (call: RecordedCall): call is LiveCall =>
  call.callId !== undefined && call.state === 'issued' && call.endedBy === undefined;

const isBeingOpened = ({ state, endedBy, endRequested }: RecordedCall): boolean =>
  state === 'reserved' && endedBy === undefined && endRequested === undefined;

/**
 * Ends a call whose answer the page never received. After the mark it cannot be handed out, and its own request hangs
 * it up. It may have been handed out just before.
 */
const leaveUnanswered = async (
  ports: ReplacePorts,
  { session: { siteId, sessionId } }: RecordedCall,
  plaintext: Secret,
  fingerprint: string,
): Promise<void> => {
  await ports.records.requestEnd(siteId, sessionId, 'visitor');
  const call = await ports.records.readCall(siteId, sessionId);
  if (call !== undefined && isLiveCall(call)) await leave(ports, call, plaintext, fingerprint);
};

const leave = async (
  ports: ReplacePorts,
  { session, callId }: LiveCall,
  plaintext: Secret,
  fingerprint: string,
): Promise<void> => {
  const end = { kind: 'end', siteId: session.siteId, sessionId: session.sessionId, by: 'visitor' } as const;
  if (session.fingerprint !== fingerprint) {
    await ports.hangUps.send(end);
    return;
  }
  await ports.hangUps.send(end, SECOND_TRY_SECONDS);
  await ports.calls.hangUp(plaintext, { callId, dataResidency: session.dataResidency ?? 'global' });
  await finishCall(ports, session, 'visitor');
};
