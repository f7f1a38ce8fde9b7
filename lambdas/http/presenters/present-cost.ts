import { MICRO_CENTS_PER_CENT } from '../../domain/usage/cost.ts';
import type { PlanComparison } from '../../domain/usage/cost-estimate.ts';
import type { TokenKind } from '../../domain/usage/token-counts.ts';

/** Converts internal micro-cents to `cost_cents`, a decimal number of US cents. */
export const centsOf = (microCents: number): number => microCents / MICRO_CENTS_PER_CENT;

/** A value for each kind of token, under the contract's names. */
export const presentByKind = (value: (kind: TokenKind) => number) => ({
  input_text: value('textIn'),
  input_text_cached: value('cachedTextIn'),
  input_audio: value('audioIn'),
  input_audio_cached: value('cachedAudioIn'),
  input_image: value('imageIn'),
  input_image_cached: value('cachedImageIn'),
  output_text: value('textOut'),
  output_audio: value('audioOut'),
});

export const presentComparison = (comparison: PlanComparison) => ({
  name: comparison.plan.name,
  cost_cents: comparison.microCents === null ? null : centsOf(comparison.microCents),
  overage_minutes: comparison.overageMinutes,
  served: comparison.served,
  cheaper: comparison.cheaper,
  break_even_minutes: comparison.breakEvenMinutes,
  byok_again_minutes: comparison.byokAgainMinutes,
});
