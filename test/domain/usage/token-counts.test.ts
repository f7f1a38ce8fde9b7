import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  addTokens,
  NO_TOKENS,
  type ReportedUsage,
  subtractTokens,
  TOKEN_KINDS,
  type TokenCounts,
  tokenCountsOf,
} from '../../../lambdas/domain/usage/token-counts.ts';
import { anyTokens, PUBLISHED_USAGE } from './any-tokens.ts';

const counts = (some: Partial<TokenCounts>): TokenCounts => ({ ...NO_TOKENS, ...some });

describe('reading the usage of response.done', () => {
  it("counts cached tokens once, in OpenAI's published example", () => {
    // 119 text tokens, of which 64 cached: 119 − 64 = 55.
    expect(tokenCountsOf(PUBLISHED_USAGE)).toEqual(
      counts({ textIn: 55, cachedTextIn: 64, audioIn: 13, textOut: 30, audioOut: 91 }),
    );
  });

  it.each<[string, ReportedUsage, Partial<TokenCounts>]>([
    ['nothing at all is no tokens', {}, {}],
    [
      'totals without details are text',
      { input_tokens: 100, output_tokens: 20 },
      { textIn: 100, textOut: 20 },
    ],
    [
      'what the details do not explain is text',
      {
        input_tokens: 100,
        output_tokens: 20,
        input_token_details: { audio_tokens: 60 },
        output_token_details: { audio_tokens: 15 },
      },
      { textIn: 40, audioIn: 60, textOut: 5, audioOut: 15 },
    ],
    [
      'details without totals are believed',
      { input_token_details: { text_tokens: 3, image_tokens: 4 }, output_token_details: { text_tokens: 2 } },
      { textIn: 3, imageIn: 4, textOut: 2 },
    ],
    [
      'cached tokens of an unsaid medium are text, then image, then audio',
      {
        input_tokens: 60,
        input_token_details: { text_tokens: 10, audio_tokens: 30, image_tokens: 20, cached_tokens: 45 },
      },
      { cachedTextIn: 10, cachedImageIn: 20, audioIn: 15, cachedAudioIn: 15 },
    ],
    [
      'the said part of the cached tokens stays where it was said, the rest is attributed',
      {
        input_token_details: {
          text_tokens: 10,
          audio_tokens: 30,
          cached_tokens: 20,
          cached_tokens_details: { audio_tokens: 16 },
        },
      },
      { textIn: 6, cachedTextIn: 4, audioIn: 14, cachedAudioIn: 16 },
    ],
    [
      'never more cached tokens than tokens',
      {
        input_token_details: {
          text_tokens: 5,
          cached_tokens: 900,
          cached_tokens_details: { text_tokens: 800, audio_tokens: 100 },
        },
      },
      { cachedTextIn: 5 },
    ],
    [
      // Seen of gpt-realtime-2.1-mini: BerriAI/litellm#40010.
      'reasoning tokens are a part of the text',
      {
        output_tokens: 57,
        output_token_details: { text_tokens: 57, audio_tokens: 0, reasoning_tokens: 52 } as ReportedUsage,
      } as ReportedUsage,
      { textOut: 57 },
    ],
    [
      'null details are missing details',
      { input_tokens: 7, input_token_details: null, output_tokens: null, output_token_details: null },
      { textIn: 7 },
    ],
    [
      'negative, broken and infinite counts prove nothing',
      {
        input_tokens: -5,
        output_tokens: Number.NaN,
        input_token_details: { text_tokens: 2.9, audio_tokens: Number.POSITIVE_INFINITY, cached_tokens: -1 },
      },
      { textIn: 2 },
    ],
  ])('is correct: %s', (_, usage, expected) => {
    expect(tokenCountsOf(usage)).toEqual(counts(expected));
  });

  const count = fc.option(fc.oneof(fc.integer({ min: -10, max: 200_000 }), fc.double()), { nil: undefined });
  const media = fc.record({ text_tokens: count, audio_tokens: count, image_tokens: count });
  const anyUsage = fc.record({
    input_tokens: count,
    output_tokens: count,
    input_token_details: fc.option(
      fc
        .tuple(
          media,
          fc.record({
            cached_tokens: count,
            cached_tokens_details: fc.option(media, { nil: undefined }),
          }),
        )
        .map(([kinds, cached]) => ({ ...kinds, ...cached })),
      { nil: undefined },
    ),
    output_token_details: fc.option(media, { nil: undefined }),
  });

  it('gives whole, non-negative counts for any input', () => {
    fc.assert(
      fc.property(anyUsage, (usage) => {
        const tokens = tokenCountsOf(usage);
        return TOKEN_KINDS.every((kind) => Number.isInteger(tokens[kind]) && tokens[kind] >= 0);
      }),
    );
  });

  it('adds up to the total if the details fit into it, and counts each cached token in one kind', () => {
    const some = fc.nat({ max: 100_000 });
    fc.assert(
      fc.property(some, some, some, some, some, (text, audio, image, unexplained, cached) => {
        const total = text + audio + image + unexplained;
        const tokens = tokenCountsOf({
          input_tokens: total,
          input_token_details: {
            text_tokens: text,
            audio_tokens: audio,
            image_tokens: image,
            cached_tokens: cached,
          },
        });
        const cachedCounted = tokens.cachedTextIn + tokens.cachedAudioIn + tokens.cachedImageIn;
        expect(cachedCounted).toBe(Math.min(cached, total));
        expect(tokens.textIn + tokens.audioIn + tokens.imageIn + cachedCounted).toBe(total);
        expect(tokens.audioIn + tokens.cachedAudioIn).toBe(audio);
      }),
    );
  });
});

describe('a sum of tokens', () => {
  const someTokens = anyTokens(1_000_000_000);

  it('is the former sum again after a subtraction', () => {
    fc.assert(
      fc.property(someTokens, someTokens, (one, other) => {
        expect(subtractTokens(addTokens(one, other), other)).toEqual(one);
        expect(addTokens(one, other)).toEqual(addTokens(other, one));
        expect(addTokens(one, NO_TOKENS)).toEqual(one);
      }),
    );
  });

  it('never falls below zero', () => {
    fc.assert(
      fc.property(someTokens, someTokens, (one, other) =>
        TOKEN_KINDS.every((kind) => subtractTokens(one, other)[kind] >= 0),
      ),
    );
  });
});
