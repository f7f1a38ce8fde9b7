import { BrokerError } from '../../domain/broker-error.ts';
import { needsWatcher } from '../../domain/budgets/budget.ts';
import type { CallId, WatchMode } from '../../domain/calls/call.ts';
import type { Control } from '../../domain/calls/control.ts';
import type { SdpOffer } from '../../domain/calls/sdp-offer.ts';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import type { LiveKey } from '../../domain/keys/stored-key.ts';
import { OpenAiFailure } from '../../domain/openai-failure.ts';
import type { Secret } from '../../domain/secret.ts';
import type { ReservedSession } from '../../domain/sessions/session.ts';
import { HEARTBEAT_SECONDS } from '../../domain/sessions/session-usage.ts';
import { firstMessagePrompt } from '../../domain/tenancy/first-message.ts';
import type { BillingMode, Site, VisitedSite } from '../../domain/tenancy/workspace.ts';
import { controlOf } from '../budgets/control-of.ts';
import { withOpenedKey } from '../keys/with-opened-key.ts';
import type { KeyUseLog, RealtimeCalls } from '../ports/calls.ts';
import type { KeyOpener } from '../ports/keys.ts';
import type { PseudonymService, SessionLog } from '../ports/sessions.ts';
import type { Admitted } from '../sessions/admit-session.ts';
import { admitVisitor, type VisitorPorts, type VisitorSettings } from '../sessions/admit-visitor.ts';
import { arrive, type VisitorRequest } from '../sessions/arrive.ts';
import type { KnownVisitor } from '../sessions/check-visitor.ts';
import { giveBack } from '../sessions/give-back.ts';
import { refusalOf } from '../sessions/refusal-of.ts';
import { reportRefusal } from '../sessions/report-refusal.ts';
import { type HandOutPorts, handOutCall } from './hand-out-call.ts';
import { checkReplaced, type Replaced, type ReplacePorts, type ReplaceRequest } from './replaced-call.ts';

export interface OpenCallPorts extends VisitorPorts, HandOutPorts, ReplacePorts {
  readonly pseudonyms: PseudonymService;
  readonly sessions: SessionLog;
  readonly opener: KeyOpener;
  readonly calls: RealtimeCalls;
  readonly keyUses: KeyUseLog;
}

export interface OpenCallRequest extends VisitorRequest {
  readonly offer: SdpOffer;
  /** The call that this one replaces. */
  readonly replaces: ReplaceRequest | undefined;
}

export interface OpenCallSettings extends VisitorSettings {
  /** How the stage watches calls. Managed calls, and calls under budgets that end them, are watched strictly unless it is `off`. */
  readonly watch: WatchMode;
}

export interface OpenedCall {
  readonly answer: string;
  readonly session: ReservedSession;
  readonly signingSecret: string;
  readonly mode: BillingMode;
  readonly control: Control;
  /** How often the widget reports that its session is live. */
  readonly heartbeatSeconds: number;
  readonly maxDurationSeconds: number;
  /** null when the key has no limit on concurrent sessions. */
  readonly remainingSlots: number | null;
  /** The message with which the page begins the conversation; null: the assistant waits, or its watcher begins. */
  readonly firstMessage: string | null;
}

/**
 * Admits one visitor like mintToken, and creates the call at OpenAI with the real key: the browser gets OpenAI's answer
 * and nothing with which it could open another session. A call whose hand-out could not be recorded, or whose end could
 * not be queued, is hung up before this refuses.
 */
