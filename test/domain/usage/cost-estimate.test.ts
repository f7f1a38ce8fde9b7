import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BUILT_IN_PLANS, overageOf, type Plan, planNamed } from '../../../lambdas/domain/tenancy/plan.ts';
import {
  compareWithPlan,
  estimateCost,
  type Month,
  type SessionShape,
  TYPICAL_SESSION,
  tokensOfSession,
} from '../../../lambdas/domain/usage/cost-estimate.ts';
import { priceOf } from '../../../lambdas/domain/usage/price-catalogue.ts';
import { NO_TOKENS, TOKEN_KINDS, type TokenCounts } from '../../../lambdas/domain/usage/token-counts.ts';

const TODAY = new Date('2026-11-24T00:00:00Z');
const CENT = 1_000_000;

const estimated = (model: string, shape: Partial<SessionShape> = {}, sessions = 100) => {
  const price = priceOf(model, TODAY, 'global');
  if (price === undefined) throw new Error(model);
  return estimateCost({ ...TYPICAL_SESSION, ...shape }, price, sessions, BUILT_IN_PLANS);
};

const plan = (name: string): Plan => {
  const found = planNamed(BUILT_IN_PLANS, name);
  if (found === undefined) throw new Error(name);
  return found;
};

/** A month of `minutes` at `centsPerMinute` with your own key. */
const monthOf = (minutes: number, centsPerMinute: number): Month => ({
  seconds: minutes * 60,
  openAiMicroCents: minutes * centsPerMinute * CENT,
});

describe('the estimated tokens of a session', () => {
  it('with one turn are the prompt and the speech of both sides, sent once', () => {
    expect(tokensOfSession({ ...TYPICAL_SESSION, turns: 1 })).toEqual({
      ...NO_TOKENS,
      textIn: 2_000,
      audioIn: 1_200,
      audioOut: 3_600,
    });
  });

  it('include the prompt and the conversation so far again in each turn, partly cached', () => {
    // 10 turns of 120 tokens in and 360 out: prompt again 9 × 2,000; audio again (120 + 360) × (1 + 2 + … + 9).
    expect(tokensOfSession(TYPICAL_SESSION)).toEqual({
      ...NO_TOKENS,
      textIn: 2_000 + 9_000,
      cachedTextIn: 9_000,
      audioIn: 1_200 + 10_800,
      cachedAudioIn: 10_800,
      audioOut: 3_600,
    });
  });

  it('equal the sum over all turns', () => {
    const perTurn = { min: 0, max: 40 };
    fc.assert(
      fc.property(
        fc.integer(perTurn),
        fc.integer(perTurn),
        fc.nat({ max: 5_000 }),
        fc.integer({ min: 1, max: 60 }),
        (inPerTurn, outPerTurn, promptTokens, turns) => {
          let text = 0;
          let audio = 0;
          let conversation = 0;
          for (let turn = 1; turn <= turns; turn++) {
            text += promptTokens;
            audio += conversation + inPerTurn;
            conversation += inPerTurn + outPerTurn;
          }
          const tokens = tokensOfSession({
            minutesIn: (inPerTurn * turns) / 600,
            minutesOut: (outPerTurn * turns) / 1_200,
            promptTokens,
            turns,
            cachedShare: 0,
          });
          expect(tokens).toEqual({
            ...NO_TOKENS,
            textIn: text,
            audioIn: audio,
            audioOut: outPerTurn * turns,
          } satisfies TokenCounts);
        },
      ),
    );
  });

  const anyShape: fc.Arbitrary<SessionShape> = fc.record({
    minutesIn: fc.double({ min: 0, max: 60, noNaN: true }),
    minutesOut: fc.double({ min: 0, max: 60, noNaN: true }),
    promptTokens: fc.nat({ max: 128_000 }),
    turns: fc.integer({ min: 1, max: 1_000 }),
    cachedShare: fc.double({ min: 0, max: 1, noNaN: true }),
  });

  it('are whole and never negative, and their sum does not depend on the cached share', () => {
    const total = (tokens: TokenCounts) => TOKEN_KINDS.reduce((sum, kind) => sum + tokens[kind], 0);
    fc.assert(
      fc.property(anyShape, (shape) => {
        const tokens = tokensOfSession(shape);
        expect(TOKEN_KINDS.every((kind) => Number.isSafeInteger(tokens[kind]) && tokens[kind] >= 0)).toBe(
          true,
        );
        expect(total(tokens)).toBe(total(tokensOfSession({ ...shape, cachedShare: 0 })));
      }),
    );
  });
});

