import { describe, expect, it } from '@jest/globals';
import type { WatchMode } from '../../../lambdas/domain/calls/call.ts';
import { CANNED_OFFER } from '../../../lambdas/domain/calls/canned-offer.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { SealedKeyUnreadableError } from '../../../lambdas/domain/keys/sealed-key.ts';
import { OpenAiFailure } from '../../../lambdas/domain/openai-failure.ts';
import { holderTagOf } from '../../../lambdas/domain/sessions/slots.ts';
import type { TokenContext } from '../../../lambdas/domain/sessions/token-context.ts';
import { DEFAULT_CONVERSATION } from '../../../lambdas/domain/tenancy/conversation.ts';
import { aBudget } from '../budgets/budget-fixture.ts';
import {
  aContext,
  aKey,
  aSite,
  aWorkspace,
  leasesOf,
  NOW,
  outcomeOf,
  poolOf,
  recordingPorts,
  SITE_ID,
} from '../sessions/token-fixture.ts';
import { aCall, CALL_ID, DOWN, SESSION_ID } from './call-fixture.ts';
import { costsNothing, type Given, opened, REPLACES, refused } from './open-call-fixture.ts';

describe('a visitor who opens a call', () => {
  it('has the intent recorded before the key is opened, and the call before the answer', async () => {
    const { log } = await opened();
    expect(log.slice(0, 3)).toEqual(['admit with call', 'open', 'create call']);
    expect(log.slice(3).sort()).toEqual([`issue ${CALL_ID}`, 'queue cap in 600 s']);
  });

  it('gets the answer of OpenAI without the call ID, which would allow changes', async () => {
    const { result } = await opened();
    expect(result).toMatchObject({
      answer: 'v=0 answer',
      mode: 'byok',
      control: 'open',
      heartbeatSeconds: 20,
      maxDurationSeconds: 600,
      session: { openedWith: 'call', fingerprint: 'workspace', dataResidency: 'global' },
    });
    const { session, signingSecret } = result as { session: { sessionId: string }; signingSecret: string };
    expect(signingSecret).toBe(`secret of ${session.sessionId}`);
    expect(JSON.stringify(result)).not.toContain(CALL_ID);
  });

  it('records one key use with the request IDs of KMS and OpenAI', async () => {
    expect((await opened()).outcomes).toEqual([
      {
        reason: 'call',
        at: NOW.toISOString(),
        result: 'ok',
        kmsRequestId: 'kms-1',
        openAiRequestId: 'req_1',
      },
    ]);
  });

  it('is identified to OpenAI by the visitor ID of the page, or else by the address', async () => {
    const expected = { settings: { ...aSite(), errorDays: 30 }, turnByTurn: false, offer: CANNED_OFFER };
    const { created } = await opened();
    const named = await opened({ request: { visitorId: 'visitor-7' } });
    expect([...created, ...named.created]).toEqual([
      { ...expected, safetyIdentifier: `${SITE_ID} 192.0.2.1` },
      { ...expected, safetyIdentifier: `${SITE_ID} visitor-7` },
    ]);
  });
});

describe('the first message of a new call', () => {
  const conversation = {
    ...DEFAULT_CONVERSATION,
    firstMessage: { type: 'instructions', text: 'Greet.' },
  } as const;
  const open = (control: 'open' | 'brokered' | 'locked', given: Given = {}) =>
    opened({ ...given, context: { site: aSite({ control, conversation }) } });

  it.each(['open', 'brokered'] as const)(
    'goes to the page of a site with the control %s',
    async (control) => {
      const { result, log } = await open(control, { watch: 'eager' });
      expect(result).toMatchObject({ firstMessage: 'Begin the conversation. Greet.' });
      expect(log).not.toContain('watch strictly');
    },
  );

  it('never goes to the page of a locked site, whose watcher must attach before the page', async () => {
    const { result, log } = await open('locked', { watch: 'eager' });
    expect(result).toMatchObject({ firstMessage: null });
    expect(JSON.stringify(result)).not.toContain('Greet.');
    expect(log).toContain('watch strictly');
  });

  it('is not repeated in a call that replaces another', async () => {
    const { result } = await open('brokered', { request: { replaces: REPLACES } });
    expect(result).toMatchObject({ answer: 'v=0 answer', firstMessage: null });
  });
});

