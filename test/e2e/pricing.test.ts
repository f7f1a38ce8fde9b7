import { afterAll, describe, expect, it } from '@jest/globals';
import { statedPlan } from '../../lambdas/contract/plans.ts';
import { BUILT_IN_PLANS } from '../../lambdas/domain/tenancy/plan.ts';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { startTestStack } from '../support/stack.ts';

/** Free and Starter, as a deployment would state them. */
const PLANS = JSON.stringify(BUILT_IN_PLANS.slice(0, 2).map(statedPlan));
const stack = await startTestStack({ audited: false, variables: { PLANS } });
afterAll(() => stack.close());

const estimate = (body: unknown) => stack.call('POST', '/v1/cost-estimate', { body });

describe('the calculator', () => {
  it('answers without a sign-in, and defaults to the typical session of the pricing page', async () => {
    const { per_session, per_month, ...answer } = expectSuccess(await estimate({}));
    expect(answer).toMatchObject({
      model: 'gpt-realtime-2.1-mini',
      price_version: 'gpt-realtime-2.1-mini@2026-07-01',
    });
    expect(per_session).toEqual({
      minutes: 5,
      tokens: {
        input_text: 11_000,
        input_text_cached: 9_000,
        input_audio: 12_000,
        input_audio_cached: 10_800,
        input_image: 0,
        input_image_cached: 0,
        output_text: 0,
        output_audio: 3_600,
      },
      cost_cents_by_kind: {
        input_text: 0.66,
        input_text_cached: 0.054,
        input_audio: 12,
        input_audio_cached: 0.324,
        input_image: 0,
        input_image_cached: 0,
        output_text: 0,
        output_audio: 7.2,
      },
      cost_cents: 20.238,
    });
    expect(per_month).toEqual({ sessions: 100, minutes: 500, cost_cents: 2_023.8 });
  });

  it('returns $0.85 for that session at the rates of the page, in one turn', async () => {
    const { per_session } = expectSuccess(await estimate({ model: 'gpt-4o-realtime', turns: 1 }));
    expect(per_session.cost_cents).toBe(85);
  });

  it('compares your own key with each plan of the deployment', async () => {
    const { plans } = expectSuccess(await estimate({ model: 'gpt-realtime-2.1', sessions_per_month: 120 }));
    expect(plans).toEqual([
      {
        name: 'free',
        cost_cents: null,
        overage_minutes: 0,
        served: false,
        cheaper: null,
        break_even_minutes: 0,
        byok_again_minutes: null,
      },
      {
        name: 'starter',
        cost_cents: 2_900 + 100 * 8,
        overage_minutes: 100,
        served: true,
        cheaper: 'managed',
        break_even_minutes: 218,
        byok_again_minutes: null,
      },
    ]);
  });

  it.each([
    ['gpt-realtime-2.1', 10],
    ['gpt-realtime-2.1-mini', 10],
    ['gpt-realtime-2', 10],
    ['gpt-realtime-1.5', 0],
    ['gpt-realtime', 0],
    ['gpt-realtime-mini', 0],
  ])("adds OpenAI's surcharge for data residency: %s, %d per cent", async (model, percent) => {
    const inGlobal = expectSuccess(await estimate({ model }));
    expect(inGlobal).toMatchObject({ data_residency: 'global', regional_uplift_percent: 0 });
    for (const data_residency of ['eu', 'us', 'ae', 'au', 'in', 'jp']) {
      const regional = expectSuccess(await estimate({ model, data_residency }));
      expect(regional).toMatchObject({
        data_residency,
        regional_uplift_percent: percent,
        price_version: `${inGlobal.price_version}/${data_residency}`,
      });
      const expected = (inGlobal.per_session.cost_cents * (100 + percent)) / 100;
      expect(regional.per_session.cost_cents).toBeCloseTo(expected, 5);
    }
  });

  it('refuses a region that OpenAI does not have', async () => {
    const answer = await estimate({ data_residency: 'sg' });
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toEqual(['data_residency']);
  });

  it('names the field of a model that is not in the catalogue instead of guessing a price', async () => {
    const answer = await estimate({ model: 'gpt-realtime-99' });
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toEqual(['model']);
  });

  it.each<[string, unknown]>([
    ['minutes_in', -1],
    ['minutes_in', 61],
    ['minutes_out', '3'],
    ['prompt_tokens', 1.5],
    ['turns', 0],
    ['turns', 1_001],
    ['cached_share', 1.01],
    ['sessions_per_month', 0],
    ['sessions_per_month', 1_000_001],
    ['api_key', 'x'],
  ])('refuses %s: %p', async (field, value) => {
    const answer = await estimate({ [field]: value });
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toEqual([field]);
  });

  it('returns whole numbers for the largest request that it accepts', async () => {
    const { per_month } = expectSuccess(
      await estimate({
        model: 'gpt-4o-realtime',
        minutes_in: 60,
        minutes_out: 60,
        prompt_tokens: 128_000,
        turns: 1_000,
        cached_share: 0,
        sessions_per_month: 1_000_000,
      }),
    );
    expect(per_month.minutes).toBe(120_000_000);
    expect(Number.isFinite(per_month.cost_cents)).toBe(true);
  });
});

describe('the price list', () => {
  it('has each price with its source, in US dollars per million tokens, and the plans of the deployment', async () => {
    const { models, plans, catalogue_version } = expectSuccess(await stack.call('GET', '/v1/pricing'));
    expect(catalogue_version).toBe('2026-11-23');
    expect(models).toContainEqual({
      model: 'gpt-realtime-2.1',
      aliases: [],
      from: '2026-07-01',
      status: 'active',
      text: { input: 4, cached_input: 0.4, output: 24 },
      audio: { input: 32, cached_input: 0.4, output: 64 },
      image: { input: 5, cached_input: 0.5 },
      source: 'https://developers.openai.com/api/docs/models/gpt-realtime-2.1',
      shutdown_date: null,
      successor: null,
      regional_uplift_percent: 10,
    });
    expect(plans).toEqual(JSON.parse(PLANS));
  });
});

describe('the age of the price list', () => {
  it.each([
    ['2026-11-23T12:00:00Z', 0, false],
    ['2027-02-23T12:00:00Z', 92, false],
    ['2027-02-24T00:00:00Z', 93, true],
    ['2028-01-01T00:00:00Z', 404, true],
  ])('at %s is %d days, and out of date: %s', async (now, days, stale) => {
    const later = await startTestStack({ audited: false, runtime: { clock: () => new Date(now) } });
    try {
      expect(expectSuccess(await later.call('GET', '/v1/pricing'))).toMatchObject({
        catalogue_version: '2026-11-23',
        catalogue_age_days: days,
        catalogue_stale: stale,
      });
    } finally {
      await later.close();
    }
  });
});
