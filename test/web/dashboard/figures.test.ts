import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { curvePoints, planCents } from '../../../web/dashboard/src/calculator/curve.ts';
import { atATime } from '../../../web/dashboard/src/usage/at-a-time.ts';
import { addUsage, centsOf, NO_TOKENS } from '../../../web/dashboard/src/voice/meter.ts';

const at = (seconds: number): string => new Date(seconds * 1_000).toISOString();
const NOW = 1_000_000;

describe('the chart of simultaneous sessions', () => {
  it('never falls below zero, even if the clocks of visitors and of the page differ', () => {
    const sessions = [
      { connected_at: at(NOW / 1_000 + 60), ended_at: null },
      { connected_at: at(30), ended_at: at(20) },
    ];
    expect(atATime(sessions, NOW).map(({ value }) => value)).toEqual([0, 0]);
  });

  it('rises with each connection, falls with each end, and counts an end before a simultaneous start', () => {
    const sessions = [
      { connected_at: at(10), ended_at: at(20) },
      { connected_at: at(15), ended_at: at(30) },
      { connected_at: at(20), ended_at: null },
      { connected_at: null, ended_at: null },
    ];
    expect(atATime(sessions, NOW).map(({ at: time, value }) => [time / 1_000, value])).toEqual([
      [10, 1],
      [15, 2],
      [20, 2],
      [30, 1],
      [1_000, 0],
    ]);
  });

  it('ends at zero for any sessions', () => {
    const span = fc
      .tuple(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 90 }))
      .map(([from, length]) => ({ connected_at: at(from), ended_at: at(from + length + 1) }));
    fc.assert(
      fc.property(fc.array(span, { minLength: 1 }), (sessions) => {
        const values = atATime(sessions, NOW).map(({ value }) => value);
        expect(Math.min(...values)).toBe(0);
        expect(values.at(-1)).toBe(0);
      }),
    );
  });
});

const STARTER = {
  name: 'starter',
  monthly_usd: 29,
  included_minutes: 500,
  hard_cap: false,
  overage_usd_per_minute: 0.08,
  max_sites: 3,
  max_concurrent: null,
  max_byok_sites: null,
};
const FREE = {
  ...STARTER,
  name: 'free',
  monthly_usd: 0,
  included_minutes: 100,
  hard_cap: true,
  overage_usd_per_minute: null,
};

describe('the break-even curve', () => {
  it('is flat within a plan, rises with its overage, and ends at a hard cap', () => {
    expect([0, 500, 600].map((minutes) => planCents(STARTER, minutes))).toEqual([2_900, 2_900, 3_700]);
    expect(planCents(FREE, 100)).toBe(0);
    expect(planCents(FREE, 101)).toBeUndefined();
    expect(planCents({ ...STARTER, monthly_usd: null }, 1)).toBeUndefined();
  });

  it('has a point at each bend of a plan', () => {
    const xs = curvePoints(5, [STARTER, FREE], 1_100).map(({ x }) => x);
    expect(xs).toEqual(expect.arrayContaining([0, 100, 500, 1_100]));
    expect(xs).toEqual([...xs].sort((a, b) => (a ?? 0) - (b ?? 0)));
  });
});

/** The example of `response.done` in OpenAI's API description. */
const PUBLISHED = {
  input_token_details: {
    text_tokens: 119,
    audio_tokens: 13,
    cached_tokens_details: { text_tokens: 64, audio_tokens: 0 },
  },
  output_token_details: { text_tokens: 30, audio_tokens: 91 },
};

describe('the cost meter of a conversation', () => {
  it('counts a cached token once, and adds up over answers', () => {
    const twice = addUsage(addUsage(NO_TOKENS, PUBLISHED), PUBLISHED);
    expect(twice).toEqual({
      textIn: 110,
      cachedTextIn: 128,
      audioIn: 26,
      cachedAudioIn: 0,
      textOut: 60,
      audioOut: 182,
    });
  });

  it('counts an answer without token counts as zero', () => {
    expect(addUsage(NO_TOKENS, {})).toEqual(NO_TOKENS);
  });

  it('uses the latest rates of the model, and shows no cost for a model without a price', () => {
    const row = {
      aliases: [],
      status: 'active' as const,
      image: null,
      source: '',
      shutdown_date: null,
      successor: null,
      regional_uplift_percent: 0,
    };
    const rates = { input: 1, cached_input: 0.5, output: 2 };
    const models = [
      { ...row, model: 'm', from: '2025-01-01', text: rates, audio: rates },
      { ...row, model: 'm', from: '2026-01-01', text: { ...rates, input: 10 }, audio: rates },
    ];
    expect(centsOf({ ...NO_TOKENS, textIn: 1_000_000 }, models, 'm', 'eu')).toBe(1_000);
    expect(centsOf(NO_TOKENS, models, 'other', 'global')).toBeUndefined();
  });
});
