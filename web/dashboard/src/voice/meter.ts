import type { DataResidency } from '../../../../lambdas/domain/openai-models.ts';
import type { DataOf } from '../api/routes.ts';

/** The token counts of `response.done`, as the widget passes them on. Every field may be missing. */
export interface ReportedUsage {
  readonly input_token_details?: {
    readonly text_tokens?: number;
    readonly audio_tokens?: number;
    readonly cached_tokens_details?: { readonly text_tokens?: number; readonly audio_tokens?: number };
  };
  readonly output_token_details?: { readonly text_tokens?: number; readonly audio_tokens?: number };
}

export interface Tokens {
  readonly textIn: number;
  readonly cachedTextIn: number;
  readonly audioIn: number;
  readonly cachedAudioIn: number;
  readonly textOut: number;
  readonly audioOut: number;
}

export const NO_TOKENS: Tokens = {
  textIn: 0,
  cachedTextIn: 0,
  audioIn: 0,
  cachedAudioIn: 0,
  textOut: 0,
  audioOut: 0,
};

/** Adds one answer. OpenAI's counts include what came from its cache; here a token is counted once. */
export const addUsage = (
  tokens: Tokens,
  { input_token_details: input, output_token_details: output }: ReportedUsage,
): Tokens => {
  const cachedText = input?.cached_tokens_details?.text_tokens ?? 0;
  const cachedAudio = input?.cached_tokens_details?.audio_tokens ?? 0;
  return {
    textIn: tokens.textIn + Math.max(0, (input?.text_tokens ?? 0) - cachedText),
    cachedTextIn: tokens.cachedTextIn + cachedText,
    audioIn: tokens.audioIn + Math.max(0, (input?.audio_tokens ?? 0) - cachedAudio),
    cachedAudioIn: tokens.cachedAudioIn + cachedAudio,
    textOut: tokens.textOut + (output?.text_tokens ?? 0),
    audioOut: tokens.audioOut + (output?.audio_tokens ?? 0),
  };
};

/**
 * The cost of these tokens at the model's latest rates in the region, US cents; undefined for a model without a known
 * price.
 */
export const centsOf = (
  tokens: Tokens,
  models: DataOf<'readPricing'>['models'],
  model: string,
  region: DataResidency,
): number | undefined => {
  const rates = models
    .filter((row) => row.model === model)
    .sort((a, b) => (a.from < b.from ? 1 : -1))
    .at(0);
  if (rates === undefined) return undefined;
  const { text, audio } = rates;
  const perMillion =
    tokens.textIn * text.input +
    tokens.cachedTextIn * text.cached_input +
    tokens.textOut * text.output +
    tokens.audioIn * audio.input +
    tokens.cachedAudioIn * audio.cached_input +
    tokens.audioOut * audio.output;
  const uplift = region === 'global' ? 0 : rates.regional_uplift_percent;
  return (perMillion / 1_000_000) * (100 + uplift);
};
