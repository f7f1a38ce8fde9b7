import { billedMinutes, NOTICE_PERCENTS, overageOf } from '../../domain/tenancy/plan.ts';
import type { UsageSum } from '../../domain/usage/usage.ts';
import type { ReceiptedSession } from '../../use-cases/sessions/list-sessions.ts';
import type { Concurrency } from '../../use-cases/sessions/read-concurrency.ts';
import type { OwnMonth } from '../../use-cases/usage/compare-own-month.ts';
import type { PlanUsage, UsageReport } from '../../use-cases/usage/read-usage.ts';
import type { DataOf } from '../endpoints/endpoint.ts';
import { centsOf, presentByKind, presentComparison } from './present-cost.ts';

/** Usage, sessions and slots in the form of the contract. */

const presentSum = ({ entry, estimated }: UsageSum) => ({
  sessions: entry.sessions,
  seconds: entry.seconds,
  minutes: billedMinutes(entry.seconds),
  billed_seconds: entry.billedSeconds,
  tokens: presentByKind((kind) => entry.tokens[kind]),
  cost_cents: centsOf(entry.costMicroCents),
  estimated,
  unpriced_sessions: entry.unpricedSessions,
  flagged_sessions: entry.flaggedSessions,
  incomplete_sessions: entry.incompleteSessions,
});

const presentPlanUsage = ({ name, plan, period, usedSeconds, notices }: PlanUsage) => {
  const overage = plan === undefined ? { minutes: 0, microCents: 0 } : overageOf(plan, usedSeconds);
  return {
    name,
    period,
    included_minutes: plan?.includedMinutes ?? null,
    // An unknown plan refuses sessions, like a plan that is used up (domain/tenancy/plan.ts).
    hard_cap: plan?.hardCap ?? true,
    used_seconds: usedSeconds,
    used_minutes: billedMinutes(usedSeconds),
    overage_minutes: overage.minutes,
    overage_cents: centsOf(overage.microCents),
    notices: NOTICE_PERCENTS.flatMap((percent) => {
      const at = notices[percent];
      return at === undefined ? [] : [{ percent, at }];
    }),
  };
};

export const presentUsage = ({
  from,
  to,
  groupBy,
  rows,
  totals,
  plan,
}: UsageReport): DataOf<'readWorkspaceUsage'> => ({
  from,
  to,
  group_by: [...groupBy],
  rows: rows.map(({ group: { day, siteId, model, mode }, ...sum }) => ({
    ...(day !== undefined && { day }),
    ...(siteId !== undefined && { site_id: siteId }),
    ...(model !== undefined && { model }),
    ...(mode !== undefined && { mode }),
    ...presentSum(sum),
  })),
  totals: presentSum(totals),
  plan: presentPlanUsage(plan),
});

export const presentSession = ({ session, state, receipt }: ReceiptedSession): DataOf<'readSession'> => ({
  session_id: session.sessionId,
  site_id: session.siteId,
  state,
  kind: session.kind,
  opened_with: session.openedWith ?? 'token',
  mode: session.mode,
  model: session.model,
  voice: session.voice,
  created_at: session.createdAt,
  connected_at: receipt.connectedAt,
  ended_at: receipt.endedAt,
  end_reason: receipt.endReason,
  ended_by: session.endedBy,
  usage_source: receipt.usageSource,
  usage_complete: receipt.usageComplete,
  seconds: receipt.seconds,
  billed_seconds: receipt.billedSeconds,
  refusal: session.refusal,
  openai_failure: session.openAiFailure,
  receipt: {
    payer: receipt.payer,
    key_scope: session.keyScope,
    key_version: session.keyVersion,
    price_version: receipt.priceVersion,
    tokens: presentByKind((kind) => receipt.tokens[kind]),
    cost_cents: receipt.costMicroCents === null ? null : centsOf(receipt.costMicroCents),
    unwatched_cost_cents: centsOf(receipt.unwatchedMicroCents),
    estimated: receipt.estimated,
    usage_source: receipt.usageSource,
    usage_complete: receipt.usageComplete,
    flags: [...receipt.flags],
    flagged_tokens: presentByKind((kind) => receipt.flaggedTokens[kind]),
    claimed_tokens: presentByKind((kind) => receipt.claimedTokens[kind]),
    claimed_cost_cents: receipt.claimedMicroCents === null ? null : centsOf(receipt.claimedMicroCents),
    claims_too_much: receipt.claimsTooMuch,
  },
});

export const presentConcurrency = ({ at, keys }: Concurrency): DataOf<'readConcurrency'> => ({
  at: at.toISOString(),
  keys: keys.map(({ scope, scopeId, limit, active, earliestExpiry, sites }) => ({
    scope,
    scope_id: scopeId,
    limit,
    active,
    earliest_release_at: earliestExpiry === undefined ? null : new Date(earliestExpiry * 1_000).toISOString(),
    sites: sites.map((site) => ({ site_id: site.siteId, active: site.active })),
  })),
});

export const presentOwnMonth = ({ period, usage, month, plans }: OwnMonth): DataOf<'compareOwnMonth'> => ({
  from_history: {
    period,
    sessions: usage.entry.sessions,
    seconds: month.seconds,
    minutes: billedMinutes(month.seconds),
    tokens: presentByKind((kind) => usage.entry.tokens[kind]),
    estimated: usage.estimated,
    unpriced_sessions: usage.entry.unpricedSessions,
  },
  byok: { cost_cents: centsOf(month.openAiMicroCents) },
  plans: plans.map(presentComparison),
});
