import { describe, expect, it } from '@jest/globals';
import { OPENAI_FAILURES, OpenAiFailure } from '../../../lambdas/domain/openai-failure.ts';
import { Secret } from '../../../lambdas/domain/secret.ts';
import { DEFAULT_VOICE_SETTINGS } from '../../../lambdas/domain/tenancy/workspace.ts';
import { probeOpenAiKey } from '../../../lambdas/use-cases/keys/probe-openai-key.ts';
import type { OpenAi } from '../../../lambdas/use-cases/ports/openai.ts';
import { NOW } from '../sessions/token-fixture.ts';
import { NO_CALLS } from './key-fixture.ts';

const KEY = Secret.fromText('a key');
const MINTED = { openAiRequestId: 'req_minted' };

/** A probe of a key for which OpenAI answers so; each answer takes 40 ms. */
const probed = async (
  answers: { readonly models?: readonly string[] | Error; readonly mint?: Error } = {},
) => {
  const asked: unknown[] = [];
  let ms = NOW.getTime();
  const answer = async (call: unknown, error: Error | undefined, value: unknown) => {
    asked.push(call);
    ms += 40;
    if (error !== undefined) throw error;
    return value;
  };
  const { models = [DEFAULT_VOICE_SETTINGS.model], mint } = answers;
  const [denied, ids] = models instanceof Error ? [models, []] : [undefined, models];
  const openAi = {
    listModels: (_: Secret, options: object) =>
      answer(
        { models: options },
        denied,
        ids.map((id) => ({ id, shutdownDate: '2026-12-01' })),
      ),
    mintClientSecret: (_: Secret, options: object) => answer({ mint: options }, mint, MINTED),
  } as unknown as OpenAi;
  const outcome = await probeOpenAiKey({ openAi, calls: NO_CALLS, clock: () => new Date(ms) })(
    KEY,
    DEFAULT_VOICE_SETTINGS,
  ).catch((error: unknown) => error);
  return { asked, outcome };
};

describe('a key that is tried at OpenAI', () => {
  it('lists the models, then mints a secret of ten seconds, and may take eight seconds for each', async () => {
    const { asked } = await probed();
    expect(asked).toEqual([
      { models: { settings: DEFAULT_VOICE_SETTINGS, timeoutMs: 8_000 } },
      {
        mint: {
          settings: DEFAULT_VOICE_SETTINGS,
          timeoutMs: 8_000,
          ttlSeconds: 10,
          safetyIdentifier: undefined,
        },
      },
    ]);
  });

  it('is good when it mints; how long that took and when its model ends is said', async () => {
    const { outcome } = await probed();
    expect(outcome).toEqual({
      failure: undefined,
      openAiRequestId: 'req_minted',
      verdict: {
        ok: true,
        code: 'model_retiring',
        message: expect.stringContaining('2026-12-01'),
        checkedAt: new Date(NOW.getTime() + 80).toISOString(),
        latencyMs: 80,
      },
    });
  });

  it.each([
    ['may not list models', new OpenAiFailure('missing_permission')],
    ['is shown none', []],
  ])('is judged by the mint where it %s', async (_, models) => {
    const { asked, outcome } = await probed({ models });
    expect(asked).toHaveLength(2);
    expect(outcome).toMatchObject({ failure: undefined, verdict: { ok: true, code: 'ok' } });
  });

  it('is minted with where the model is one of many', async () => {
    const { outcome } = await probed({ models: ['gpt-4o', DEFAULT_VOICE_SETTINGS.model] });
    expect(outcome).toMatchObject({ failure: undefined, verdict: { ok: true } });
  });

  it('is not minted with where its list lacks the model', async () => {
    const { asked, outcome } = await probed({ models: ['gpt-4o', 'gpt-realtime'] });
    expect(asked).toHaveLength(1);
    expect(outcome).toMatchObject({
      failure: { reason: 'model_unavailable' },
      verdict: { ok: false, code: 'model_unavailable', latencyMs: 40 },
    });
  });

  it.each(OPENAI_FAILURES.filter((name) => name !== 'missing_permission'))(
    'is not minted with after the list has failed with %s',
    async (name) => {
      const { asked, outcome } = await probed({ models: new OpenAiFailure(name) });
      expect(asked).toHaveLength(1);
      expect(outcome).toMatchObject({ verdict: { ok: false, code: name } });
    },
  );

  it.each(OPENAI_FAILURES)('has the verdict %s where the mint fails with it', async (name) => {
    const failure = new OpenAiFailure(name, { requestId: 'req_failed' });
    expect((await probed({ mint: failure })).outcome).toEqual({
      failure,
      openAiRequestId: 'req_failed',
      verdict: {
        ok: false,
        code: name,
        message: expect.any(String),
        checkedAt: new Date(NOW.getTime() + 80).toISOString(),
        latencyMs: 80,
      },
    });
  });

  it.each(['models', 'mint'])('has no verdict where %s ends with a fault of ours', async (call) => {
    const fault = new TypeError('ours');
    expect((await probed({ [call]: fault })).outcome).toBe(fault);
  });
});
