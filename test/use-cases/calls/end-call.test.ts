import { describe, expect, it } from '@jest/globals';
import type { EndedBy } from '../../../lambdas/domain/calls/call.ts';
import { SealedKeyUnreadableError } from '../../../lambdas/domain/keys/sealed-key.ts';
import { OPENAI_FAILURES, OpenAiFailure } from '../../../lambdas/domain/openai-failure.ts';
import { endCall } from '../../../lambdas/use-cases/calls/end-call.ts';
import { aKey, NOW, SITE_ID } from '../sessions/token-fixture.ts';
import {
  aCall,
  aCallSession,
  type CallWorld,
  callWorld,
  DOWN,
  SESSION_ID,
  secondsAgo,
} from './call-fixture.ts';

const HANG_UP = 'hang up rtc_1 in eu with a key';

const ended = async (given: CallWorld = {}, by: EndedBy = 'operator') => {
  const world = callWorld(given);
  const result = await endCall(world.ports)(SITE_ID, SESSION_ID, by).catch((error: unknown) => error);
  return { ...world, result };
};

/** True when nothing of the call was forgotten, so that the next delivery finds it. */
const isKept = ({ state }: Pick<ReturnType<typeof callWorld>, 'state'>): boolean =>
  state.call?.endedBy === undefined && state.slotsFreed.length === 0 && state.isLive;

describe('a live call', () => {
  it('is hung up before anything of it is forgotten, and leaves the live sessions last', async () => {
    const { result, log } = await ended();
    expect(result).toBe('ended');
    expect(log).toEqual([
      'read call',
      'find key workspace',
      'intend',
      'open',
      HANG_UP,
      'settle ok',
      `note ended by operator at ${NOW.toISOString()}`,
      'release slots',
      'read meter',
      'close meter',
      'record end',
      'remove from live',
    ]);
  });

  it('leaves one audited use of the key that hung it up, with the ids of KMS and OpenAI', async () => {
    const { sealed } = aKey('workspace');
    const { uses, outcomes } = await ended({ sealed: { ...sealed, version: 4 } });
    expect(uses).toMatchObject([
      { reason: 'hangup', actor: 'system:hangup', sessionId: SESSION_ID, keyVersion: 4 },
    ]);
    expect(outcomes).toEqual([
      { at: NOW.toISOString(), result: 'ok', kmsRequestId: 'kms-1', openAiRequestId: 'req_1' },
    ]);
  });

  it('whose end was asked for is recorded as ended by the first who asked', async () => {
    const { state } = await ended({ call: aCall({ endRequested: 'key_suspended' }) }, 'max_duration');
    expect(state.call?.endedBy).toBe('key_suspended');
  });

  it('from before regions were kept is hung up at the global host', async () => {
    const { log } = await ended({ call: aCall({ session: aCallSession({ dataResidency: undefined }) }) });
    expect(log).toContain('hang up rtc_1 in global with a key');
  });
});

describe('a call that has ended', () => {
  it('is not hung up again by a second delivery, and keeps who ended it', async () => {
    const { ports, log, state } = await ended();
    log.length = 0;
    expect(await endCall(ports)(SITE_ID, SESSION_ID, 'max_duration')).toBe('none');
    expect(log).not.toContain('open');
    expect(state.call?.endedBy).toBe('operator');
  });

  it('has its slots and its place freed by the next delivery, where the first one died', async () => {
    const { result, state } = await ended({ call: aCall({ endedBy: 'operator' }) });
    expect(result).toBe('none');
    expect(state.slotsFreed).toHaveLength(2);
    expect(state.isLive).toBe(false);
  });

  it('that is on no record opens no key', async () => {
    const { result, log } = await ended({ call: undefined });
    expect(result).toBe('none');
    expect(log).toEqual(['read call']);
  });
});

describe('a call that was never handed out', () => {
  const reserved = (seconds: number) =>
    aCall({
      state: 'reserved',
      callId: undefined,
      session: aCallSession({ createdAt: secondsAgo(seconds) }),
    });

  it('is left to the function that opens it for a minute', async () => {
    const world = await ended({ call: reserved(60) });
    expect(world.result).toBe('none');
    expect(world.log).toEqual(['read call']);
    expect(isKept(world)).toBe(true);
  });

  it('is freed after a minute without being recorded as ended, and opens no key', async () => {
    const { result, state, log } = await ended({ call: reserved(61) });
    expect(result).toBe('none');
    expect(log).toEqual([
      'read call',
      'release slots',
      'read meter',
      'close meter',
      'record end',
      'remove from live',
    ]);
    expect(state.call?.endedBy).toBeUndefined();
  });
});

describe('a call that no key of ours can hang up', () => {
  it.each<[string, CallWorld, string[]]>([
    ['there is no key any more', { sealed: undefined }, []],
    [
      'its key cannot be opened',
      { failing: { open: new SealedKeyUnreadableError() } },
      ['openai_key_unreadable'],
    ],
    ...(['key_invalid', 'key_expired', 'not_a_member'] as const).map(
      (reason): [string, CallWorld, string[]] => [
        `OpenAI answers ${reason}`,
        { failing: { [HANG_UP]: new OpenAiFailure(reason) } },
        [reason],
      ],
    ),
  ])('is lost where %s, and keeps its slots, because it may continue', async (_, given, results) => {
    const { result, state, outcomes } = await ended(given);
    expect(result).toBe('lost');
    expect(state.call?.endedBy).toBe('lost');
    expect(state.slotsFreed).toEqual([]);
    expect(state.isLive).toBe(true);
    expect(outcomes.map((outcome) => outcome.result)).toEqual(results);
  });
});

describe('a call that could not be hung up this time', () => {
  const passing = OPENAI_FAILURES.filter(
    (reason) => !['key_invalid', 'key_expired', 'not_a_member'].includes(reason),
  );

  it.each(passing)(
    'is tried again after OpenAI answers %s, and nothing of it is forgotten',
    async (reason) => {
      const failure = new OpenAiFailure(reason, { requestId: 'req_2' });
      const world = await ended({ failing: { [HANG_UP]: failure } });
      expect(world.result).toBe(failure);
      expect(isKept(world)).toBe(true);
      expect(world.outcomes).toMatchObject([{ result: reason, openAiRequestId: 'req_2' }]);
    },
  );

  it.each([
    ['KMS does not answer', 'open', DOWN, ['unavailable']],
    ['something else breaks', 'open', new Error('a bug'), ['failed']],
    ['the intent cannot be written', 'intend', DOWN, []],
    ['the key cannot be read', 'find key workspace', DOWN, []],
    ['the call cannot be read', 'read call', DOWN, []],
  ])('is tried again after %s, and nothing of it is forgotten', async (_, step, error, results) => {
    const world = await ended({ failing: { [step]: error } });
    expect(world.result).toBe(error);
    expect(isKept(world)).toBe(true);
    expect(world.outcomes.map(({ result }) => result)).toEqual(results);
    expect(world.log).not.toContain(HANG_UP);
  });

  it('is tried again with the failure of OpenAI, even if the outcome cannot be written either', async () => {
    const failure = new OpenAiFailure('timeout');
    const { result } = await ended({ failing: { [HANG_UP]: failure, 'settle timeout': DOWN } });
    expect(result).toBe(failure);
  });

  it('whose hang-up worked is tried again when that cannot be written, and no other outcome is', async () => {
    const world = await ended({ failing: { 'settle ok': DOWN } });
    expect(world.result).toBe(DOWN);
    expect(isKept(world)).toBe(true);
    expect(world.log.filter((step) => step.startsWith('settle'))).toEqual(['settle ok']);
  });
});
