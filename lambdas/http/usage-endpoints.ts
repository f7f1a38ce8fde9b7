import { statedPlan } from '../contract/plans.ts';
import { type Estimate, estimateCost, type PlanComparison } from '../domain/cost-estimate.ts';
import { billedMinutes, type Plan } from '../domain/plan.ts';
import {
  CATALOGUE_VERSION,
  type CatalogueRow,
  PRICE_CATALOGUE,
  priceOf,
  type Rates,
} from '../domain/price-catalogue.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Clock } from '../use-cases/ports.ts';
import type { DataOf, EndpointsOf } from './endpoint.ts';
import { centsOf, presentByKind } from './present-cost.ts';

/** The price list and the calculator: public, and computed from what they are given alone. */
export const usageEndpoints = (deps: {
  readonly clock: Clock;
  readonly plans: readonly Plan[];
}): EndpointsOf<'usage'> => ({
  readPricing: async () => ({
    catalogue_version: CATALOGUE_VERSION,
    models: PRICE_CATALOGUE.map(presentRow),
    plans: deps.plans.map(statedPlan),
  }),

  estimateCost: async ({ body }) => {
    const price = priceOf(body.model, deps.clock());
    if (price === undefined)
      throw new Refusal('invalid_request', {
        details: [
          {
            path: 'model',
            message: 'The price of this model is not known. GET /v1/pricing lists those that are.',
          },
        ],
      });
    const estimate = estimateCost(
      {
        minutesIn: body.minutes_in,
        minutesOut: body.minutes_out,
        promptTokens: body.prompt_tokens,
        turns: body.turns,
        cachedShare: body.cached_share,
      },
      price,
      body.sessions_per_month,
      deps.plans,
    );
    return presentEstimate(body.model, body.sessions_per_month, estimate);
  },
});

const presentEstimate = (
  model: string,
  sessions: number,
  { price, tokens, perSession, sessionSeconds, month, plans }: Estimate,
): DataOf<'estimateCost'> => ({
  model,
  price_version: price.version,
  per_session: {
    minutes: sessionSeconds / 60,
    tokens: presentByKind((kind) => tokens[kind]),
    cost_cents_by_kind: presentByKind((kind) => centsOf(perSession.byKind[kind])),
    cost_cents: centsOf(perSession.totalMicroCents),
  },
  per_month: {
    sessions,
    minutes: billedMinutes(month.seconds),
    cost_cents: centsOf(month.openAiMicroCents),
  },
  plans: plans.map(presentComparison),
});

const presentComparison = (comparison: PlanComparison) => ({
  name: comparison.plan.name,
  cost_cents: comparison.microCents === null ? null : centsOf(comparison.microCents),
  overage_minutes: comparison.overageMinutes,
  served: comparison.served,
  cheaper: comparison.cheaper,
  break_even_minutes: comparison.breakEvenMinutes,
  byok_again_minutes: comparison.byokAgainMinutes,
});

const presentRates = ({ input, cachedInput, output }: Rates) => ({
  input,
  cached_input: cachedInput,
  output,
});

const presentRow = (row: CatalogueRow) => ({
  model: row.model,
  aliases: [...row.aliases],
  from: row.from,
  status: row.status,
  text: presentRates(row.text),
  audio: presentRates(row.audio),
  image: row.image && { input: row.image.input, cached_input: row.image.cachedInput },
  source: row.source,
  shutdown_date: row.shutdownDate,
});
