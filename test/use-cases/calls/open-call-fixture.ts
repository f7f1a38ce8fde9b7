import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import type { WatchMode } from '../../../lambdas/domain/calls/call.ts';
import { CANNED_OFFER } from '../../../lambdas/domain/calls/canned-offer.ts';
import type { Secret } from '../../../lambdas/domain/secret.ts';
import { signEvents } from '../../../lambdas/domain/sessions/event-signature.ts';
import type { TokenContext } from '../../../lambdas/domain/sessions/token-context.ts';
import {
  type OpenCallPorts,
  type OpenCallRequest,
  openCall,
} from '../../../lambdas/use-cases/calls/open-call.ts';
import { replacedText } from '../../../lambdas/use-cases/calls/replaced-call.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { aContext, aRequest, NOW_SECONDS, recordingPorts, SETTINGS } from '../sessions/token-fixture.ts';
import { aCall, aWatchedMeter, CALL_ID, callWorld, messageText, SESSION_ID } from './call-fixture.ts';

/** Names the old call of `callWorld`, with a good signature. */
export const REPLACES = {
  sessionId: SESSION_ID,
  signature: {
    t: NOW_SECONDS,
    v1: signEvents(`secret of ${SESSION_ID}`, NOW_SECONDS, replacedText(SESSION_ID)),
  },
};

export interface Given {
  readonly context?: Partial<TokenContext>;
  readonly request?: Partial<OpenCallRequest>;
  /** Errors by the step that they fail. */
  readonly failing?: Readonly<Record<string, Error>>;
  readonly own?: Partial<OpenCallPorts>;
  /** @default 'off' */
  readonly watch?: WatchMode;
}

/** Opens one call; the answer or the error, and every step in order. */
export const opened = async ({
  context = {},
  request = {},
  failing = {},
  own = {},
  watch = 'off',
}: Given = {}) => {
  const { ports: token } = recordingPorts(aContext(context));
  const { ports: ending } = callWorld();
  const log: string[] = [];
  const outcomes: unknown[] = [];
  const created: unknown[] = [];
  const keys: string[] = [];
  const step = async (name: string): Promise<void> => {
    log.push(name);
    const failure = failing[name];
    if (failure !== undefined) throw failure;
  };
  const ports = strictPorts<OpenCallPorts>({
    ...ending,
    ...token,
    embedTokens: { peek: () => undefined, verify: async () => 'signature' },
    embedSecrets: { embedSecret: async () => '', visitorTag: async () => '' },
    admissions: { admit: async ({ use }) => step(`admit with ${use?.reason}`) },
    sessions: {
      ...token.sessions,
      settle: async (_, { state, refusal }) => step(`settle session ${state} ${refusal}`),
      noteUnreadable: async () => step('note unreadable'),
    },
    slots: {
      release: async (_, leases) => step(`release ${leases[0]?.sessionId === SESSION_ID ? 'old' : 'new'}`),
    },
    sessionUsage: { saveUsage: async () => undefined },
    live: { removeLive: async () => undefined },
    errors: { report: async ({ code, source }) => step(`report ${code} of ${source}`) },
    opener: {
      withPlaintext: async (sealed, use, onDecryptAttempt) => {
        onDecryptAttempt('kms-1');
        await step('open');
        return token.opener.withPlaintext(sealed, use, () => undefined);
      },
    },
    keyUses: {
      intend: () => Promise.reject(new Error('the intent is written with the admission')),
      settle: async (use, outcome) => {
        outcomes.push({ reason: use.reason, ...outcome });
        await step(`settle use ${outcome.result}`);
      },
    },
    calls: {
      createCall: async (key: Secret, call) => {
        keys.push(key.bytes().toString());
        created.push(call);
        await step('create call');
        return { callId: CALL_ID, answer: 'v=0 answer', openAiRequestId: 'req_1' };
      },
      hangUp: async (key, { callId, dataResidency }) => {
        keys.push(key.bytes().toString());
        await step(`hang up ${callId} in ${dataResidency}`);
        return { openAiRequestId: undefined };
      },
    },
    callIssuer: {
      issue: async ({ outcome, use }) => {
        await step(`issue ${outcome.callId}`);
        outcomes.push({ reason: use?.intent.reason, ...use?.outcome });
      },
      readEndRequest: async () => undefined,
      withdraw: async (_, callId, refusal) => step(`withdraw ${callId} ${refusal}`),
    },
    records: {
      readCall: async () => aCall({ callId: 'rtc_old' as typeof CALL_ID }),
      requestEnd: () => Promise.reject(new Error('no call is being opened')),
      noteEndedBy: async (_siteId, _sessionId, by) => {
        await step(`note old ended by ${by}`);
        return true;
      },
    },
    meterReader: {
      readSessionUsage: async (_, ids) =>
        new Map(ids.map((id) => [id, aWatchedMeter(log.includes('watch strictly'))])),
    },
    monotonicMs: () => NOW_SECONDS * 1_000,
    pause: async () => undefined,
    watchers: { start: async ({ strict }) => step(strict ? 'watch strictly' : 'watch') },
    hangUps: { send: async (...message) => step(`queue ${messageText(...message)}`) },
    ...own,
  });
  const full: OpenCallRequest = {
    ...aRequest(),
    offer: { sdp: CANNED_OFFER, hasDataChannel: false },
    replaces: undefined,
    ...request,
  };
  const result = await openCall(ports, { ...SETTINGS, watch })(full).catch((error: unknown) => error);
  return { result, log, outcomes, created, keys };
};

/** As `opened`, for a call that is refused. */
export const refused = async (given: Given) => {
  const { result, ...rest } = await opened(given);
  if (!(result instanceof BrokerError)) throw result;
  return { refusal: result.code, details: result.details, ...rest };
};

/** True when neither KMS nor OpenAI was asked for anything. */
export const costsNothing = (log: readonly string[]): boolean =>
  !log.includes('open') && !log.includes('create call');
