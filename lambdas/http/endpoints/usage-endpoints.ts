import { statedPlan } from '../../contract/plans.ts';
import { BrokerError } from '../../domain/broker-error.ts';
import { retirementOf } from '../../domain/tenancy/model-retirement.ts';
import { billedMinutes, type Plan } from '../../domain/tenancy/plan.ts';
import { type Estimate, estimateCost } from '../../domain/usage/cost-estimate.ts';
import {
  CATALOGUE_VERSION,
  type CatalogueRow,
  catalogueAgeDays,
  catalogueIsStale,
  PRICE_CATALOGUE,
  priceOf,
  type Rates,
} from '../../domain/usage/price-catalogue.ts';
import type { listLiveSessions } from '../../use-cases/calls/list-live-sessions.ts';
import type { Clock } from '../../use-cases/ports/runtime.ts';
import type { listErrors } from '../../use-cases/sessions/list-errors.ts';
import type { listSessions } from '../../use-cases/sessions/list-sessions.ts';
import type { listWorkspaceSessions } from '../../use-cases/sessions/list-workspace-sessions.ts';
import type { readConcurrency } from '../../use-cases/sessions/read-concurrency.ts';
import type { readSession } from '../../use-cases/sessions/read-session.ts';
import type { compareOwnMonth } from '../../use-cases/usage/compare-own-month.ts';
import type { readOverview } from '../../use-cases/usage/read-overview.ts';
import type { readUsage } from '../../use-cases/usage/read-usage.ts';
import { encodeCursor, pageRequestOf } from '../cursor.ts';
import { presentLive } from '../present-live.ts';
import { centsOf, presentByKind, presentComparison } from '../presenters/present-cost.ts';
import { presentError } from '../presenters/present-errors.ts';
import { presentOverview } from '../presenters/present-overview.ts';
import {
  presentConcurrency,
  presentOwnMonth,
  presentSession,
  presentUsage,
} from '../presenters/present-usage.ts';
import type { DataOf, EndpointsOf } from './endpoint.ts';
import { pageOf } from './page.ts';
import { siteIdIn, workspaceIdIn } from './path-ids.ts';

export interface UsageDeps {
  readonly clock: Clock;
  readonly plans: readonly Plan[];
  readonly readUsage: ReturnType<typeof readUsage>;
  readonly readOverview: ReturnType<typeof readOverview>;
  readonly listSessions: ReturnType<typeof listSessions>;
  readonly listWorkspaceSessions: ReturnType<typeof listWorkspaceSessions>;
  readonly readSession: ReturnType<typeof readSession>;
  readonly listErrors: ReturnType<typeof listErrors>;
  readonly readConcurrency: ReturnType<typeof readConcurrency>;
  readonly listLive: ReturnType<typeof listLiveSessions>;
  readonly compareOwnMonth: ReturnType<typeof compareOwnMonth>;
}

/** Usage and cost for members of a workspace; the price list and the calculator for everyone. */
export const usageEndpoints = (deps: UsageDeps): EndpointsOf<'usage'> => ({
  ...operatorEndpoints(deps),
  ...publicEndpoints(deps),
});

type PublicRoute = 'readPricing' | 'estimateCost';

/** The reading use cases. Each authorizes its caller first. */
const operatorEndpoints = (deps: UsageDeps): Omit<EndpointsOf<'usage'>, PublicRoute> => ({
  readWorkspaceUsage: async ({ caller, path, query: { from, to, group_by: groupBy } }) =>
    presentUsage(await deps.readUsage(caller, { workspaceId: workspaceIdIn(path) }, { from, to, groupBy })),

  readOverview: async ({ caller, path, query }) =>
    presentOverview(await deps.readOverview(caller, workspaceIdIn(path), query.own_origin)),

  readSiteUsage: async ({ caller, path, query: { from, to, group_by: groupBy } }) =>
    presentUsage(await deps.readUsage(caller, { siteId: siteIdIn(path) }, { from, to, groupBy })),

  listSessions: async ({ caller, path, query }) => {
    const { state, mode, from, to } = query;
    const filter = { state, mode, from, to };
    const siteId = siteIdIn(path);
    return pageOf(
      // A cursor is valid only for its filter. With another filter it would skip rows unnoticed.
      { caller, route: `sessions?${JSON.stringify(filter)}`, resource: siteId },
      query,
      (page) => deps.listSessions(caller, siteId, filter, page),
      presentSession,
    );
  },

  listWorkspaceSessions: async ({ caller, path, query }) => {
    const { limit: _, cursor: __, ...asked } = query;
    const workspaceId = workspaceIdIn(path);
    // A cursor is valid only for its filter. With another filter it would skip rows unnoticed.
    const list = { caller, route: `workspace-sessions?${JSON.stringify(asked)}`, resource: workspaceId };
    const { items, next, searchedTo } = await deps.listWorkspaceSessions(
      caller,
      workspaceId,
      {
        siteId: asked.site_id,
        sessionId: asked.session_id,
        callId: asked.call_id,
        from: asked.from,
        to: asked.to,
        order: asked.order,
        state: asked.state,
        mode: asked.mode,
        openedWith: asked.opened_with,
        endReason: asked.end_reason,
        endedBy: asked.ended_by,
        problem: asked.problem,
      },
      pageRequestOf(list, query),
    );
    return {
      items: items.map(presentSession),
      next_cursor: encodeCursor(list, next),
      searched_to: searchedTo ?? null,
    };
  },

  readSession: async ({ caller, path }) =>
    presentSession(await deps.readSession(caller, siteIdIn(path), path['sessionId'] ?? '')),

  listErrors: async ({ caller, path, query }) => {
    const filter = { siteId: query.site_id, source: query.source };
    const workspaceId = workspaceIdIn(path);
    return pageOf(
      { caller, route: `errors?${JSON.stringify(filter)}`, resource: workspaceId },
      query,
      (page) => deps.listErrors(caller, workspaceId, filter, page),
      presentError,
    );
  },

  readConcurrency: async ({ caller, path }) =>
    presentConcurrency(await deps.readConcurrency(caller, workspaceIdIn(path))),

  listLive: async ({ caller, path }) => presentLive(await deps.listLive(caller, workspaceIdIn(path))),

  compareOwnMonth: async ({ caller, path, body }) =>
    presentOwnMonth(await deps.compareOwnMonth(caller, workspaceIdIn(path), body.month)),
});

/** Routes that compute only from their request. */
const publicEndpoints = (
  deps: Pick<UsageDeps, 'clock' | 'plans'>,
): Pick<EndpointsOf<'usage'>, PublicRoute> => ({
  readPricing: async () => ({
    catalogue_version: CATALOGUE_VERSION,
    catalogue_age_days: catalogueAgeDays(deps.clock()),
    catalogue_stale: catalogueIsStale(deps.clock()),
    models: PRICE_CATALOGUE.map(presentRow),
    plans: deps.plans.map(statedPlan),
  }),

  estimateCost: async ({ body }) => {
    const price = priceOf(body.model, deps.clock(), body.data_residency);
    if (price === undefined)
      throw new BrokerError('invalid_request', {
        details: [
          {
            path: 'model',
            message: 'This model has no known price. GET /v1/pricing lists the models that have one.',
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
  data_residency: price.region,
  regional_uplift_percent: price.upliftPercent,
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
  successor: retirementOf(row.model)?.successor ?? null,
  regional_uplift_percent: row.regionalUpliftPercent,
});
