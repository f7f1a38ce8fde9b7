import { describe, expect, it } from '@jest/globals';
import { highestCostOfResponse } from '../../../lambdas/domain/budgets/response-bound.ts';
import { MAX_OUTPUT_TOKENS, POST_INSTRUCTION_TOKENS } from '../../../lambdas/domain/openai-models.ts';
import { costOf } from '../../../lambdas/domain/usage/cost.ts';
import { PRICE_CATALOGUE, priceOf } from '../../../lambdas/domain/usage/price-catalogue.ts';
import { NO_TOKENS } from '../../../lambdas/domain/usage/token-counts.ts';

const AT = new Date('2026-11-30T12:00:00Z');
const priced = (model: string, region: 'global' | 'eu' = 'global') => {
  const price = priceOf(model, AT, region);
  if (price === undefined) throw new Error(`${model} has no price.`);
  return price;
};

describe('the highest cost of a response', () => {
  it.each(PRICE_CATALOGUE.flatMap(({ model }) => [[model, 'global'] as const, [model, 'eu'] as const]))(
    'of %s in %s is at least the cost of any tokens within the session limits',
    (model, region) => {
      const price = priced(model, region);
      const bound = highestCostOfResponse(price, {
        instructions: 'ß'.repeat(50),
        turnMs: 2_000,
        maxOutputTokens: MAX_OUTPUT_TOKENS,
      });
      for (const kind of ['textIn', 'cachedTextIn', 'audioIn', 'cachedAudioIn', 'imageIn'] as const)
        for (const out of ['textOut', 'audioOut'] as const) {
          const tokens = { ...NO_TOKENS, [kind]: POST_INSTRUCTION_TOKENS + 20, [out]: MAX_OUTPUT_TOKENS };
          const instructions = { ...NO_TOKENS, textIn: 100 };
          const most = costOf(tokens, price).totalMicroCents + costOf(instructions, price).totalMicroCents;
          expect(bound).toBeGreaterThanOrEqual(most);
        }
    },
  );

  it('is at least the cost when each kind of token is rounded up', () => {
    const price = priced('gpt-realtime-2.1-mini', 'eu');
    const tokens = {
      ...NO_TOKENS,
      textIn: 1,
      cachedTextIn: 1,
      audioIn: 1,
      cachedAudioIn: 1,
      textOut: 1,
      audioOut: 1,
    };
    const bound = highestCostOfResponse(price, {
      instructions: '',
      turnMs: 0,
      maxOutputTokens: MAX_OUTPUT_TOKENS,
    });
    expect(bound).toBeGreaterThan(costOf(tokens, price).totalMicroCents);
  });

  it('is about 35 cents with gpt-realtime-2.1 and 11 cents with its small model', () => {
    const of = (model: string) =>
      highestCostOfResponse(priced(model), {
        instructions: 'x'.repeat(2_000),
        turnMs: 10_000,
        maxOutputTokens: MAX_OUTPUT_TOKENS,
      }) / 1_000_000;
    expect(of('gpt-realtime-2.1')).toBeCloseTo(33.6, 0);
    expect(of('gpt-realtime-2.1-mini')).toBeCloseTo(10.4, 0);
  });

  it('grows with the length of the turn and with each byte of the instructions', () => {
    const price = priced('gpt-realtime-2.1-mini');
    const of = (instructions: string, turnMs: number) =>
      highestCostOfResponse(price, { instructions, turnMs, maxOutputTokens: MAX_OUTPUT_TOKENS });
    expect(of('', 100) - of('', 0)).toBe(price.rates.audioIn);
    expect(of('', 101) - of('', 100)).toBe(price.rates.audioIn);
    expect(of('é', 0) - of('', 0)).toBe(2 * price.rates.textIn);
  });
});
