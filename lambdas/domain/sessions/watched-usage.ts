import type { ResponseReservation } from '../budgets/response-reservation.ts';
import type { CallId } from '../calls/call.ts';
import { addTokens, NO_TOKENS, TOKEN_KINDS, type TokenCounts } from '../usage/token-counts.ts';
import {
  digestOf,
  hasLapsedWatch,
  isOver,
  isWatchedWhole,
  needsSweeper,
  type SessionUsage,
  type SessionWatch,
} from './session-usage.ts';

/** How long a watcher holds a call without renewing, milliseconds. Three renewals may fail. */
export const WATCH_LEASE_MS = 70_000;

/** How often a watcher renews its watch, milliseconds. */
export const WATCH_RENEWAL_MS = 20_000;

/**
 * How long after the creation of a call its first watcher can have seen the beginning, milliseconds. Lambda drops an older
 * start (the maximum event age of the function), so a later one comes from the sweeper.
 */
const FIRST_WATCH_WITHIN_MS = 60_000;

/** The call that a watcher starts on. */
export interface WatchStart {
  readonly callId: CallId;
  /** When OpenAI created the call, Unix milliseconds. */
  readonly openedAtMs: number;
  /** The watcher that hands over and still watches, by its generation; undefined: none does. */
  readonly after?: number | undefined;
}

/**
 * Returns the usage with the watch taken by another watcher; undefined while a watcher holds it, or if the call has ended. Reports
 * that the page sent before become claims: only the watcher counts. The count stays gapless only if the previous watcher
 * hands over, and then until it has written everything that it saw. If the first watcher starts too late to see the
 * beginning, the page's count of that time stays, because there is no other.
 */
export const withWatchTaken = (
  usage: SessionUsage,
  { callId, openedAtMs, after }: WatchStart,
  now: Date,
): SessionUsage | undefined => {
  const before = usage.watch;
  const nowMs = now.getTime();
  if (before === null)
    return after === undefined ? withFirstWatch(usage, { callId, openedAtMs }, now) : undefined;
  if (before.closedAtMs !== null) return undefined;
  const handsOver = before.generation === after;
  const isFree = after === undefined ? before.untilMs <= nowMs : handsOver;
  if (!isFree) return undefined;
  return {
    ...usage,
    watch: {
      ...before,
      generation: before.generation + 1,
      untilMs: nowMs + WATCH_LEASE_MS,
      seenAtMs: Math.max(before.seenAtMs, nowMs),
      attached: false,
      gapless: handsOver && before.gapless && before.awaited === null,
      awaited: handsOver ? before.generation : null,
    },
  };
};

const withFirstWatch = (usage: SessionUsage, { callId, openedAtMs }: WatchStart, now: Date): SessionUsage => {
  const inTime = now.getTime() - openedAtMs <= FIRST_WATCH_WITHIN_MS;
  return {
    ...usage,
    ...(inTime && { counted: NO_TOKENS, responses: 0 }),
    watch: {
      generation: 1,
      untilMs: now.getTime() + WATCH_LEASE_MS,
      callId,
      openedAtMs,
      seenAtMs: Math.max(openedAtMs, now.getTime()),
      closedAtMs: null,
      attached: false,
      gapless: inTime,
      awaited: null,
      answeredTurn: null,
      claimed: usage.counted,
      claimedResponses: usage.responses,
    },
  };
};

/** One note of a watcher about its call. */
export type WatchNote =
  /** It sees every event from now on. */
  | { readonly type: 'attached' }
  /** It still watches. */
  | { readonly type: 'renewed' }
  /** A response was billed. Counts once by its id, whichever watcher reports it. */
  | {
      readonly type: 'response';
      readonly responseId: string;
      readonly tokens: TokenCounts;
      /** The reservation that the response settles; undefined: it had none. */
      readonly reservationId?: string | undefined;
    }
  /** OpenAI did not start the response of a reservation, or does not bill it. */
  | { readonly type: 'released'; readonly reservationId: string }
  /** Something may have been missed. */
  | { readonly type: 'gap' }
  /** It leaves while the call continues without a watcher. */
  | { readonly type: 'left' }
  /** It has handed over, and written all that it saw. */
  | { readonly type: 'drained' }
  /** The call has ended. */
  | { readonly type: 'ended' };

/**
 * The usage after one note of the watcher of `generation`; the same object when it changes nothing; undefined when another
 * watcher has taken over. Notes of an earlier watcher count as well: a response counts once, and a gap stays a gap.
 */
