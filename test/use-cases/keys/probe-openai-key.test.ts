import { describe, expect, it } from '@jest/globals';
import type { KeyUse, KeyUses } from '../../../lambdas/domain/keys/key-uses.ts';
import { OPENAI_FAILURES, OpenAiFailure } from '../../../lambdas/domain/openai-failure.ts';
import { Secret } from '../../../lambdas/domain/secret.ts';
import { DEFAULT_VOICE_SETTINGS, type VoiceSettings } from '../../../lambdas/domain/tenancy/workspace.ts';
import { type ProbeResult, probeOpenAiKey } from '../../../lambdas/use-cases/keys/probe-openai-key.ts';
import { usesWith } from '../../../lambdas/use-cases/keys/uses-of-key.ts';
import type { OpenAi } from '../../../lambdas/use-cases/ports/openai.ts';
import { aSite, NOW, SITE_ID } from '../sessions/token-fixture.ts';
import { NO_CALLS } from './key-fixture.ts';

const KEY = Secret.fromText('a key');
const MINTED = { openAiRequestId: 'req_minted' };
const USES = usesWith(DEFAULT_VOICE_SETTINGS);

/** A probe of a key for which OpenAI answers so; both calls together take 40 ms. */
const probed = async (
  answers: {
    readonly models?: readonly string[] | Error;
    readonly mint?: Error | ((settings: VoiceSettings) => Error | undefined);
    readonly uses?: KeyUses;
  } = {},
) => {
  const asked: unknown[] = [];
  let ms = NOW.getTime();
  const answer = async (call: unknown, error: Error | undefined, value: unknown) => {
    asked.push(call);
    ms = NOW.getTime() + 40;
    if (error !== undefined) throw error;
    return value;
  };
  const { models = [DEFAULT_VOICE_SETTINGS.model], mint, uses = USES } = answers;
  const [denied, ids] = models instanceof Error ? [models, []] : [undefined, models];
  const openAi = {
    listModels: (_: Secret, options: object) =>
      answer(
        { models: options },
        denied,
        ids.map((id) => ({ id, shutdownDate: '2026-12-01' })),
      ),
    mintClientSecret: (_: Secret, options: { readonly settings: VoiceSettings }) =>
      answer({ mint: options }, typeof mint === 'function' ? mint(options.settings) : mint, MINTED),
  } as unknown as OpenAi;
  const outcome = await probeOpenAiKey({ openAi, calls: NO_CALLS, clock: () => new Date(ms) })(
    KEY,
    uses,
  ).catch((error: unknown) => error);
  return { asked, outcome, result: outcome as ProbeResult };
};