describe('a cost estimate worked out by hand', () => {
  it('for the typical session on the price page, in one turn, is $0.85', () => {
    const { perSession } = estimated('gpt-4o-realtime', { turns: 1 });
    // $5, $100 and $200 per million: $0.01 of prompt, $0.12 of the visitor, $0.72 of the assistant.
    expect(perSession.byKind).toMatchObject({ textIn: CENT, audioIn: 12 * CENT, audioOut: 72 * CENT });
    expect(perSession.totalMicroCents).toBe(85 * CENT);
  });

  it('for the default session on the default model is 20.238 cents, and 500 minutes for a hundred of them', () => {
    const { perSession, month } = estimated('gpt-realtime-2.1-mini');
    expect(perSession.byKind).toEqual({
      textIn: 11_000 * 60,
      cachedTextIn: 9_000 * 6,
      audioIn: 12_000 * 1_000,
      cachedAudioIn: 10_800 * 30,
      imageIn: 0,
      cachedImageIn: 0,
      textOut: 0,
      audioOut: 3_600 * 2_000,
    });
    expect(perSession.totalMicroCents).toBe(20_238_000);
    expect(month).toEqual({ seconds: 500 * 60, openAiMicroCents: 2_023_800_000 });
  });

  it('on gpt-realtime-2.1 breaks even with Starter after 218 minutes and with Pro after 743', () => {
    const { perSession, plans } = estimated('gpt-realtime-2.1');
    // 4.4 + 0.36 + 38.4 + 0.432 + 23.04 = 66.632 cents for 5 minutes: 13.3264 cents per minute.
    expect(perSession.totalMicroCents).toBe(66_632_000);
    expect(
      plans.map(({ plan: { name }, microCents, served, cheaper, breakEvenMinutes }) => [
        name,
        microCents,
        served,
        cheaper,
        breakEvenMinutes,
      ]),
    ).toEqual([
      ['free', null, false, null, 0],
      ['starter', 2_900 * CENT, true, 'managed', 218],
      ['pro', 9_900 * CENT, true, 'byok', 743],
      ['enterprise', null, true, null, null],
    ]);
  });
});

describe('the cost of a month on a plan', () => {
  it('is the fee plus each started minute beyond the included ones', () => {
    const month = { seconds: 500 * 60 + 61, openAiMicroCents: 0 };
    expect(compareWithPlan(month, plan('starter'))).toMatchObject({
      microCents: (2_900 + 2 * 8) * CENT,
      overageMinutes: 2,
      served: true,
    });
  });

  it('does not exist if a hard cap ends the month early', () => {
    expect(compareWithPlan(monthOf(100, 4), plan('free'))).toMatchObject({
      served: true,
      microCents: 0,
      cheaper: 'managed',
    });
    expect(compareWithPlan(monthOf(101, 4), plan('free'))).toMatchObject({
      served: false,
      microCents: null,
      cheaper: null,
    });
  });

  it('shows which option is cheaper, or that neither is', () => {
    expect(compareWithPlan(monthOf(290, 10), plan('starter')).cheaper).toBe('equal');
    expect(compareWithPlan(monthOf(289, 10), plan('starter')).cheaper).toBe('byok');
    expect(compareWithPlan(monthOf(291, 10), plan('starter')).cheaper).toBe('managed');
  });

  it('has no break-even if minutes on your own key are free or there are none', () => {
    for (const month of [monthOf(100, 0), monthOf(0, 0)])
      expect(compareWithPlan(month, plan('starter'))).toMatchObject({
        breakEvenMinutes: null,
        byokAgainMinutes: null,
      });
  });
});

