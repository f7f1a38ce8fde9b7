import type { UsageSource } from '../calls/call.ts';
import type { BillingMode } from '../tenancy/workspace.ts';
import { costOf } from '../usage/cost.ts';
import { priceOfVersion } from '../usage/price-catalogue.ts';
import { NO_TOKENS, type TokenCounts } from '../usage/token-counts.ts';
import {
  billedSecondsOf,
  type EndReason,
  endMsOf,
  entryOf,
  isOver,
  isWatchedWhole,
  type SessionUsage,
  startMsOf,
  type UsageFlag,
} from './session-usage.ts';
import { claimsTooMuch } from './watched-usage.ts';

/** The result of a session: who paid, for what, and whether the sum is exact. */
export interface Receipt {
  readonly payer: BillingMode;
  readonly state: 'issued' | 'live' | 'ended';
  /** Times of the browser's clock, RFC 3339. */
  readonly connectedAt: string | null;
  readonly endedAt: string | null;
  readonly endReason: EndReason | 'silence' | null;
  readonly seconds: number;
  readonly billedSeconds: number;
  readonly priceVersion: string | null;
  readonly tokens: TokenCounts;
  readonly flaggedTokens: TokenCounts;
  /** At OpenAI's list prices; null for a model without a known price. */
  readonly costMicroCents: number | null;
  /** The part of the cost that is estimated, for a time in which nobody watched the call. */
  readonly unwatchedMicroCents: number;
  /** True if the sum is not exact: the usage comes from the browser, and OpenAI's own bill decides with your own key. */
  readonly estimated: boolean;
  readonly flags: readonly UsageFlag[];
  readonly usageSource: UsageSource;
  /** Tokens that the page of a watched call reported. Compared with the watcher’s count, and in no total. */
  readonly claimedTokens: TokenCounts;
  /** The cost of `claimedTokens` at list prices; null without a watcher or a known price. */
  readonly claimedMicroCents: number | null;
  /** True if the page claims more than the watcher counted; null: not known, or nothing to compare. */
  readonly claimsTooMuch: boolean | null;
  /** True when the watcher saw the whole call, and so every response that OpenAI billed. */
  readonly usageComplete: boolean;
}

export const receiptOf = (usage: SessionUsage): Receipt => {
  const entry = entryOf(usage);
  const over = isOver(usage);
  const { watch } = usage;
  const price = usage.priceVersion === null ? undefined : priceOfVersion(usage.priceVersion);
  const endMs = over ? endMsOf(usage) : null;
  const startMs = startMsOf(usage);
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    payer: usage.mode,
    state: over ? 'ended' : startMs === null ? 'issued' : 'live',
    connectedAt: iso(startMs),
    endedAt: iso(endMs),
    endReason: over ? (usage.endReason ?? 'silence') : null,
    seconds: entry.seconds,
    billedSeconds: billedSecondsOf(usage),
    priceVersion: usage.priceVersion,
    tokens: usage.counted,
    flaggedTokens: usage.flaggedTokens,
    costMicroCents: usage.priceVersion === null ? null : entry.costMicroCents,
    unwatchedMicroCents: usage.unwatchedMicroCents,
    estimated: usage.mode === 'byok' || usage.priceVersion === null || !isWatchedWhole(usage),
    flags: usage.flags,
    usageSource: watch === null ? 'browser' : 'watched',
    claimedTokens: watch?.claimed ?? NO_TOKENS,
    claimedMicroCents:
      watch === null || price === undefined ? null : costOf(watch.claimed, price).totalMicroCents,
    claimsTooMuch: isWatchedWhole(usage) ? claimsTooMuch(usage) : null,
    usageComplete: isWatchedWhole(usage),
  };
};
