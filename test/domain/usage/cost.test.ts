import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { costOf } from '../../../lambdas/domain/usage/cost.ts';
import { PRICE_CATALOGUE, type Price, priceOf } from '../../../lambdas/domain/usage/price-catalogue.ts';
import {
  addTokens,
  NO_TOKENS,
  TOKEN_KINDS,
  type TokenCounts,
  tokenCountsOf,
} from '../../../lambdas/domain/usage/token-counts.ts';
import { anyTokens, PUBLISHED_USAGE } from './any-tokens.ts';

const TODAY = new Date('2026-11-24T00:00:00Z');

const known = (model: string): Price => {
  const price = priceOf(model, TODAY, 'global');
  if (price === undefined) throw new Error(`No price of ${model}.`);
  return price;
};

interface GoldenCase {
  readonly name: string;
  readonly model: string;
  readonly tokens: TokenCounts;
  /** Tokens × US dollars per million = micro-dollars; one micro-dollar is 100 micro-cents. */
  readonly byHand: readonly (readonly [tokens: number, usdPerMillion: number])[];
  readonly microCents: number;
  readonly source: string;
}

/** 119 text tokens in, 64 of them cached; 13 audio in; 30 text out; 91 audio out. */
const PUBLISHED = tokenCountsOf(PUBLISHED_USAGE);
const MODEL_PAGES = 'developers.openai.com/api/docs/models';

const GOLDEN: readonly GoldenCase[] = [
  {
    name: 'the published response.done on gpt-realtime',
    model: 'gpt-realtime-2025-08-28',
    tokens: PUBLISHED,
    byHand: [
      [55, 4],
      [64, 0.4],
      [13, 32],
      [30, 16],
      [91, 64],
    ],
    microCents: 22_000 + 2_560 + 41_600 + 48_000 + 582_400,
    source: 'LiteLLM at 00035b69, row gpt-realtime-2025-08-28',
  },
  {
    name: 'the published response.done on gpt-realtime-2.1, whose text output is more expensive',
    model: 'gpt-realtime-2.1',
    tokens: PUBLISHED,
    byHand: [
      [55, 4],
      [64, 0.4],
      [13, 32],
      [30, 24],
      [91, 64],
    ],
    microCents: 22_000 + 2_560 + 41_600 + 72_000 + 582_400,
    source: `${MODEL_PAGES}/gpt-realtime-2.1`,
  },
  {
    name: 'the published response.done on gpt-realtime-2.1-mini',
    model: 'gpt-realtime-2.1-mini',
    tokens: PUBLISHED,
    byHand: [
      [55, 0.6],
      [64, 0.06],
      [13, 10],
      [30, 2.4],
      [91, 20],
    ],
    microCents: 3_300 + 384 + 13_000 + 7_200 + 182_000,
    source: `${MODEL_PAGES}/gpt-realtime-2.1-mini`,
  },
  {
    name: 'the published response.done on gpt-4o-realtime-preview after its price was cut',
    model: 'gpt-4o-realtime-preview-2024-12-17',
    tokens: PUBLISHED,
    byHand: [
      [55, 5],
      [64, 2.5],
      [13, 40],
      [30, 20],
      [91, 80],
    ],
    microCents: 27_500 + 16_000 + 52_000 + 60_000 + 728_000,
    source: `${MODEL_PAGES}/gpt-4o-realtime-preview`,
  },
  {
    name: 'a thousand of every kind on gpt-realtime-1.5',
    model: 'gpt-realtime-1.5',
    tokens: {
      textIn: 1_000,
      cachedTextIn: 1_000,
      audioIn: 1_000,
      cachedAudioIn: 1_000,
      imageIn: 1_000,
      cachedImageIn: 1_000,
      textOut: 1_000,
      audioOut: 1_000,
    },
    byHand: [
      [1_000, 4],
      [1_000, 0.4],
      [1_000, 32],
      [1_000, 0.4],
      [1_000, 5],
      [1_000, 0.5],
      [1_000, 16],
      [1_000, 64],
    ],
    microCents: 12_230_000,
    source: `${MODEL_PAGES}/gpt-realtime-1.5`,
  },
  {
    name: 'cached audio on gpt-4o-mini-realtime-preview, at 3 % of the price of fresh audio',
    model: 'gpt-4o-mini-realtime-preview',
    tokens: { ...NO_TOKENS, audioIn: 600, cachedAudioIn: 600 },
    byHand: [
      [600, 10],
      [600, 0.3],
    ],
    microCents: 600_000 + 18_000,
    source: `${MODEL_PAGES}/gpt-4o-mini-realtime-preview`,
  },
  {
    name: "the page's typical session at the page's own rates: $0.85, not $0.10 to $0.20",
    model: 'gpt-4o-realtime',
    tokens: { ...NO_TOKENS, textIn: 2_000, audioIn: 2 * 600, audioOut: 3 * 1_200 },
    byHand: [
      [2_000, 5],
      [1_200, 100],
      [3_600, 200],
    ],
    microCents: 1_000_000 + 12_000_000 + 72_000_000,
    source: "the product's BYOK page",
  },
];

