import { addTokens, NO_TOKENS, type TokenCounts } from '../usage/token-counts.ts';
import { digestOf, type SessionUsage } from './session-usage.ts';

/** How long a watcher holds a call without renewing, milliseconds. Three renewals may fail. */
export const WATCH_LEASE_MS = 70_000;

/** How often a watcher renews its watch, milliseconds. */
export const WATCH_RENEWAL_MS = 20_000;

/**
 * The usage with the watch taken by one more watcher; undefined while another one holds it or the call has ended. What
 * the page had reported before becomes a claim: from here on only the watcher counts. A second watcher cannot know what
 * came before it, so the count is not gapless any more.
 */
export const withWatchTaken = (
  usage: SessionUsage,
  openedAtMs: number,
  now: Date,
): SessionUsage | undefined => {
  const before = usage.watch;
  const nowMs = now.getTime();
  if (before !== null && (before.untilMs > nowMs || before.closedAtMs !== null)) return undefined;
  if (before !== null)
    return {
      ...usage,
      watch: {
        ...before,
        generation: before.generation + 1,
        untilMs: nowMs + WATCH_LEASE_MS,
        seenAtMs: Math.max(before.seenAtMs, nowMs),
        attached: false,
        gapless: false,
      },
    };
  return {
    ...usage,
    counted: NO_TOKENS,
    responses: 0,
    watch: {
      generation: 1,
      untilMs: nowMs + WATCH_LEASE_MS,
      openedAtMs,
      seenAtMs: Math.max(openedAtMs, nowMs),
      closedAtMs: null,
      attached: false,
      gapless: true,
      claimed: usage.counted,
      claimedResponses: usage.responses,
    },
  };
};

/** One thing that a watcher writes about its call. */
export type WatchNote =
  /** It sees every event from here on. */
  | { readonly type: 'attached' }
  /** It still watches. */
  | { readonly type: 'renewed' }
  /** A response was billed. Counts once by its id, whichever watcher reports it. */
  | { readonly type: 'response'; readonly responseId: string; readonly tokens: TokenCounts }
  /** Something may have been missed. */
  | { readonly type: 'gap' }
  /** It leaves while the call goes on. */
  | { readonly type: 'left' }
  /** The call has ended. */
  | { readonly type: 'ended' };

/**
 * The usage after one note of the watcher of `generation`; the same object when it changes nothing; undefined when another
 * watcher has taken over.
 */
export const withWatchNote = (
  usage: SessionUsage,
  generation: number,
  note: WatchNote,
  now: Date,
): SessionUsage | undefined => {
  const { watch } = usage;
  if (watch === null || watch.generation !== generation) return undefined;
  const nowMs = now.getTime();
  switch (note.type) {
    case 'response': {
      const digest = digestOf(`watched:${note.responseId}`);
      if (usage.seen.has(digest)) return usage;
      return {
        ...usage,
        seen: new Set([...usage.seen, digest]),
        counted: addTokens(usage.counted, note.tokens),
        responses: usage.responses + 1,
        watch: { ...watch, seenAtMs: Math.max(watch.seenAtMs, nowMs) },
      };
    }
    case 'attached':
      return { ...usage, watch: { ...watch, attached: true } };
    case 'renewed':
      return { ...usage, watch: { ...watch, untilMs: nowMs + WATCH_LEASE_MS, seenAtMs: nowMs } };
    case 'gap':
      return watch.gapless ? { ...usage, watch: { ...watch, gapless: false } } : usage;
    case 'left':
      return { ...usage, watch: { ...watch, untilMs: nowMs, gapless: false } };
    case 'ended':
      return { ...usage, watch: { ...watch, untilMs: nowMs, closedAtMs: watch.closedAtMs ?? nowMs } };
  }
};

/** The usage with the end that the broker caused, where no watcher has written it. */
export const withCallClosed = (usage: SessionUsage, now: Date): SessionUsage =>
  usage.watch === null || usage.watch.closedAtMs !== null
    ? usage
    : { ...usage, watch: { ...usage.watch, closedAtMs: now.getTime() } };

/** True where the page claims more of any kind of token than the watcher saw. Meaningful once the call is over. */
export const claimsTooMuch = ({ watch, counted }: SessionUsage): boolean =>
  watch !== null &&
  (Object.keys(NO_TOKENS) as (keyof TokenCounts)[]).some((kind) => watch.claimed[kind] > counted[kind]);
