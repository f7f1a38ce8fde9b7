import { costOf } from '../usage/cost.ts';
import { priceOfVersion } from '../usage/price-catalogue.ts';
import { NO_TOKENS, type TokenCounts } from '../usage/token-counts.ts';
import type { SessionUsage } from './session-usage.ts';

/** OpenAI counts one audio token for each 50 ms of the assistant. https://developers.openai.com/api/docs/guides/realtime-costs */
const SPEECH_MS_PER_TOKEN = 50;

/** The cost of tokens at the price of the session, micro-cents; 0 for a model without one. */
export const costAtPriceOf = ({ priceVersion }: SessionUsage, tokens: TokenCounts): number => {
  const price = priceVersion === null ? undefined : priceOfVersion(priceVersion);
  return price === undefined ? 0 : costOf(tokens, price).totalMicroCents;
};

/**
 * Returns an estimate of the cost of a call while nobody counted its responses, whole micro-cents: the assistant spoke all the
 * time, and one response had the average input of those that were counted. A page that asks for response after response
 * can cost more.
 */
export const costOfUnwatched = (usage: SessionUsage, ms: number): number => {
  const { counted, responses } = usage;
  const speech = costAtPriceOf(usage, { ...NO_TOKENS, audioOut: Math.ceil(ms / SPEECH_MS_PER_TOKEN) });
  const inputs = costAtPriceOf(usage, { ...counted, textOut: 0, audioOut: 0 });
  return speech + (responses === 0 ? 0 : Math.ceil(inputs / responses));
};

/** The earlier of `atMs` and the time when a call that OpenAI created at `openedAtMs` ends at the latest, Unix milliseconds. */
export const withinCall = ({ longestSeconds }: SessionUsage, openedAtMs: number, atMs: number): number =>
  Math.min(atMs, openedAtMs + longestSeconds * 1_000);

/**
 * The usage with the estimate for the time since its responses were last counted, up to `untilMs` or the latest end of the call.
 * The same object where no time has passed, or no response can run without a watcher.
 */
export const withUnwatchedTime = (usage: SessionUsage, untilMs: number): SessionUsage => {
  const { watch } = usage;
  if (watch === null || watch.countedUntilMs === null) return usage;
  const toMs = withinCall(usage, watch.openedAtMs, untilMs);
  if (toMs <= watch.countedUntilMs) return usage;
  return {
    ...usage,
    unwatchedMicroCents: usage.unwatchedMicroCents + costOfUnwatched(usage, toMs - watch.countedUntilMs),
    watch: { ...watch, countedUntilMs: toMs },
  };
};

/** The usage less what its estimate contains for a response that was counted after all. */
export const withoutEstimateOf = (usage: SessionUsage, tokens: TokenCounts): SessionUsage =>
  usage.unwatchedMicroCents === 0
    ? usage
    : {
        ...usage,
        unwatchedMicroCents: Math.max(0, usage.unwatchedMicroCents - costAtPriceOf(usage, tokens)),
      };