describe('a locked site', () => {
  const offer = { sdp: CANNED_OFFER, hasDataChannel: true };

  it.each<[string, Partial<TokenContext>]>([
    ['with its own setting', { site: aSite({ control: 'locked' }) }],
    ['with a never_exceed budget', { budgets: [aBudget({ action: 'never_exceed' })] }],
  ])('%s refuses an offer with a data channel before it costs anything', async (_, context) => {
    const { refusal, details, log } = await refused({ context, request: { offer } });
    expect(refusal).toBe('invalid_offer');
    expect(details).toMatchObject([{ path: 'sdp' }]);
    expect(log).toEqual([]);
  });

  it('accepts an offer without a data channel, and returns that it is locked', async () => {
    const { result } = await opened({ context: { site: aSite({ control: 'locked' }) } });
    expect(result).toMatchObject({ control: 'locked', answer: 'v=0 answer' });
  });

  it('is not locked if the platform pays, because budgets of own keys do not apply', async () => {
    const { result } = await opened({
      context: {
        workspace: aWorkspace({ billingMode: 'managed' }),
        budgets: [aBudget({ action: 'never_exceed' })],
      },
      request: { offer },
    });
    expect(result).toMatchObject({ control: 'open', mode: 'managed' });
  });
});

describe('a call under a never_exceed budget', () => {
  const strict = aBudget({
    action: 'never_exceed',
    amountMicroCents: 1_000_000_000,
    remainingMicroCents: 1_000_000_000,
  });

  it('lets OpenAI answer nothing without a request, and is handed out once its watcher has attached', async () => {
    const { created, log, result } = await opened({ context: { budgets: [strict] }, watch: 'eager' });
    expect(created).toMatchObject([{ turnByTurn: true }]);
    expect(log).toContain('watch strictly');
    expect(result).toMatchObject({ session: { admission: { turnByTurn: true } }, control: 'locked' });
  });

  it('is refused if no watcher would request its responses', async () => {
    const { refusal, log } = await refused({ context: { budgets: [strict] }, watch: 'off' });
    expect(refusal).toBe('unavailable');
    expect(costsNothing(log)).toBe(true);
  });

  it('is refused if the rest is less than the highest cost of one response', async () => {
    const budgets = [{ ...strict, spentMicroCents: 995_000_000, remainingMicroCents: 5_000_000 }];
    const { refusal, log } = await refused({ context: { budgets }, watch: 'eager' });
    expect(refusal).toBe('budget_exhausted');
    expect(costsNothing(log)).toBe(true);
  });
});

describe('a call that is refused before the key is opened', () => {
  it.each<[string, string, Given]>([
    ['the site does not exist', 'site_not_found', { context: { site: undefined } }],
    ['the page is not allowed', 'origin_not_allowed', { request: { origin: 'https://elsewhere.example' } }],
    ['no key is stored', 'openai_key_missing', { context: { workspaceKey: undefined } }],
    [
      'the key is suspended',
      'openai_key_suspended',
      { context: { workspaceKey: aKey('workspace', { state: 'suspended' }) } },
    ],
    [
      'a budget is spent',
      'budget_exhausted',
      { context: { budgets: [aBudget({ remainingMicroCents: 0 })] } },
    ],
    [
      'the signature of the call to replace is wrong',
      'invalid_signature',
      { request: { replaces: { ...REPLACES, signature: undefined } } },
    ],
  ])('because %s costs nothing', async (_, code, given) => {
    const { refusal, log } = await refused(given);
    expect(refusal).toBe(code);
    expect(costsNothing(log)).toBe(true);
  });
});

describe('a call that fails after its admission', () => {
  const failed = async (failing: NonNullable<Given['failing']>, given: Given = {}) => {
    const { result, log, outcomes } = await opened({ ...given, failing });
    return {
      error: await outcomeOf(Promise.reject(result)),
      freed: log.includes('release new'),
      steps: log.filter((step) => step.startsWith('settle') || step.startsWith('report')),
      log,
      outcomes,
    };
  };

  it('at OpenAI releases its admission, and reports the reason to the operator', async () => {
    const failure = new OpenAiFailure('quota_exhausted', { requestId: 'req_9' });
    const { error, freed, steps, outcomes } = await failed({ 'create call': failure });
    expect(error).toBe('openai_quota_exhausted');
    expect(freed).toBe(true);
    expect(steps.sort()).toEqual([
      'report openai_quota_exhausted of mint',
      'settle session refused openai_quota_exhausted',
      'settle use quota_exhausted',
    ]);
    expect(outcomes).toMatchObject([{ kmsRequestId: 'kms-1', openAiRequestId: 'req_9' }]);
  });

  it("because the customer's key cannot be opened tells the owner, and sends nothing to OpenAI", async () => {
    const { error, log, freed } = await failed({ open: new SealedKeyUnreadableError() });
    expect(error).toBe('openai_key_unreadable');
    expect(freed).toBe(true);
    expect(log).toContain('note unreadable');
    expect(log).toContain('settle use openai_key_unreadable');
    expect(log).not.toContain('create call');
  });

  it('because the platform key cannot be opened is an outage for the visitor', async () => {
    const context = { workspace: aWorkspace({ billingMode: 'managed' as const }) };
    const { error } = await failed({ open: new SealedKeyUnreadableError() }, { context });
    expect(error).toBe('platform_key_missing');
  });

  it('at KMS releases its admission, and returns the outage', async () => {
    const { error, freed, log } = await failed({ open: DOWN });
    expect(error).toBe(DOWN);
    expect(freed).toBe(true);
    expect(log).toContain('settle use unavailable');
    expect(log).not.toContain('create call');
  });

  it.each([
    ['its record', `issue ${CALL_ID}`, DOWN, DOWN],
    ['its cap', 'queue cap in 600 s', DOWN, DOWN],
    ['its record, lost to another writer', `issue ${CALL_ID}`, new ConflictError(), 'unavailable'],
  ])(
    'at %s is hung up inside the callback that holds the key, and releases its admission',
    async (_, step, failure, expected) => {
      const { error, freed, log } = await failed({ [step]: failure });
      expect(error).toBe(expected);
      expect(freed).toBe(true);
      expect(log.filter((one) => one === 'open')).toHaveLength(1);
      expect(log).toContain(`hang up ${CALL_ID} in global`);
      expect(log).toContain(`withdraw ${CALL_ID} unavailable`);
      expect(log.indexOf(`hang up ${CALL_ID} in global`)).toBeLessThan(log.indexOf('release new'));
    },
  );

  it('returns the OpenAI error, even if nothing can be recorded', async () => {
    const { error } = await failed({
      'create call': new OpenAiFailure('key_invalid'),
      'settle use key_invalid': DOWN,
      'report openai_key_rejected of mint': DOWN,
      'settle session refused openai_key_rejected': DOWN,
    });
    expect(error).toBe('openai_key_rejected');
  });

  it('because no secret can be derived, before the key is opened, releases its admission', async () => {
    const { ports } = recordingPorts(aContext());
    const pseudonyms = { ...ports.pseudonyms, signingSecret: () => Promise.reject(DOWN) };
    const { error, freed, log } = await failed({}, { own: { pseudonyms } });
    expect(error).toBe(DOWN);
    expect(freed).toBe(true);
    expect(costsNothing(log)).toBe(true);
  });
});

