import type { CallId } from '../../../lambdas/domain/calls/call.ts';
import type { KeyUse, KeyUseOutcome } from '../../../lambdas/domain/calls/key-use.ts';
import { DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import { newSessionId } from '../../../lambdas/domain/identifiers.ts';
import type { SealedKey } from '../../../lambdas/domain/keys/sealed-key.ts';
import { Secret } from '../../../lambdas/domain/secret.ts';
import { newSessionUsage, type SessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import { NO_TOKENS } from '../../../lambdas/domain/usage/token-counts.ts';
import type { EndCallPorts } from '../../../lambdas/use-cases/calls/end-call.ts';
import type { HangUpMessage, LiveSession, RecordedCall } from '../../../lambdas/use-cases/ports/calls.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { aKey, NOW, NOW_SECONDS, PAGE, poolOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';

/** One call on record, and everything that ends it, in memory. */

export const SESSION_ID = newSessionId(NOW, (size) => Buffer.alloc(size, 7));
export const CALL_ID = 'rtc_1' as CallId;
export const DOWN = new DependencyUnavailableError('dynamodb', 'UpdateItem', 'InternalServerError');

/** The instant this many seconds before the clock of these tests, RFC 3339. */
export const secondsAgo = (seconds: number): string =>
  new Date(NOW.getTime() - seconds * 1_000).toISOString();

export const aCallSession = (facts: Partial<RecordedCall['session']> = {}): RecordedCall['session'] => ({
  sessionId: SESSION_ID,
  workspaceId: WORKSPACE_ID,
  siteId: SITE_ID,
  kind: 'visitor',
  openedWith: 'call',
  mode: 'byok',
  keyScope: 'workspace',
  keyScopeId: WORKSPACE_ID,
  keyVersion: 3,
  fingerprint: 'workspace',
  model: 'gpt-realtime-2.1-mini',
  voice: 'marin',
  dataResidency: 'eu',
  ipHash: 'hash of 192.0.2.1',
  actor: 'visitor',
  origin: PAGE,
  createdAt: secondsAgo(30),
  admission: {
    maxDurationSeconds: 600,
    holdSeconds: 0,
    connectBy: NOW_SECONDS + 60,
    slots: [
      { pool: poolOf('workspace'), index: 4 },
      { pool: 'share', index: 0 },
    ],
  },
  ...facts,
});

export const aCall = (facts: Partial<RecordedCall> = {}): RecordedCall => ({
  session: aCallSession(),
  state: 'issued',
  callId: CALL_ID,
  endRequested: undefined,
  endedBy: undefined,
  ...facts,
});

/** The meter of a watched call; `attached` when its watcher sees the call. */
export const aWatchedMeter = (attached: boolean): SessionUsage => ({
  ...newSessionUsage(aCallSession()),
  watch: {
    generation: 1,
    untilMs: 60_000,
    openedAtMs: 0,
    seenAtMs: 0,
    countedUntilMs: null,
    closedAtMs: null,
    attached,
    gapless: true,
    awaited: null,
    answeredTurn: null,
    callId: CALL_ID,
    claimed: NO_TOKENS,
    claimedResponses: 0,
  },
});

export const aLiveCall = (facts: Partial<LiveSession> = {}): LiveSession => ({
  workspaceId: WORKSPACE_ID,
  siteId: SITE_ID,
  sessionId: SESSION_ID,
  openedWith: 'call',
  mode: 'byok',
  fingerprint: 'workspace',
  keyScope: 'workspace',
  keyScopeId: WORKSPACE_ID,
  startedAt: secondsAgo(30),
  capAt: null,
  ...facts,
});

/** A message in one line, with its delay. */
export const messageText = (message: HangUpMessage, delaySeconds = 0): string =>
  `${message.kind}${'by' in message ? ` by ${message.by}` : ''} in ${delaySeconds} s`;

export interface CallWorld {
  /** undefined: there is no such call. */
  readonly call?: RecordedCall | undefined;
  /** undefined: no key of the call is left. */
  readonly sealed?: SealedKey | undefined;
  /** undefined: the call has no meter. */
  readonly usage?: SessionUsage | undefined;
  /** Errors by the step that they fail, each time. */
  readonly failing?: Readonly<Record<string, Error>>;
  /** Runs before each step. */
  readonly before?: (step: string) => void;
}

/**
 * A call as its tables keep it, and the ports that end it. `log` has each step in order; `state` is what is left. A
 * method that is not here throws.
 */
export const callWorld = (given: CallWorld = {}) => {
  const log: string[] = [];
  const uses: KeyUse[] = [];
  const outcomes: KeyUseOutcome[] = [];
  const state = {
    call: 'call' in given ? given.call : aCall(),
    usage: 'usage' in given ? given.usage : newSessionUsage(aCallSession()),
    slotsFreed: [] as unknown[],
    isLive: true,
    ends: [] as SessionUsage[],
  };
  const step = async (name: string): Promise<void> => {
    given.before?.(name);
    log.push(name);
    const failure = given.failing?.[name];
    if (failure !== undefined) throw failure;
  };
  const ports = strictPorts<EndCallPorts>({
    clock: () => NOW,
    random: (size) => Buffer.alloc(size, 7),
    backOff: async (attempt) => step(`wait ${attempt}`),
    records: {
      readCall: async () => {
        await step('read call');
        return state.call;
      },
      noteEndedBy: async (_siteId, _sessionId, by, at) => {
        await step(`note ended by ${by} at ${at}`);
        if (state.call === undefined || state.call.endedBy !== undefined) return false;
        state.call = { ...state.call, endedBy: by };
        return true;
      },
    },
    keys: {
      findKey: async ({ fingerprint }) => {
        await step(`find key ${fingerprint}`);
        return 'sealed' in given ? given.sealed : aKey('workspace').sealed;
      },
      forget: () => Promise.reject(new Error('not asked to forget')),
    },
    keyUses: {
      intend: async (use) => {
        await step('intend');
        uses.push(use);
      },
      settle: async (_, outcome) => {
        outcomes.push(outcome);
        await step(`settle ${outcome.result}`);
      },
    },
    opener: {
      withPlaintext: async (_, use, onDecryptAttempt) => {
        onDecryptAttempt('kms-1');
        await step('open');
        return use(Secret.fromText('a key'));
      },
    },
    calls: {
      createCall: () => Promise.reject(new Error('not asked for a call')),
      hangUp: async (key, { callId, dataResidency }) => {
        await step(`hang up ${callId} in ${dataResidency} with ${key.bytes()}`);
        return { openAiRequestId: 'req_1' };
      },
    },
    slots: {
      release: async (_, leases) => {
        await step('release slots');
        state.slotsFreed.push(...leases);
      },
    },
    meterReader: {
      readSessionUsage: async (_, ids) => {
        await step('read meter');
        return new Map(ids.flatMap((id) => (state.usage === undefined ? [] : [[id, state.usage]])));
      },
    },
    sessionUsage: {
      saveUsage: async (usage) => {
        await step('close meter');
        state.usage = usage;
      },
    },
    ends: {
      recordEnd: async (usage) => {
        await step('record end');
        state.ends.push(usage);
      },
    },
    live: {
      removeLive: async () => {
        await step('remove from live');
        state.isLive = false;
      },
    },
  });
  return { ports, log, state, uses, outcomes };
};
