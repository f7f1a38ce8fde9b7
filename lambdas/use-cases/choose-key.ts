import { concurrencyLimitOf } from '../domain/limits.ts';
import { minutesExhausted, type Plan, planNamed, secondsToNextPeriod } from '../domain/plan.ts';
import { Refusal } from '../domain/refusal.ts';
import { isLive, type LiveKey } from '../domain/stored-key.ts';
import type { BillingMode, Workspace } from '../domain/workspace.ts';
import type { TokenContext } from './ports.ts';

/** Who pays for a session, and with which key. */
export interface Payer {
  readonly mode: BillingMode;
  readonly key: LiveKey;
  /** Concurrent sessions allowed on this key; undefined: no limit of ours. */
  readonly slotLimit: number | undefined;
}

/**
 * BYOK: the site's key, else the workspace's; never the platform's. Managed: the platform's key, while the plan has
 * minutes. A suspended site key refuses: it does not fall through to the workspace's.
 */
export const chooseKey = (
  workspace: Workspace,
  context: TokenContext,
  plans: readonly Plan[],
  now: Date,
): Payer | { readonly refusal: Refusal } => {
  if (workspace.billingMode === 'managed') return chooseManaged(workspace, context, plans, now);
  const key = isLive(context.siteKey) ? context.siteKey : context.workspaceKey;
  if (!isLive(key)) return { refusal: new Refusal('openai_key_missing') };
  if (key.state === 'suspended') return { refusal: new Refusal('openai_key_suspended') };
  return { mode: 'byok', key, slotLimit: concurrencyLimitOf(workspace) };
};

const chooseManaged = (
  workspace: Workspace,
  { platformKey, managedSeconds }: TokenContext,
  plans: readonly Plan[],
  now: Date,
): Payer | { readonly refusal: Refusal } => {
  if (minutesExhausted(planNamed(plans, workspace.plan), managedSeconds))
    return { refusal: new Refusal('minutes_exhausted', { retryAfterSeconds: secondsToNextPeriod(now) }) };
  // The operator's own omission, not the customer's: an outage of the platform, said as one.
  if (!isLive(platformKey) || platformKey.state === 'suspended')
    return { refusal: new Refusal('platform_key_missing') };
  return { mode: 'managed', key: platformKey, slotLimit: workspace.concurrencyLimit ?? undefined };
};
