import fc from 'fast-check';
import type { TokenCounts } from '../../../lambdas/domain/usage/token-counts.ts';

/** Any counts of tokens, up to `max` of each kind. */
export const anyTokens = (max: number): fc.Arbitrary<TokenCounts> =>
  fc.record({
    textIn: fc.nat({ max }),
    cachedTextIn: fc.nat({ max }),
    audioIn: fc.nat({ max }),
    cachedAudioIn: fc.nat({ max }),
    imageIn: fc.nat({ max }),
    cachedImageIn: fc.nat({ max }),
    textOut: fc.nat({ max }),
    audioOut: fc.nat({ max }),
  });

/** RealtimeResponse.usage as the example of `response.done` in openai/openai-openapi shows it. */
export const PUBLISHED_USAGE = {
  total_tokens: 253,
  input_tokens: 132,
  output_tokens: 121,
  input_token_details: {
    text_tokens: 119,
    audio_tokens: 13,
    image_tokens: 0,
    cached_tokens: 64,
    cached_tokens_details: { text_tokens: 64, audio_tokens: 0, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 30, audio_tokens: 91 },
};
