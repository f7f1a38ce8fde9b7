import { concurrencyLimitOf } from '../../../lambdas/domain/limits.ts';

/** OpenAI's usage tiers, with the sessions at a time that each allows by default. */
export const TIERS = [1, 2, 3, 4, 5].map((tier) => ({
  tier,
  slots: concurrencyLimitOf({ openaiTier: tier, concurrencyLimit: null }),
}));