describe('a cost worked out by hand from published rates', () => {
  it.each(GOLDEN)('$name ($source)', ({ model, tokens, byHand, microCents }) => {
    const microDollars = byHand.reduce((sum, [count, usdPerMillion]) => sum + count * usdPerMillion, 0);
    expect(microDollars * 100).toBeCloseTo(microCents, 3);
    expect(costOf(tokens, known(model)).totalMicroCents).toBe(microCents);
  });
});

describe('every price of the catalogue', () => {
  const prices = PRICE_CATALOGUE.map(({ model, from }) => {
    const price = priceOf(model, new Date(from), 'global');
    if (price === undefined) throw new Error(model);
    return price;
  });
  const anyPrice = fc.constantFrom(...prices);

  it('gives whole, non-negative micro-cents that add up', () => {
    fc.assert(
      fc.property(anyTokens(10_000_000), anyPrice, (tokens, price) => {
        const { byKind, totalMicroCents } = costOf(tokens, price);
        expect(TOKEN_KINDS.every((kind) => Number.isSafeInteger(byKind[kind]) && byKind[kind] >= 0)).toBe(
          true,
        );
        expect(totalMicroCents).toBe(Object.values(byKind).reduce((sum, cost) => sum + cost, 0));
      }),
    );
  });

  it('gives two responses together the sum of their separate costs', () => {
    fc.assert(
      fc.property(anyTokens(10_000_000), anyTokens(10_000_000), anyPrice, (one, other, price) => {
        expect(costOf(addTokens(one, other), price).totalMicroCents).toBe(
          costOf(one, price).totalMicroCents + costOf(other, price).totalMicroCents,
        );
      }),
    );
  });

  it('makes a cached token at most as expensive as a fresh one, and counts it once', () => {
    fc.assert(
      fc.property(fc.nat({ max: 100_000 }), fc.nat({ max: 100_000 }), anyPrice, (text, cached, price) => {
        const usage = (cachedTokens: number) =>
          costOf(
            tokenCountsOf({
              input_tokens: text,
              input_token_details: {
                text_tokens: text,
                cached_tokens: cachedTokens,
                cached_tokens_details: { text_tokens: cachedTokens },
              },
            }),
            price,
          ).totalMicroCents;
        const reallyCached = Math.min(text, cached);
        const saving = price.rates.textIn - price.rates.cachedTextIn;
        expect(saving).toBeGreaterThanOrEqual(0);
        expect(usage(cached)).toBe(usage(0) - reallyCached * saving);
      }),
    );
  });
});

describe('a cost in a region', () => {
  const TOKENS = { ...NO_TOKENS, textIn: 100_000, textOut: 2_000 };

  it.each([
    ['gpt-realtime-2.1', 'global', 44_800_000],
    ['gpt-realtime-2.1', 'eu', 49_280_000],
    ['gpt-realtime-2.1', 'us', 49_280_000],
    ['gpt-realtime-2', 'eu', 49_280_000],
    ['gpt-realtime-2.1-mini', 'global', 6_480_000],
    ['gpt-realtime-2.1-mini', 'jp', 7_128_000],
    ['gpt-realtime-1.5', 'eu', 43_200_000],
    ['gpt-realtime', 'us', 43_200_000],
  ] as const)(
    'is, for 100,000 text tokens in and 2,000 out on %s, %s: %d micro-cents',
    (model, region, microCents) => {
      const price = priceOf(model, TODAY, region);
      if (price === undefined) throw new Error(`No price of ${model}.`);
      expect(costOf(TOKENS, price).totalMicroCents).toBe(microCents);
    },
  );

  it('is in whole micro-cents, adds up, and is off by less than one per kind of token', () => {
    fc.assert(
      fc.property(anyTokens(10_000_000), (tokens) => {
        const global = priceOf('gpt-realtime-2.1-mini', TODAY, 'global');
        const regional = priceOf('gpt-realtime-2.1-mini', TODAY, 'eu');
        if (global === undefined || regional === undefined) throw new Error('No price.');
        const { byKind, totalMicroCents } = costOf(tokens, regional);
        expect(Object.values(byKind).every(Number.isSafeInteger)).toBe(true);
        expect(totalMicroCents).toBe(Object.values(byKind).reduce((sum, cost) => sum + cost, 0));
        const exact = costOf(tokens, global).totalMicroCents * 1.1;
        expect(Math.abs(totalMicroCents - exact)).toBeLessThan(TOKEN_KINDS.length);
      }),
    );
  });
});