describe('the break-even of a plan', () => {
  const own = (fee: number, included: number, overage: number): Plan => ({
    name: 'own',
    monthlyMicroCents: fee * CENT,
    includedMinutes: included,
    hardCap: false,
    overageMicroCentsPerMinute: overage * CENT,
    maxSites: null,
    maxConcurrent: null,
    maxByokSites: null,
  });

  it.each([
    // 2,900 / 6 = 483.3; then 4,000 - 2,900 = 1,100 cents of advantage go at 2 cents a minute: equal at 550.
    ['within the included minutes, and back again beyond them', plan('starter'), 6, 484, 551],
    ['within the included minutes, for good', plan('starter'), 10, 290, null],
    // 10,000 / 5 = 2,000 is after 1,000 included; (10,000 - 2,000) / (5 - 2) = 2,666.7.
    ['beyond the included minutes', own(10_000, 1_000, 2), 5, 2_667, null],
    ['never, if each minute is more expensive than with your own key', plan('pro'), 4, null, null],
    ['at the first minute, if there is no fee', plan('free'), 4, 0, null],
    ['never, if the hard cap is reached first', { ...own(2_900, 100, 0), hardCap: true }, 4, null, null],
  ] as const)('is %s', (_, of, centsPerMinute, breakEvenMinutes, byokAgainMinutes) => {
    expect(compareWithPlan(monthOf(100, centsPerMinute), of)).toMatchObject({
      breakEvenMinutes,
      byokAgainMinutes,
    });
  });

  it('is never for a month that cost nothing, even if every minute is included', () => {
    expect(compareWithPlan(monthOf(100, 0), { ...own(2_900, 0, 0), includedMinutes: null })).toMatchObject({
      breakEvenMinutes: null,
      byokAgainMinutes: null,
      served: true,
      cheaper: 'byok',
    });
  });

  it('does not depend on a hard cap if all minutes are included', () => {
    const plan = { ...own(2_900, 0, 0), includedMinutes: null, hardCap: true };
    expect(compareWithPlan(monthOf(100, 30), plan)).toMatchObject({ served: true, cheaper: 'managed' });
  });

  it('equals a count minute by minute', () => {
    const anyPlan = fc
      .tuple(fc.nat({ max: 500 }), fc.nat({ max: 60 }), fc.nat({ max: 12 }), fc.boolean())
      .map(([fee, included, overage, hardCap]) => ({ ...own(fee, included, overage), hardCap }));
    fc.assert(
      fc.property(anyPlan, fc.integer({ min: 1, max: 12 }), (of, centsPerMinute) => {
        const managed = (minutes: number): number =>
          of.hardCap && minutes > (of.includedMinutes ?? 0)
            ? Number.POSITIVE_INFINITY
            : (of.monthlyMicroCents ?? 0) + overageOf(of, minutes * 60).microCents;
        const byok = (minutes: number): number => minutes * centsPerMinute * CENT;
        // Beyond 1,500 minutes nothing changes any more: fees, included minutes and rates are all small.
        const minutes = Array.from({ length: 1_500 }, (_, m) => m);
        const caughtUp = minutes.find((m) => managed(m) <= byok(m)) ?? null;
        const again =
          caughtUp === null || of.hardCap
            ? null
            : (minutes.find((m) => m > caughtUp && byok(m) < managed(m)) ?? null);
        expect(compareWithPlan(monthOf(60, centsPerMinute), of)).toMatchObject({
          breakEvenMinutes: caughtUp,
          byokAgainMinutes: again,
        });
      }),
    );
  });
});