export const withWatchNote = (
  usage: SessionUsage,
  generation: number,
  note: WatchNote,
  now: Date,
): SessionUsage | undefined => {
  const { watch } = usage;
  if (watch === null) return undefined;
  const nowMs = now.getTime();
  const changed = (change: Partial<SessionWatch>): SessionUsage => ({
    ...usage,
    watch: { ...watch, ...change },
  });
  const held = (change: Partial<SessionWatch>): SessionUsage | undefined =>
    watch.generation === generation ? changed(change) : undefined;
  switch (note.type) {
    case 'response':
      return withResponse(usage, watch, generation, note, nowMs);
    case 'released':
      return withoutReservation(changed({ answeredTurn: null }), note.reservationId);
    case 'gap':
      return watch.gapless ? changed({ gapless: false }) : usage;
    case 'drained':
      return watch.awaited === generation ? changed({ awaited: null }) : usage;
    case 'attached':
      return held({ attached: true });
    case 'renewed':
      return held({ untilMs: nowMs + WATCH_LEASE_MS, seenAtMs: nowMs });
    case 'left':
      return held({ untilMs: nowMs, gapless: false });
    case 'ended': {
      const ended = held({ untilMs: nowMs, closedAtMs: watch.closedAtMs ?? nowMs });
      return ended && { ...ended, reservations: ended.reservations.map((one) => ({ ...one, lost: true })) };
    }
  }
};

/** A response is a sign of life too, and renews the lease of the watcher that holds the watch. */
const withResponse = (
  usage: SessionUsage,
  watch: SessionWatch,
  generation: number,
  { responseId, tokens, reservationId }: Extract<WatchNote, { readonly type: 'response' }>,
  nowMs: number,
): SessionUsage => {
  const digest = digestOf(`watched:${responseId}`);
  if (usage.seen.has(digest)) return usage;
  return {
    ...withoutReservation(usage, reservationId),
    seen: new Set([...usage.seen, digest]),
    counted: addTokens(usage.counted, tokens),
    responses: usage.responses + 1,
    receivedAtMs: Math.max(usage.receivedAtMs, nowMs),
    watch: {
      ...watch,
      seenAtMs: Math.max(watch.seenAtMs, nowMs),
      ...(watch.generation === generation &&
        watch.closedAtMs === null && { untilMs: nowMs + WATCH_LEASE_MS }),
    },
  };
};

const withoutReservation = (usage: SessionUsage, reservationId: string | undefined): SessionUsage =>
  usage.reservations.some(({ id }) => id === reservationId)
    ? { ...usage, reservations: usage.reservations.filter(({ id }) => id !== reservationId) }
    : usage;

/**
 * Returns the usage with the answer to one turn reserved; `answered` if a watcher has already requested that answer;
 * undefined if another watcher has taken over or the call has ended.
 */
export const withTurnReserved = (
  usage: SessionUsage,
  generation: number,
  { turnId, reservation }: { readonly turnId: string; readonly reservation: ResponseReservation },
): SessionUsage | 'answered' | undefined => {
  const { watch, reservations } = usage;
  if (watch?.generation !== generation || watch.closedAtMs !== null) return undefined;
  if (watch.answeredTurn === turnId) return 'answered';
  return {
    ...usage,
    watch: { ...watch, answeredTurn: turnId },
    reservations: [...reservations, reservation],
  };
};

/** Returns the usage with the end that the broker caused, if no watcher has written it. */
export const withCallClosed = (usage: SessionUsage, now: Date): SessionUsage =>
  usage.watch === null || usage.watch.closedAtMs !== null
    ? usage
    : { ...usage, watch: { ...usage.watch, closedAtMs: now.getTime() } };

/**
 * The usage of an ended call with its open reservations lost, so that they count as spent; the same object while a watcher
 * may still see those responses, or when there are none.
 */
export const withReservationsLost = (usage: SessionUsage, now: Date): SessionUsage =>
  isOver(usage) && needsSweeper(usage) && hasLapsedWatch(usage, now)
    ? { ...usage, reservations: usage.reservations.map((one) => ({ ...one, lost: true })) }
    : usage;

/**
 * True if the page claims more of any kind of token than OpenAI counted. False while the call continues, and if the
 * watcher may have missed something, because then the count is not known.
 */
export const claimsTooMuch = (usage: SessionUsage): boolean =>
  isWatchedWhole(usage) &&
  TOKEN_KINDS.some((kind) => (usage.watch?.claimed[kind] ?? 0) > usage.counted[kind]);
