import { describe, expect, it } from '@jest/globals';
import { DEFAULT_RATE_LIMITS } from '../../../lambdas/domain/limits.ts';
import { OPENAI_FAILURES, OpenAiFailure } from '../../../lambdas/domain/openai-failure.ts';
import { DEFAULT_VOICE_SETTINGS } from '../../../lambdas/domain/tenancy/workspace.ts';
import { testOpenAiKey } from '../../../lambdas/use-cases/keys/test-openai-key.ts';
import { aSite, NOW, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aSealedKey, CALLER, DELETED_KEY, type KeyWorld, playWithKey } from './key-fixture.ts';

const PAID = `spend one of 10 of probe#${WORKSPACE_ID}`;

const test = (given: KeyWorld = {}) =>
  playWithKey((ports) => testOpenAiKey(ports, DEFAULT_RATE_LIMITS), {
    currentKey: aSealedKey(given.scope ?? 'site'),
    ...given,
  });

describe('the test of a stored key', () => {
  it.each([
    ['site', aSite({ voice: 'cedar' })],
    ['workspace', DEFAULT_VOICE_SETTINGS],
  ] as const)(
    'of a %s charges the rate limit, opens the key on record, and checks it with its session settings',
    async (scope, settings) => {
      const { log, asked, uses } = await test({ scope });
      const tried = ['reserve', 'open', 'list models', 'mint', 'settle', 'note verdict'];
      expect(log).toEqual(['read key', PAID, ...tried]);
      expect(asked).toEqual([{ key: 'key 3', settings }]);
      expect(uses[0]).toMatchObject({ session: { kind: 'test', keyScope: scope, actor: CALLER.sub } });
    },
  );

  const opened = { at: NOW.toISOString(), kmsRequestId: 'kms-1' };
  const failed = { ...opened, state: 'refused', refusal: 'test_failed' };

  it('reports a key that mints as working, and stores the verdict with that use', async () => {
    const { result, uses } = await test();
    const [reserved, settled, noted] = uses;
    expect(result).toMatchObject({ ok: true, code: 'ok' });
    expect(settled?.what).toStrictEqual({ ...opened, state: 'issued', openAiRequestId: 'req_1' });
    expect(noted).toEqual({ step: 'note verdict', session: reserved?.session, what: result });
  });

  it.each(OPENAI_FAILURES)(
    'returns the reason of a failed check, and records the use as refused: %s',
    async (name) => {
      const { result, uses } = await test({ failure: new OpenAiFailure(name, { requestId: 'req_2' }) });
      expect(result).toMatchObject({ ok: false, code: name });
      const outcome = { ...failed, openAiFailure: name, openAiRequestId: 'req_2' };
      expect(uses.slice(1).map(({ what }) => what)).toEqual([outcome, result]);
    },
  );

  it('records no OpenAI request ID if OpenAI did not answer', async () => {
    const { uses } = await test({ failure: new OpenAiFailure('timeout') });
    expect(uses[1]?.what).toStrictEqual({ ...failed, openAiFailure: 'timeout' });
  });

  it.each([
    ['was never stored', undefined, 'openai_key_not_stored'],
    ['is deleted', DELETED_KEY, 'openai_key_not_stored'],
    ['is suspended', aSealedKey('site', { state: 'suspended' }), 'openai_key_suspended'],
  ])('is refused before it costs anything if the key %s', async (_, currentKey, refusal) => {
    const { result, log } = await test({ currentKey });
    expect(result).toMatchObject({ code: refusal });
    expect(log).toEqual(['read key']);
  });

  it('does not open the key if the rate limit of the workspace is spent', async () => {
    const { result, log } = await test({ budgetIsSpent: true });
    expect(result).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 9 });
    expect(log).toEqual(['read key', PAID]);
  });
});