describe('the check of a key at OpenAI', () => {
  it('lists the models and mints a secret of ten seconds, with at most eight seconds for each', async () => {
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

  it('succeeds if the key mints, and returns the latency and the shutdown date of the model', async () => {
    const { outcome } = await probed();
    expect(outcome).toEqual({
      failure: undefined,
      sites: [],
      openAiRequestId: 'req_minted',
      verdict: {
        ok: true,
        code: 'model_retiring',
        message: expect.stringContaining('2026-12-01'),
        checkedAt: new Date(NOW.getTime() + 40).toISOString(),
        latencyMs: 40,
      },
    });
  });

  it.each([
    ['gets no models', []],
    ['gets a list without the model', ['gpt-4o', 'gpt-realtime']],
    ...OPENAI_FAILURES.map((name) => [`gets ${name} for the list`, new OpenAiFailure(name)] as const),
  ])('is decided by the mint even if it %s', async (_, models) => {
    const good = await probed({ models });
    expect(good.asked).toHaveLength(2);
    expect(good.outcome).toMatchObject({ failure: undefined, verdict: { ok: true, code: 'ok' } });
    const bad = await probed({ models, mint: new OpenAiFailure('key_invalid') });
    expect(bad.outcome).toMatchObject({ verdict: { ok: false, code: 'key_invalid' } });
  });

  it.each(OPENAI_FAILURES)('returns the verdict %s if the mint fails with this reason', async (name) => {
    const failure = new OpenAiFailure(name, { requestId: 'req_failed' });
    expect((await probed({ mint: failure })).outcome).toEqual({
      failure,
      sites: [],
      openAiRequestId: 'req_failed',
      verdict: {
        ok: false,
        code: name,
        message: expect.any(String),
        checkedAt: new Date(NOW.getTime() + 40).toISOString(),
        latencyMs: 40,
      },
    });
  });

  it.each(['models', 'mint'])(
    'throws instead of returning a verdict if %s fails through a fault of ours',
    async (call) => {
      const fault = new TypeError('ours');
      expect((await probed({ [call]: fault })).outcome).toBe(fault);
    },
  );
});

describe('the check of a key for several sites', () => {
  const use = (name: string, settings: Partial<VoiceSettings>): KeyUse => ({
    settings: { ...DEFAULT_VOICE_SETTINGS, ...settings },
    control: 'open',
    sites: [{ siteId: SITE_ID, name }],
  });
  const uses: KeyUses = {
    uses: [
      use('Shop', { model: 'gpt-realtime-2.1' }),
      use('Blog', { model: 'gpt-realtime-2' }),
      use('Europe', { dataResidency: 'eu' }),
    ],
    unchecked: [],
  };
  const failing =
    (failures: Readonly<Record<string, 'model_unavailable' | 'wrong_region' | 'timeout' | 'key_invalid'>>) =>
    ({ model, dataResidency }: VoiceSettings) => {
      const name = failures[dataResidency === 'global' ? model : dataResidency];
      return name === undefined ? undefined : new OpenAiFailure(name);
    };

  it('mints once for each combination, and lists the models once per region', async () => {
    const { asked } = await probed({ uses });
    const settings = asked.map((call) =>
      Object.entries(call as object).map(([kind, { settings: s }]) => [kind, s.model, s.dataResidency]),
    );
    expect(settings.flat()).toEqual([
      ['models', 'gpt-realtime-2', 'global'],
      ['models', DEFAULT_VOICE_SETTINGS.model, 'eu'],
      ['mint', 'gpt-realtime-2.1', 'global'],
      ['mint', 'gpt-realtime-2', 'global'],
      ['mint', DEFAULT_VOICE_SETTINGS.model, 'eu'],
    ]);
  });

  it('succeeds if the key works for some sites, and lists the other sites with the reason', async () => {
    const { result } = await probed({ uses, models: [], mint: failing({ eu: 'wrong_region' }) });
    expect(result).toMatchObject({
      failure: undefined,
      verdict: {
        ok: true,
        code: 'some_sites_fail',
        message: expect.stringMatching(/2 of 3 sites.*"Europe"/),
      },
      sites: [
        { name: 'Europe', ok: false, code: 'wrong_region' },
        { name: 'Shop', ok: true, code: 'ok' },
        { name: 'Blog', ok: true, code: 'ok' },
      ],
    });
  });

  it('does not succeed for sites that were not checked', async () => {
    const { result } = await probed({
      uses: { ...uses, unchecked: [{ siteId: SITE_ID, name: 'Eleventh' }] },
      models: [],
    });
    expect(result.verdict).toMatchObject({ ok: true, code: 'some_sites_fail' });
    expect(result.verdict.message).toContain('3 of 4 sites');
    expect(result.sites[0]).toMatchObject({ name: 'Eleventh', ok: null, code: 'not_checked' });
  });

  it.each([
    [
      'fails for all sites with the fault of the key, whatever else failed',
      { eu: 'model_unavailable', 'gpt-realtime-2': 'key_invalid' },
      'key_invalid',
    ],
    [
      'is undecided if OpenAI did not answer for one site',
      { eu: 'wrong_region', 'gpt-realtime-2': 'timeout' },
      'timeout',
    ],
    ['names the wrong settings if no site works', { eu: 'wrong_region' }, 'model_unavailable'],
  ] as const)('%s', async (_, failures, code) => {
    const mint = failing({
      'gpt-realtime-2.1': 'model_unavailable',
      'gpt-realtime-2': 'model_unavailable',
      ...failures,
    });
    const { result } = await probed({ uses, mint });
    expect(result.verdict).toMatchObject({ ok: false, code });
    expect(result.failure?.reason).toBe(code);
  });
});

describe('the settings of a site', () => {
  it('are used by the check of its key', async () => {
    const site = aSite({ voice: 'cedar', model: 'gpt-realtime-2' });
    const { asked } = await probed({ uses: usesWith(site) });
    expect(asked[1]).toMatchObject({ mint: { settings: site } });
  });
});
