import { BrokerError } from '../../domain/broker-error.ts';
import { type Degradation, degradationOf } from '../../domain/keys/key-health.ts';
import { isLive, type LiveKey } from '../../domain/keys/stored-key.ts';
import { concurrencyLimitOf, managedConcurrencyOf } from '../../domain/limits.ts';
import type { TokenContext } from '../../domain/sessions/token-context.ts';
import {
  includedSeconds,
  minutesExhausted,
  type Plan,
  planNamed,
  secondsToNextPeriod,
} from '../../domain/tenancy/plan.ts';
import type { BillingMode, Workspace } from '../../domain/tenancy/workspace.ts';
import { exhaustedBudget } from '../budgets/refuse-exhausted.ts';

/** The payer of a session, and the key. */
export interface Payer {
  readonly mode: BillingMode;
  readonly key: LiveKey;
  /** Concurrent sessions allowed on this key; undefined: no limit of ours. */
  readonly slotLimit: number | undefined;
  /** Managed seconds that a hard-capped plan includes in a period; undefined: no such cap. */
  readonly capSeconds: number | undefined;
  /** The failure that a quorum of visitors recently reported for this key; undefined: none. */
  readonly degradation: Degradation | undefined;
}

/**
 * BYOK: the site's key, else the workspace's; never the platform's. Managed: the platform's key, while the plan has
 * minutes. A suspended site key refuses: the workspace's key is not used instead.
 */
export const chooseKey = (
  workspace: Workspace,
  context: TokenContext,
  plans: readonly Plan[],
  now: Date,
): Payer | { readonly refusal: BrokerError } => {
  if (workspace.billingMode === 'managed') return chooseManaged(workspace, context, plans, now);
  const spent = exhaustedBudget(context.budgets, workspace.timeZone, now);
  if (spent !== undefined) return { refusal: spent };
  const key = isLive(context.siteKey) ? context.siteKey : context.workspaceKey;
  if (!isLive(key)) return { refusal: new BrokerError('openai_key_missing') };
  if (key.state === 'suspended') return { refusal: new BrokerError('openai_key_suspended') };
  const health = isLive(context.siteKey) ? context.health.site : context.health.workspace;
  return {
    mode: 'byok',
    key,
    slotLimit: concurrencyLimitOf(workspace),
    capSeconds: undefined,
    degradation: degradationOf(health, key.sealed.version, now),
  };
};

const chooseManaged = (
  workspace: Workspace,
  { platformKey, period, health }: TokenContext,
  plans: readonly Plan[],
  now: Date,
): Payer | { readonly refusal: BrokerError } => {
  const plan = planNamed(plans, workspace.plan);
  if (plan === undefined || minutesExhausted(plan, period.usedSeconds))
    return { refusal: new BrokerError('minutes_exhausted', { retryAfterSeconds: secondsToNextPeriod(now) }) };
  // Our omission, not the customer's, so it is reported as an outage of the platform.
  if (!isLive(platformKey) || platformKey.state === 'suspended')
    return { refusal: new BrokerError('platform_key_missing') };
  return {
    mode: 'managed',
    key: platformKey,
    slotLimit: managedConcurrencyOf(workspace, plan),
    capSeconds: plan.hardCap ? (includedSeconds(plan) ?? undefined) : undefined,
    degradation: degradationOf(health.platform, platformKey.sealed.version, now),
  };
};
