// Source of the token rates: developers.openai.com/api/docs/guides/realtime-costs.
const USER_MS_PER_AUDIO_TOKEN = 100;
const ASSISTANT_MS_PER_AUDIO_TOKEN = 50;
/** A rule of thumb for English. The real tokenizer is not needed for a plausible cost. */
const CHARACTERS_PER_TEXT_TOKEN = 4;
/**
 * Tokens that were sent before are read from the cache in whole blocks. The size is our choice, because OpenAI does not
 * publish its own.
 */
const CACHE_BLOCK_TOKENS = 64;

/** Tokens of one kind each. */
export type Tokens = { readonly text: number; readonly audio: number };

export const NO_TOKENS: Tokens = { text: 0, audio: 0 };

/** The visitor's sound: 600 tokens a minute. */
export const userAudioTokens = (ms: number): number => Math.ceil(ms / USER_MS_PER_AUDIO_TOKEN);

/** The assistant's sound: 1,200 tokens a minute. */
export const assistantAudioTokens = (ms: number): number => Math.ceil(ms / ASSISTANT_MS_PER_AUDIO_TOKEN);

export const textTokens = (text: string): number => Math.ceil(text.length / CHARACTERS_PER_TEXT_TOKEN);

export const addTokens = (a: Tokens, b: Tokens): Tokens => ({
  text: a.text + b.text,
  audio: a.audio + b.audio,
});

/**
 * The usage of one response, in the shape of `response.done`. `input` is the whole conversation, which is sent again
 * each time; the input of the previous response comes from the cache.
 */
export function usageOf({
  input,
  output,
  previousInput,
}: {
  readonly input: Tokens;
  readonly output: Tokens;
  readonly previousInput: Tokens;
}): Readonly<Record<string, unknown>> {
  const cached = {
    text: inBlocks(Math.min(previousInput.text, input.text)),
    audio: inBlocks(Math.min(previousInput.audio, input.audio)),
  };
  return {
    total_tokens: total(input) + total(output),
    input_tokens: total(input),
    output_tokens: total(output),
    input_token_details: {
      text_tokens: input.text,
      audio_tokens: input.audio,
      image_tokens: 0,
      cached_tokens: total(cached),
      cached_tokens_details: { text_tokens: cached.text, audio_tokens: cached.audio, image_tokens: 0 },
    },
    output_token_details: { text_tokens: output.text, audio_tokens: output.audio },
  };
}

/** Tokens of both kinds. */
export const total = ({ text, audio }: Tokens): number => text + audio;

const inBlocks = (tokens: number): number => Math.floor(tokens / CACHE_BLOCK_TOKENS) * CACHE_BLOCK_TOKENS;
