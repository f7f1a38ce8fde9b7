import * as z from 'zod';
import { DATA_RESIDENCIES, DEFAULT_MODEL } from '../domain/openai-models.ts';
import { TYPICAL_SESSION } from '../domain/usage/cost-estimate.ts';
import { planSchema } from './plans.ts';

/** Schemas of the calculator and of the price list. docs/pricing.md explains the numbers. */

export const MAX_ESTIMATED_SESSION_MINUTES = 60;

const minutes = z.number().min(0).max(MAX_ESTIMATED_SESSION_MINUTES);

export const costEstimateRequest = z
  .strictObject({
    minutes_in: minutes
      .default(TYPICAL_SESSION.minutesIn)
      .describe('Minutes that the visitor speaks in a session.'),
    minutes_out: minutes
      .default(TYPICAL_SESSION.minutesOut)
      .describe('Minutes that the assistant speaks in a session.'),
    prompt_tokens: z
      .int()
      .min(0)
      .max(128_000)
      .default(TYPICAL_SESSION.promptTokens)
      .describe('Tokens in the instructions and tools.'),
    turns: z
      .int()
      .min(1)
      .max(1_000)
      .default(TYPICAL_SESSION.turns)
      .describe('Responses of the assistant in a session. Each one sends the conversation so far again.'),
    cached_share: z
      .number()
      .min(0)
      .max(1)
      .default(TYPICAL_SESSION.cachedShare)
      .describe('Share of the repeated tokens that OpenAI reads from its cache.'),
    model: z
      .string()
      .max(64)
      .default(DEFAULT_MODEL)
      .describe('A model in GET /v1/pricing, or one of its aliases.'),
    data_residency: z
      .enum(DATA_RESIDENCIES)
      .default('global')
      .describe('Region of the OpenAI project. OpenAI charges newer models 10 % more outside of `global`.'),
    sessions_per_month: z.int().min(1).max(1_000_000).default(100),
  })
  .meta({ id: 'CostEstimateRequest' });

/** A value for each kind of token. Each token has one kind. */
const byKind = (value: z.ZodNumber) =>
  z.object({
    input_text: value,
    input_text_cached: value,
    input_audio: value,
    input_audio_cached: value,
    input_image: value,
    input_image_cached: value,
    output_text: value,
    output_audio: value,
  });

export const tokensByKind = byKind(z.int()).meta({ id: 'TokensByKind' });
export const centsByKind = byKind(z.number()).meta({ id: 'CentsByKind' });

const cents = z.number().describe('US cents, a decimal number');

export const planComparison = z
  .object({
    name: z.string(),
    cost_cents: cents
      .nullable()
      .describe('Fee and overage for the same minutes. null: custom pricing, or the hard cap is lower.'),
    overage_minutes: z.int(),
    served: z.boolean().describe('false: the hard cap is lower than these minutes.'),
    cheaper: z.enum(['byok', 'managed', 'equal']).nullable(),
    break_even_minutes: z
      .int()
      .nullable()
      .describe('Minutes per month from which the plan costs no more than your own key. null: never.'),
    byok_again_minutes: z
      .int()
      .nullable()
      .describe('Minutes per month above which your own key becomes cheaper again. null: never.'),
  })
  .meta({ id: 'PlanComparison' });

export const costEstimate = z
  .object({
    model: z.string(),
    data_residency: z.enum(DATA_RESIDENCIES),
    regional_uplift_percent: z.int().describe('Included in every cost here.'),
    price_version: z
      .string()
      .describe('`<model>@<first day of the price>`, with `/<region>` outside of `global`.'),
    per_session: z.object({
      minutes: z.number(),
      tokens: tokensByKind,
      cost_cents_by_kind: centsByKind,
      cost_cents: cents,
    }),
    per_month: z.object({
      sessions: z.int(),
      minutes: z.int().describe('Rounded up once.'),
      cost_cents: cents.describe('What OpenAI charges the holder of the key.'),
    }),
    plans: z.array(planComparison),
  })
  .meta({ id: 'CostEstimate' });

const usdPerMillion = z.number().describe('US dollars per 1,000,000 tokens');
const rates = z.object({ input: usdPerMillion, cached_input: usdPerMillion, output: usdPerMillion });

export const pricing = z
  .object({
    catalogue_version: z
      .string()
      .describe('The day when the prices were last compared with those of OpenAI.'),
    catalogue_age_days: z.int(),
    catalogue_stale: z.boolean().describe('true: more than a quarter old. Prices may have changed.'),
    models: z.array(
      z.object({
        model: z.string(),
        aliases: z.array(z.string()).describe('Dated names at the same rates.'),
        from: z.iso.date().describe('First day of these rates, UTC.'),
        status: z.enum(['active', 'ending', 'shut_down']),
        text: rates,
        audio: rates,
        image: rates.omit({ output: true }).nullable().describe('null: the model takes no images.'),
        source: z.string(),
        shutdown_date: z.iso.date().nullable(),
        successor: z.string().nullable().describe('The model that sites move to when this one is shut down.'),
        regional_uplift_percent: z.int().describe('Added by OpenAI for a project with data residency.'),
      }),
    ),
    plans: z.array(planSchema),
  })
  .meta({ id: 'Pricing' });