export const openCall =
  (ports: OpenCallPorts, settings: OpenCallSettings) =>
  async (request: OpenCallRequest): Promise<OpenedCall> => {
    const now = ports.clock();
    const [arrived, checked] = await Promise.allSettled([
      arrive(ports, settings, request, now),
      checkReplaced(ports, request.siteId, request.replaces, now),
    ]);
    if (arrived.status === 'rejected') throw arrived.reason;
    if (checked.status === 'rejected') throw checked.reason;
    const arrival = arrived.value;
    const replaced = checked.value;
    const control = controlOf(arrival.site, arrival.workspace, arrival.context.budgets);
    if (control === 'locked' && request.offer.hasDataChannel)
      throw new BrokerError('invalid_offer', {
        details: [{ path: 'sdp', message: 'This site is locked: create the offer without a data channel.' }],
      });
    const actions = arrival.context.budgets.map(({ action }) => action);
    // No watcher would ask for a response.
    if (
      settings.watch === 'off' &&
      arrival.workspace.billingMode === 'byok' &&
      actions.includes('never_exceed')
    )
      throw new BrokerError('unavailable');
    const { admitted, payer, site, visitor } = await admitVisitor(
      ports,
      settings,
      request,
      arrival,
      'call',
      now,
      replaced && { ...replaced.session, named: replaced.named },
    );
    // Managed calls are billed by the watcher, and these budgets act on its counts: both wait until it listens.
    // So does the first message of a locked site, which only a watcher can request.
    const firstMessage = firstMessagePrompt(site.conversation);
    const needsStrict =
      payer.mode === 'managed' ||
      actions.some(needsWatcher) ||
      isTurnByTurn(admitted) ||
      (control === 'locked' && firstMessage !== null);
    const watch = needsStrict && settings.watch === 'eager' ? 'strict' : settings.watch;
    const opened = await callForSession(ports, {
      request,
      site,
      admitted,
      key: payer.key,
      visitor,
      replaced,
      watch,
    });
    return {
      ...opened,
      session: admitted.session,
      mode: payer.mode,
      control,
      heartbeatSeconds: HEARTBEAT_SECONDS,
      maxDurationSeconds: maxDurationOf(admitted, site),
      remainingSlots: admitted.remainingSlots,
      // A visitor who reconnects has already heard it.
      firstMessage: control === 'locked' || replaced !== undefined ? null : firstMessage,
    };
  };

const isTurnByTurn = ({ session }: Admitted): boolean => session.admission?.turnByTurn === true;

const maxDurationOf = ({ session }: Admitted, site: Site): number =>
  session.admission?.maxDurationSeconds ?? site.maxDurationSeconds;

interface Opening {
  readonly request: OpenCallRequest;
  readonly site: VisitedSite;
  readonly admitted: Admitted;
  readonly key: LiveKey;
  readonly visitor: KnownVisitor | undefined;
  readonly replaced: Replaced | undefined;
  readonly watch: WatchMode;
}

/** Hop 3, OpenAI, and hop 4 inside the same callback: no second Decrypt is needed to hang the call up. */
const callForSession = async (
  ports: OpenCallPorts,
  { request, site, admitted, key, visitor, replaced, watch }: Opening,
): Promise<{ readonly answer: string; readonly signingSecret: string }> => {
  const { session } = admitted;
  let kmsRequestId: string | undefined;
  const settleUse = async (result: string, openAiRequestId: string | undefined): Promise<void> => {
    if (admitted.use === undefined) return;
    const at = ports.clock().toISOString();
    await ports.keyUses.settle(admitted.use, { at, result, kmsRequestId, openAiRequestId });
  };
  const open = async (plaintext: Secret, safetyIdentifier: string): Promise<string> => {
    await replaced?.hangUp(plaintext, key.sealed.fingerprint);
    const created = await ports.calls.createCall(plaintext, {
      settings: site,
      turnByTurn: isTurnByTurn(admitted),
      offer: request.offer.sdp,
      safetyIdentifier,
    });
    await handOutCall(ports, {
      admitted,
      created,
      maxDurationSeconds: maxDurationOf(admitted, site),
      watch,
      kmsRequestId,
      hangUp: (callId: CallId) =>
        ports.calls.hangUp(plaintext, { callId, dataResidency: site.dataResidency }),
    });
    return created.answer;
  };
  try {
    const [safetyIdentifier, signingSecret] = await Promise.all([
      ports.pseudonyms.safetyIdentifier(site.siteId, visitor?.sub ?? request.visitorId ?? request.sourceIp),
      ports.pseudonyms.signingSecret(session.sessionId),
    ]);
    const answer = await withOpenedKey(ports)(
      session,
      key,
      (plaintext) => open(plaintext, safetyIdentifier),
      (requestId) => {
        kmsRequestId = requestId;
      },
    );
    return { answer, signingSecret };
  } catch (error) {
    const refusal = refusalOf(error, session.mode);
    const failure = error instanceof OpenAiFailure ? error : undefined;
    await Promise.allSettled([
      giveBack(ports, admitted, refusal.code, { openAiFailure: failure }),
      settleUse(failure?.reason ?? refusal.code, failure?.requestId),
      reportRefusal(ports, site, { refusal, failure, session }),
    ]);
    throw error instanceof DependencyUnavailableError ? error : refusal;
  }
};
