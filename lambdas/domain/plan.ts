/** Managed plans, as data. Source: the product's price page. */
export interface Plan {
  readonly name: string;
  /** Minutes included in a billing period (one calendar month, UTC). */
  readonly includedMinutes: number;
  /** A hard cap refuses at mint; a soft one goes on and counts overage. */
  readonly hardCap: boolean;
}

const PLANS: readonly Plan[] = [
  { name: 'free', includedMinutes: 100, hardCap: true },
  { name: 'starter', includedMinutes: 500, hardCap: false },
  { name: 'pro', includedMinutes: 2_000, hardCap: false },
  { name: 'enterprise', includedMinutes: Number.POSITIVE_INFINITY, hardCap: false },
];

export const DEFAULT_PLAN = 'free';

/** `2026-11`: the billing period that contains `now`. */
export const billingPeriodOf = (now: Date): string => now.toISOString().slice(0, 7);

/**
 * True when a hard-capped plan has no minute left. An unknown plan, or a count that is no number, is treated as
 * exhausted: it fails closed.
 */
export const minutesExhausted = (planName: string, usedSeconds: number): boolean => {
  const plan = PLANS.find(({ name }) => name === planName);
  if (plan === undefined) return true;
  return plan.hardCap && !(usedSeconds < plan.includedMinutes * 60);
};

/** Whole seconds until the next billing period begins. */
export const secondsToNextPeriod = (now: Date): number =>
  Math.ceil((Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1) - now.getTime()) / 1_000);
