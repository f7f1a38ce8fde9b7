import type { DataResidency } from '../../../../lambdas/domain/openai-models.ts';

export interface Inputs {
  readonly minutes_in: number;
  readonly minutes_out: number;
  readonly prompt_tokens: number;
  readonly turns: number;
  readonly model: string;
  readonly data_residency: DataResidency;
  readonly sessions_per_month: number;
}

/** The typical session of the product's price page, on the model that new sites have. */
export const TYPICAL: Inputs = {
  minutes_in: 2,
  minutes_out: 3,
  prompt_tokens: 2_000,
  turns: 10,
  model: 'gpt-realtime-2.1-mini',
  data_residency: 'global',
  sessions_per_month: 100,
};
