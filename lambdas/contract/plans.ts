import * as z from 'zod';
import { MAX_CONCURRENCY } from '../domain/limits.ts';
import { BUILT_IN_PLANS, DEFAULT_PLAN, type Plan } from '../domain/tenancy/plan.ts';

/** An amount in a plan: US dollars, exact to the micro-cents in which costs are computed. */
const usd = z.number().min(0).max(100_000).nullable();
const count = z.int().min(0).max(10_000_000).nullable();

/** One plan of a deployment. `null` means agreed by contract, or without a limit. */
export const planSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/),
    monthly_usd: usd,
    included_minutes: count,
    hard_cap: z.boolean(),
    overage_usd_per_minute: usd,
    max_sites: count.describe('Sites of a workspace in managed mode.'),
    max_byok_sites: count.default(null).describe('The same with your own OpenAI key.'),
    max_concurrent: z
      .int()
      .min(1)
      .max(MAX_CONCURRENCY)
      .nullable()
      .default(null)
      .describe('Concurrent managed sessions; null: the plan has no limit.'),
  })
  .refine((plan) => !plan.hard_cap || plan.included_minutes !== null, {
    path: ['included_minutes'],
    message: 'A hard cap needs a number of minutes.',
  })
  .refine((plan) => plan.hard_cap || plan.included_minutes === null || plan.overage_usd_per_minute !== null, {
    path: ['overage_usd_per_minute'],
    message: 'A soft cap needs the price of a minute beyond it.',
  });

export type StatedPlan = z.infer<typeof planSchema>;

export const plansSchema = z
  .array(planSchema)
  .max(20)
  .refine((plans) => new Set(plans.map(({ name }) => name)).size === plans.length, 'Names must be unique.')
  .refine(
    (plans) => plans.some(({ name }) => name === DEFAULT_PLAN),
    `There must be a plan named ${DEFAULT_PLAN}: new workspaces have it.`,
  );

const MICRO_CENTS_PER_USD = 100_000_000;
const microCents = (dollars: number | null): number | null =>
  dollars === null ? null : Math.round(dollars * MICRO_CENTS_PER_USD);
const dollars = (amount: number | null): number | null =>
  amount === null ? null : amount / MICRO_CENTS_PER_USD;

const planOf = (stated: StatedPlan): Plan => ({
  name: stated.name,
  monthlyMicroCents: microCents(stated.monthly_usd),
  includedMinutes: stated.included_minutes,
  hardCap: stated.hard_cap,
  overageMicroCentsPerMinute: microCents(stated.overage_usd_per_minute),
  maxSites: stated.max_sites,
  maxConcurrent: stated.max_concurrent,
  maxByokSites: stated.max_byok_sites,
});

/** A plan in the contract and in `PLANS`. */
export const statedPlan = (plan: Plan): StatedPlan => ({
  name: plan.name,
  monthly_usd: dollars(plan.monthlyMicroCents),
  included_minutes: plan.includedMinutes,
  hard_cap: plan.hardCap,
  overage_usd_per_minute: dollars(plan.overageMicroCentsPerMinute),
  max_sites: plan.maxSites,
  max_byok_sites: plan.maxByokSites,
  max_concurrent: plan.maxConcurrent,
});

/**
 * The variable `PLANS`: the deployment's own plans as a JSON array, which replaces the whole built-in list. @default
 * the built-in list
 */
export const plansVariable = z
  .string()
  .default('')
  .transform((json, context): unknown => {
    if (json === '') return BUILT_IN_PLANS.map(statedPlan);
    try {
      return JSON.parse(json);
    } catch {
      context.addIssue({ code: 'custom', message: 'Must be JSON.' });
      return z.NEVER;
    }
  })
  .pipe(plansSchema)
  .transform((plans): readonly Plan[] => plans.map(planOf));
