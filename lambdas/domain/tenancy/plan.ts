import type { BillingMode } from './workspace.ts';

/** A plan of the product. The list of plans is data of the deployment. */
export interface Plan {
  readonly name: string;
  /** Monthly fee, whole micro-cents; null: agreed by contract. */
  readonly monthlyMicroCents: number | null;
  /** Managed minutes included in a billing period (one calendar month, UTC); null: unlimited. */
  readonly includedMinutes: number | null;
  /** A hard cap refuses at mint; a soft one continues and counts overage. */
  readonly hardCap: boolean;
  /** Price of each minute beyond the included ones, whole micro-cents; null: there are none, or by contract. */
  readonly overageMicroCentsPerMinute: number | null;
  /** Sites that a workspace may have at a time in managed mode; null: no cap. */
  readonly maxSites: number | null;
  /** Managed sessions that a workspace may have at a time; null: no cap of the plan. */
  readonly maxConcurrent: number | null;
  /** The same with the workspace's own OpenAI key; null: no cap. */
  readonly maxByokSites: number | null;
}

/** The plans of a deployment without its own list. Source: the product's price page. */
export const BUILT_IN_PLANS: readonly Plan[] = [
  {
    name: 'free',
    monthlyMicroCents: 0,
    includedMinutes: 100,
    hardCap: true,
    overageMicroCentsPerMinute: null,
    maxSites: 1,
    maxConcurrent: 5,
    maxByokSites: null,
  },
  {
    name: 'starter',
    monthlyMicroCents: 2_900_000_000,
    includedMinutes: 500,
    hardCap: false,
    overageMicroCentsPerMinute: 8_000_000,
    maxSites: 3,
    maxConcurrent: 10,
    maxByokSites: null,
  },
  {
    name: 'pro',
    monthlyMicroCents: 9_900_000_000,
    includedMinutes: 2_000,
    hardCap: false,
    overageMicroCentsPerMinute: 6_000_000,
    maxSites: 10,
    maxConcurrent: 30,
    maxByokSites: null,
  },
  {
    name: 'enterprise',
    monthlyMicroCents: null,
    includedMinutes: null,
    hardCap: false,
    overageMicroCentsPerMinute: null,
    maxSites: null,
    maxConcurrent: 100,
    maxByokSites: null,
  },
];

/** A new workspace's plan. Every list of plans includes it. */
export const DEFAULT_PLAN = 'free';

export const planNamed = (plans: readonly Plan[], name: string): Plan | undefined =>
  plans.find((plan) => plan.name === name);

/** `2026-11`: the billing period that contains `now`. */
export const billingPeriodOf = (now: Date): string => now.toISOString().slice(0, 7);

/** Seconds that the plan includes in a billing period; null: unlimited. */
export const includedSeconds = ({ includedMinutes }: Plan): number | null =>
  includedMinutes === null ? null : includedMinutes * 60;

/**
 * True when a hard-capped plan has no minute left. An unknown plan, or a count that is not a number, is treated as
 * exhausted: it fails closed.
 */
export const minutesExhausted = (plan: Plan | undefined, usedSeconds: number): boolean => {
  if (plan === undefined) return true;
  return plan.hardCap && !(usedSeconds < (includedSeconds(plan) ?? Number.POSITIVE_INFINITY));
};

/** Minutes of a billing period: its seconds are summed first and rounded up to a minute once. */
export const billedMinutes = (usedSeconds: number): number => Math.ceil(usedSeconds / 60);

export interface Overage {
  readonly minutes: number;
  /** Whole micro-cents; 0 where the plan has no rate. */
  readonly microCents: number;
}

/**
 * The price of a billing period of `usedSeconds` beyond the fee: every begun minute past the included ones. A hard cap
 * refuses instead, so the seconds that a running session took past it are free.
 */
export const overageOf = (plan: Plan, usedSeconds: number): Overage => {
  if (plan.hardCap || plan.includedMinutes === null) return { minutes: 0, microCents: 0 };
  const minutes = Math.max(0, billedMinutes(usedSeconds) - plan.includedMinutes);
  return { minutes, microCents: minutes * (plan.overageMicroCentsPerMinute ?? 0) };
};

/** Shares of the included minutes at which a workspace gets a notice, per cent, ascending. */
export const NOTICE_PERCENTS = [50, 80, 100] as const;

export type NoticePercent = (typeof NOTICE_PERCENTS)[number];

/** The highest threshold that `usedSeconds` have reached; 0: none, or the plan has no limit. */
export const thresholdReached = (plan: Plan, usedSeconds: number): 0 | NoticePercent => {
  const included = includedSeconds(plan);
  if (included === null) return 0;
  return NOTICE_PERCENTS.findLast((percent) => usedSeconds * 100 >= included * percent) ?? 0;
};

/** Sites that a workspace on this plan may have at a time; null: no cap. An unknown plan has room for none. */
export const siteCapOf = (plan: Plan | undefined, mode: BillingMode): number | null => {
  if (plan === undefined) return 0;
  return mode === 'byok' ? plan.maxByokSites : plan.maxSites;
};

/** Whole seconds until the next billing period begins. */
export const secondsToNextPeriod = (now: Date): number =>
  Math.ceil((Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1) - now.getTime()) / 1_000);
