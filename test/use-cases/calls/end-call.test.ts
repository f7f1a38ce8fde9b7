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

describe('a live call that is ended', () => {
  it('is hung up before its records are released, and leaves the live sessions last', async () => {
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

  it('records one key use for the hang-up, with the request IDs of KMS and OpenAI', async () => {
    const { sealed } = aKey('workspace');
    const { uses, outcomes } = await ended({ sealed: { ...sealed, version: 4 } });
    expect(uses).toMatchObject([
      { reason: 'hangup', actor: 'system:hangup', sessionId: SESSION_ID, keyVersion: 4 },
    ]);
    expect(outcomes).toEqual([
      { at: NOW.toISOString(), result: 'ok', kmsRequestId: 'kms-1', openAiRequestId: 'req_1' },
    ]);
  });

  it('is recorded as ended by the first actor that requested the end', async () => {
    const { state } = await ended({ call: aCall({ endRequested: 'key_suspended' }) }, 'max_duration');
    expect(state.call?.endedBy).toBe('key_suspended');
  });

  it('is hung up at the global host if it was stored without a region', async () => {
    const { log } = await ended({ call: aCall({ session: aCallSession({ dataResidency: undefined }) }) });
    expect(log).toContain('hang up rtc_1 in global with a key');
  });
});

describe('a call that has ended', () => {
  it('is not hung up again by a second delivery, and keeps its reason', async () => {
    const { ports, log, state } = await ended();
    log.length = 0;
    expect(await endCall(ports)(SITE_ID, SESSION_ID, 'max_duration')).toBe('none');
    expect(log).not.toContain('open');
    expect(state.call?.endedBy).toBe('operator');
  });

  it('releases its slots and its live entry with the next delivery if the first one crashed', async () => {
    const { result, state } = await ended({ call: aCall({ endedBy: 'operator' }) });
    expect(result).toBe('none');
    expect(state.slotsFreed).toHaveLength(2);
    expect(state.isLive).toBe(false);
  });

  it('opens no key if it is not on record', async () => {
    const { result, log } = await ended({ call: undefined });
    expect(result).toBe('none');
    expect(log).toEqual(['read call']);
  });
});

describe('a reserved call that was never handed out', () => {
  const reserved = (seconds: number) =>
    aCall({
      state: 'reserved',
      callId: undefined,
      session: aCallSession({ createdAt: secondsAgo(seconds) }),
    });

  it('is left to the function that opens it for one minute', async () => {
    const world = await ended({ call: reserved(60) });
    expect(world.result).toBe('none');
    expect(world.log).toEqual(['read call']);
    expect(isKept(world)).toBe(true);
  });

  it('is released after one minute, without an end on record and without opening a key', async () => {
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

describe('a call that no stored key can hang up', () => {
  it.each<[string, CallWorld, string[]]>([
    ['the key is gone', { sealed: undefined }, []],
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
  ])('is lost if %s, and keeps its slots, because it may continue', async (_, given, results) => {
    const { result, state, outcomes } = await ended(given);
    expect(result).toBe('lost');
    expect(state.call?.endedBy).toBe('lost');
    expect(state.slotsFreed).toEqual([]);
    expect(state.isLive).toBe(true);
    expect(outcomes.map((outcome) => outcome.result)).toEqual(results);
  });
});

describe('a call whose hang-up fails', () => {
  const passing = OPENAI_FAILURES.filter(
    (reason) => !['key_invalid', 'key_expired', 'not_a_member'].includes(reason),
  );

  it.each(passing)('is tried again after OpenAI answers %s, and releases nothing', async (reason) => {
    const failure = new OpenAiFailure(reason, { requestId: 'req_2' });
    const world = await ended({ failing: { [HANG_UP]: failure } });
    expect(world.result).toBe(failure);
    expect(isKept(world)).toBe(true);
    expect(world.outcomes).toMatchObject([{ result: reason, openAiRequestId: 'req_2' }]);
  });

  it.each([
    ['an outage of KMS', 'open', DOWN, ['unavailable']],
    ['an unexpected error', 'open', new Error('a bug'), ['failed']],
    ['a failed write of the intent', 'intend', DOWN, []],
    ['a failed read of the key', 'find key workspace', DOWN, []],
    ['a failed read of the call', 'read call', DOWN, []],
  ])('is tried again after %s, and releases nothing', async (_, step, error, results) => {
    const world = await ended({ failing: { [step]: error } });
    expect(world.result).toBe(error);
    expect(isKept(world)).toBe(true);
    expect(world.outcomes.map(({ result }) => result)).toEqual(results);
    expect(world.log).not.toContain(HANG_UP);
  });

  it('is tried again with the OpenAI failure, even if the outcome cannot be written either', async () => {
    const failure = new OpenAiFailure('timeout');
    const { result } = await ended({ failing: { [HANG_UP]: failure, 'settle timeout': DOWN } });
    expect(result).toBe(failure);
  });

  it('is tried again if the hang-up worked but could not be recorded, and records no other outcome', async () => {
    const world = await ended({ failing: { 'settle ok': DOWN } });
    expect(world.result).toBe(DOWN);
    expect(isKept(world)).toBe(true);
    expect(world.log.filter((step) => step.startsWith('settle'))).toEqual(['settle ok']);
  });
});
