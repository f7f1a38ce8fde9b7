import { describe, expect, it } from '@jest/globals';
import { newSessionId } from '../../../lambdas/domain/identifiers.ts';
import { OpenAiFailure } from '../../../lambdas/domain/openai-failure.ts';
import { Secret } from '../../../lambdas/domain/secret.ts';
import { type EventSignature, signEvents } from '../../../lambdas/domain/sessions/event-signature.ts';
import {
  checkReplaced,
  type ReplacePorts,
  type ReplaceRequest,
  replacedText,
} from '../../../lambdas/use-cases/calls/replaced-call.ts';
import type { RecordedCall } from '../../../lambdas/use-cases/ports/calls.ts';
import { NOW, NOW_SECONDS, outcomeOf, SITE_ID } from '../sessions/token-fixture.ts';
import {
  aCall,
  aCallSession,
  CALL_ID,
  type CallWorld,
  callWorld,
  DOWN,
  messageText,
  SESSION_ID,
} from './call-fixture.ts';

const SIGNING_SECRET = Buffer.alloc(32, 1).toString('base64');
const HANG_UP = 'hang up rtc_1 in eu with a key';
const KEY = Secret.fromText('a key');

const signed = (
  text = replacedText(SESSION_ID),
  t = NOW_SECONDS,
  secret = SIGNING_SECRET,
): EventSignature => ({
  t,
  v1: signEvents(secret, t, text),
});

const checking = (
  given: CallWorld = {},
  request: Partial<ReplaceRequest> | null = {},
  records: Partial<ReplacePorts['records']> = {},
) => {
  const world = callWorld(given);
  const ports: ReplacePorts = {
    ...world.ports,
    records: {
      ...world.ports.records,
      requestEnd: () => Promise.reject(new Error('not asked to end a call that is being opened')),
      ...records,
    },
    pseudonyms: {
      hashIp: () => Promise.reject(new Error('not asked for an address')),
      signingSecret: async () => SIGNING_SECRET,
    },
    hangUps: {
      send: async (...message) => {
        const text = `queue ${messageText(...message)}`;
        given.before?.(text);
        world.log.push(text);
        const failure = given.failing?.[text];
        if (failure !== undefined) throw failure;
      },
    },
  };
  const full = request && { sessionId: SESSION_ID, signature: signed(), ...request };
  return { ...world, check: checkReplaced(ports, SITE_ID, full ?? undefined, NOW) };
};

describe('a page that replaces its call', () => {
  it('proves with the secret of the session that the call is its own', async () => {
    expect(await checking().check).toMatchObject({ session: { sessionId: SESSION_ID } });
  });

  it.each<[string, Partial<ReplaceRequest>]>([
    ['without a signature', { signature: undefined }],
    ['with the signature of another text', { signature: signed(`replaces.${SESSION_ID}x`) }],
    ['with the signature of its events', { signature: signed('{"events":[]}') }],
    [
      'with the secret of another session',
      { signature: signed(undefined, undefined, Buffer.alloc(32, 2).toString('base64')) },
    ],
    ['with a signature that is too old', { signature: signed(undefined, NOW_SECONDS - 301) }],
    ['with text that is not a session ID', { sessionId: 'ses_1', signature: signed('replaces.ses_1') }],
  ])('%s is refused before the call is read', async (_, request) => {
    const { check, log } = checking({}, request);
    expect(await outcomeOf(check)).toBe('invalid_signature');
    expect(log).toEqual([]);
  });

  it('replaces nothing if it names no call', async () => {
    const { check, log } = checking({}, null);
    expect(await check).toBeUndefined();
    expect(log).toEqual([]);
  });

  it.each([
    ['is not on record', undefined],
    ['has no call id yet', aCall({ callId: undefined })],
    ['was refused', aCall({ state: 'refused' })],
    ['has ended', aCall({ endedBy: 'max_duration' })],
  ])('replaces nothing if the call %s', async (_, call) => {
    expect(await checking({ call }).check).toBeUndefined();
  });
});

