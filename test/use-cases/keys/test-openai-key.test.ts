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

describe('a stored key that is tested', () => {
  it.each([
    ['site', aSite({ voice: 'cedar' })],
    ['workspace', DEFAULT_VOICE_SETTINGS],
  ] as const)(
    'of a %s is paid for, opened on record, and tried with its session',
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

  it('a tested key that mints is reported as working, which is noted of that use', async () => {
    const { result, uses } = await test();
    const [reserved, settled, noted] = uses;
    expect(result).toMatchObject({ ok: true, code: 'ok' });
    expect(settled?.what).toStrictEqual({ ...opened, state: 'issued', openAiRequestId: 'req_1' });
    expect(noted).toEqual({ step: 'note verdict', session: reserved?.session, what: result });
  });

  it.each(OPENAI_FAILURES)('and fails has that for an answer, on record as refused: %s', async (name) => {
    const { result, uses } = await test({ failure: new OpenAiFailure(name, { requestId: 'req_2' }) });
    expect(result).toMatchObject({ ok: false, code: name });
    const outcome = { ...failed, openAiFailure: name, openAiRequestId: 'req_2' };
    expect(uses.slice(1).map(({ what }) => what)).toEqual([outcome, result]);
  });

  it('a tested key without an answer has no request id of one on record', async () => {
    const { uses } = await test({ failure: new OpenAiFailure('timeout') });
    expect(uses[1]?.what).toStrictEqual({ ...failed, openAiFailure: 'timeout' });
  });

  it.each([
    ['was never stored', undefined, 'openai_key_not_stored'],
    ['is deleted', DELETED_KEY, 'openai_key_not_stored'],
    ['is suspended', aSealedKey('site', { state: 'suspended' }), 'openai_key_suspended'],
  ])('and %s is refused before it costs anything', async (_, currentKey, refusal) => {
    const { result, log } = await test({ currentKey });
    expect(result).toMatchObject({ code: refusal });
    expect(log).toEqual(['read key']);
  });

  it('is not opened once the budget of the workspace is spent', async () => {
    const { result, log } = await test({ budgetIsSpent: true });
    expect(result).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 9 });
    expect(log).toEqual(['read key', PAID]);
  });
});