describe('a call that replaces another call', () => {
  it('hangs the old call up before the new one is created, in the same opening of the key', async () => {
    const { log, keys } = await opened({ request: { replaces: REPLACES } });
    const steps = ['open', 'hang up rtc_old in eu', 'note old ended by visitor', 'create call'];
    expect(log.filter((step) => steps.includes(step))).toEqual(steps);
    expect(keys).toEqual(['a key', 'a key']);
  });

  it('is admitted when every slot is taken, because the old call holds one', async () => {
    const leases = leasesOf(poolOf('workspace'), Array<number>(10).fill(600)).map((one) =>
      one.index === 4 ? { ...one, holder: holderTagOf(SESSION_ID) } : one,
    );
    expect((await refused({ context: { leases } })).refusal).toBe('busy');
    const { result } = await opened({ context: { leases }, request: { replaces: REPLACES } });
    expect(result).toMatchObject({ answer: 'v=0 answer' });
  });

  it('is not created if the old call could not be hung up, so that a visitor never has two', async () => {
    const { result, log } = await opened({
      request: { replaces: REPLACES },
      failing: { 'hang up rtc_old in eu': new OpenAiFailure('timeout') },
    });
    expect(await outcomeOf(Promise.reject(result))).toBe('openai_timeout');
    expect(log).not.toContain('create call');
    expect(log).toContain('queue end by visitor in 30 s');
  });

  it('is an ordinary call if the old call has ended', async () => {
    const records = {
      readCall: async () => aCall({ endedBy: 'max_duration' as const }),
      noteEndedBy: () => Promise.reject(new Error('noted')),
      requestEnd: () => Promise.reject(new Error('marked')),
    };
    const { result } = await opened({ request: { replaces: REPLACES }, own: { records } });
    expect(result).toMatchObject({ answer: 'v=0 answer' });
  });

  it('is refused for other errors of the request first', async () => {
    const { refusal } = await refused({
      context: { site: undefined },
      request: { replaces: { ...REPLACES, signature: undefined } },
    });
    expect(refusal).toBe('site_not_found');
  });
});

describe('the watcher of a new call', () => {
  const modeOf = async (watch: WatchMode, context: Partial<TokenContext> = {}) => {
    const { log } = await opened({ watch, context });
    return log.filter((step) => step.startsWith('watch'));
  };

  it.each<[WatchMode, readonly string[]]>([
    ['off', []],
    ['eager', ['watch']],
    ['strict', ['watch strictly']],
  ])('is started in the watch mode of the stage: %s', async (watch, steps) => {
    expect(await modeOf(watch)).toEqual(steps);
  });

  it.each<[string, Partial<TokenContext>]>([
    ['the platform pays for', { workspace: aWorkspace({ billingMode: 'managed' }) }],
    ['a budget can end', { budgets: [aBudget({ action: 'end_calls' })] }],
  ])('must see a call that %s before the page gets the answer', async (_, context) => {
    expect(await modeOf('eager', context)).toEqual(['watch strictly']);
  });
});