describe('a call that is replaced', () => {
  it('is queued for its end before the hang-up, in case the request crashes, and is released afterwards', async () => {
    const { check, log, state } = checking();
    await (await check)?.hangUp(KEY, 'workspace');
    expect(log.slice(1)).toEqual([
      'queue end by visitor in 30 s',
      HANG_UP,
      `note ended by visitor at ${NOW.toISOString()}`,
      'release slots',
      'read meter',
      'close meter',
      'record end',
      'remove from live',
    ]);
    expect(state.call?.endedBy).toBe('visitor');
  });

  it('is left to the queue if another key is open', async () => {
    const { check, log, state } = checking();
    await (await check)?.hangUp(KEY, 'a newer key');
    expect(log.slice(1)).toEqual(['queue end by visitor in 0 s']);
    expect(state.isLive).toBe(true);
  });

  it('is hung up at the global host if it was stored without a region', async () => {
    const session = aCallSession({ dataResidency: undefined });
    const { check, log } = checking({ call: aCall({ session, callId: CALL_ID }) });
    await (await check)?.hangUp(KEY, 'workspace');
    expect(log).toContain('hang up rtc_1 in global with a key');
  });

  it('is not released if OpenAI does not hang it up', async () => {
    const failure = new OpenAiFailure('timeout');
    const { check, state } = checking({ failing: { [HANG_UP]: failure } });
    await expect((await check)?.hangUp(KEY, 'workspace')).rejects.toBe(failure);
    expect(state).toMatchObject({ call: { endedBy: undefined }, slotsFreed: [], isLive: true });
  });

  it('is not hung up if the queue does not accept the second attempt', async () => {
    const { check, log } = checking({ failing: { 'queue end by visitor in 30 s': DOWN } });
    await expect((await check)?.hangUp(KEY, 'workspace')).rejects.toBe(DOWN);
    expect(log).not.toContain(HANG_UP);
  });
});

describe('a call that is being opened as the replacement of the named call', () => {
  const OTHER_ID = newSessionId(NOW, (size) => Buffer.alloc(size, 9));
  const opening = (facts: Partial<RecordedCall> = {}): RecordedCall =>
    aCall({ session: aCallSession({ sessionId: OTHER_ID }), state: 'reserved', callId: undefined, ...facts });

  /** The named call leads to the other one. `then`: the other one once its end is requested. */
  const replacing = ({
    named = {},
    then = opening({ endRequested: 'visitor' }),
    first = opening(),
  }: {
    readonly named?: Partial<RecordedCall>;
    readonly then?: RecordedCall;
    readonly first?: RecordedCall;
  } = {}) => {
    const log: string[] = [];
    let other = first;
    const { check } = checking(
      {},
      {},
      {
        readCall: async (_, sessionId) =>
          sessionId === OTHER_ID ? other : aCall({ replacedBy: OTHER_ID, ...named }),
        requestEnd: async (_, sessionId, by) => {
          log.push(`request end of ${sessionId === OTHER_ID ? 'other' : 'named'} by ${by}`);
          other = then;
          return true;
        },
        noteEndedBy: async (_, sessionId) => {
          log.push(`ended ${sessionId === OTHER_ID ? 'other' : 'named'}`);
          return true;
        },
      },
    );
    return { check, log };
  };

  it('gives its slot to the newer call, although its call ID is not known yet', async () => {
    const { check } = replacing();
    expect(await check).toMatchObject({ named: SESSION_ID, session: { sessionId: OTHER_ID } });
  });

  it('is marked first, and then the named call is hung up, because it may still be live', async () => {
    const { check, log } = replacing();
    await (await check)?.hangUp(KEY, 'workspace');
    expect(log).toEqual(['request end of other by visitor', 'ended named']);
  });

  it('is hung up if it was handed out just before the mark', async () => {
    const then = opening({ state: 'issued', callId: 'rtc_2' as typeof CALL_ID });
    const { check, log } = replacing({ then, named: { endedBy: 'visitor' } });
    await (await check)?.hangUp(KEY, 'workspace');
    expect(log).toEqual(['request end of other by visitor', 'ended other']);
  });

  it('that was refused lets the live named call be replaced again', async () => {
    const { check, log } = replacing({ first: opening({ state: 'refused', replaces: SESSION_ID }) });
    expect(await check).toMatchObject({ named: SESSION_ID, session: { sessionId: SESSION_ID } });
    await (await check)?.hangUp(KEY, 'workspace');
    expect(log).toEqual(['ended named']);
  });

  it('that was refused and has no link to the older call lets the named call be replaced again', async () => {
    const { check } = replacing({ first: opening({ state: 'refused' }) });
    expect(await check).toMatchObject({ session: { sessionId: SESSION_ID } });
  });

  it('that was refused lets its live predecessor be replaced if the named call has ended', async () => {
    const lost = newSessionId(NOW, (size) => Buffer.alloc(size, 8));
    const calls = [
      aCall({ replacedBy: OTHER_ID, endedBy: 'visitor' }),
      opening({ state: 'refused', replaces: lost }),
      aCall({ session: aCallSession({ sessionId: lost }) }),
    ];
    const readCall = async (_: unknown, sessionId: string) =>
      calls.find(({ session }) => session.sessionId === sessionId);
    const { check } = checking({}, {}, { readCall });
    expect(await check).toMatchObject({ named: SESSION_ID, session: { sessionId: lost } });
  });

  it.each([
    ['was refused, and the named one has ended', opening({ state: 'refused' }), { endedBy: 'visitor' }],
    ['is ended by the kill switch', opening({ endRequested: 'key_suspended' }), {}],
  ] as const)('is not replaced if it %s', async (_, first, named) => {
    expect(await replacing({ first, named }).check).toBeUndefined();
  });
});
