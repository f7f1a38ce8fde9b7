import { BrokerError, type BrokerErrorCode } from '../../domain/broker-error.ts';
import { type CallId, delayUntil, type EndedBy, type WatchMode } from '../../domain/calls/call.ts';
import { ConflictError } from '../../domain/dependency.ts';
import type { CallIssuer, CreatedCall, HangUpQueue, KeyUseLog } from '../ports/calls.ts';
import type { BackOff, Clock } from '../ports/runtime.ts';
import type { Admitted } from '../sessions/admit-session.ts';
import { type StartWatchPorts, startWatch } from './start-watch.ts';

export interface HandOutPorts extends StartWatchPorts {
  readonly clock: Clock;
  readonly backOff: BackOff;
  readonly callIssuer: CallIssuer;
  readonly keyUses: Pick<KeyUseLog, 'settle'>;
  readonly hangUps: HangUpQueue;
}

interface HandOut {
  readonly admitted: Admitted;
  readonly created: CreatedCall;
  readonly maxDurationSeconds: number;
  readonly watch: WatchMode;
  /** The request ID of the Decrypt for the creation of the call. */
  readonly kmsRequestId: string | undefined;
  readonly hangUp: (callId: CallId) => Promise<unknown>;
}

/** A write that conflicts with another on the same items can succeed on the next attempt. */
const MAX_ATTEMPTS = 3;

/**
 * Hop 4: decides whether a created call is handed out. Returns when the session is issued with its call id, its cap is
 * queued and the key's use has its outcome. Otherwise it hangs up the call and throws the error for the visitor; no
 * browser has the answer yet.
 */
export const handOutCall = async (ports: HandOutPorts, handOut: HandOut): Promise<void> => {
  const { admitted, created, maxDurationSeconds, watch, kmsRequestId, hangUp } = handOut;
  const now = ports.clock();
  const { siteId, sessionId } = admitted.session;
  const capAt = new Date(now.getTime() + maxDurationSeconds * 1_000);
  const use = admitted.use && {
    intent: admitted.use,
    outcome: {
      at: now.toISOString(),
      result: 'ok',
      kmsRequestId,
      openAiRequestId: created.openAiRequestId,
    },
  };
  const required = await Promise.allSettled([
    issue(ports, admitted, created, use, capAt, now),
    ports.hangUps.send(
      { kind: 'cap', siteId, sessionId, dueAtMs: capAt.getTime() },
      delayUntil(capAt.getTime(), now),
    ),
    startWatch(ports, watch, { siteId, sessionId, callId: created.callId, openedAtMs: now.getTime() }),
  ]);
  const failed = required.find((one) => one.status === 'rejected');
  if (failed === undefined) return;
  // Nobody has the answer, so nobody can talk, even if this fails too.
  await Promise.allSettled([
    hangUp(created.callId),
    ports.callIssuer.withdraw(admitted.session, created.callId, 'unavailable'),
    // OpenAI created the call, even if that is not recorded yet.
    use && ports.keyUses.settle(use.intent, use.outcome),
  ]);
  throw failed.reason instanceof ConflictError ? new BrokerError('unavailable') : failed.reason;
};

const issue = async (
  ports: HandOutPorts,
  { session, leases }: Admitted,
  { callId, openAiRequestId }: CreatedCall,
  use: Parameters<CallIssuer['issue']>[0]['use'],
  capAt: Date,
  now: Date,
): Promise<void> => {
  const outcome = {
    state: 'issued',
    at: now.toISOString(),
    callId,
    ...(openAiRequestId !== undefined && { openAiRequestId }),
  } as const;
  for (let attempt = 1; ; attempt++) {
    try {
      await ports.callIssuer.issue({ session, outcome, use, leases, capAt, now });
      return;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      const by = await ports.callIssuer.readEndRequest(session.siteId, session.sessionId);
      if (by !== undefined) throw new BrokerError(REFUSAL_OF_END[by] ?? 'unavailable');
      if (attempt === MAX_ATTEMPTS) throw error;
      await ports.backOff(attempt);
    }
  }
};

/** The error for a visitor whose call was ended before it began. */
const REFUSAL_OF_END: Readonly<Partial<Record<EndedBy, BrokerErrorCode>>> = {
  key_suspended: 'openai_key_suspended',
  anomaly: 'openai_key_suspended',
  key_deleted: 'openai_key_missing',
  site_archived: 'site_not_found',
  workspace_deleted: 'site_not_found',
  operator: 'stopped',
  budget: 'budget_exhausted',
};
