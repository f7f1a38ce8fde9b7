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
import {
  costAtPriceOf,
  costOfUnwatched,
  withinCall,
  withoutEstimateOf,
  withUnwatchedTime,
} from './unwatched-time.ts';

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
  /** A budget reserves each response, so none runs without a watcher. */
  readonly turnByTurn?: boolean | undefined;
}

/**
 * Returns the usage with the watch taken by another watcher; undefined while a watcher holds it, or if the call has ended. Reports
 * that the page sent before become claims: only the watcher counts. The count stays gapless only if the previous watcher
 * hands over, and then until it has written everything that it saw. If the first watcher starts too late to see the
 * beginning, the page's count of that time stays, because there is no other. For the time after a watcher that died, an
 * estimate counts.
 */
export const withWatchTaken = (
  usage: SessionUsage,
  { callId, openedAtMs, after, turnByTurn = false }: WatchStart,
  now: Date,
): SessionUsage | undefined => {
  const before = usage.watch;
  const nowMs = now.getTime();
  if (before === null)
    return after === undefined ? withFirstWatch(usage, { callId, openedAtMs, turnByTurn }, now) : undefined;
  if (before.closedAtMs !== null) return undefined;
  const handsOver = before.generation === after;
  const isFree = after === undefined ? before.untilMs <= nowMs : handsOver;
  if (!isFree) return undefined;
  const counted = handsOver ? usage : withUnwatchedTime(usage, nowMs);
  return {
    ...counted,
    watch: {
      ...before,
      generation: before.generation + 1,
      untilMs: nowMs + WATCH_LEASE_MS,
      seenAtMs: Math.max(before.seenAtMs, nowMs),
      countedUntilMs: counted.watch?.countedUntilMs ?? null,
      attached: false,
      gapless: handsOver && before.gapless && before.awaited === null,
      awaited: handsOver ? before.generation : null,
    },
  };
};

const withFirstWatch = (
  usage: SessionUsage,
  { callId, openedAtMs, turnByTurn = false }: WatchStart,
  now: Date,
): SessionUsage => {
  const lateMs = now.getTime() - openedAtMs;
  const inTime = lateMs <= FIRST_WATCH_WITHIN_MS;
  const unseenMs = withinCall(usage, openedAtMs, now.getTime()) - openedAtMs;
  const unseen =
    inTime || turnByTurn
      ? 0
      : Math.max(0, costOfUnwatched(usage, unseenMs) - costAtPriceOf(usage, usage.counted));
  return {
    ...usage,
    unwatchedMicroCents: usage.unwatchedMicroCents + unseen,
    ...(inTime && { counted: NO_TOKENS, responses: 0 }),
    watch: {
      generation: 1,
      untilMs: now.getTime() + WATCH_LEASE_MS,
      callId,
      openedAtMs,
      seenAtMs: Math.max(openedAtMs, now.getTime()),
      countedUntilMs: turnByTurn ? null : now.getTime(),
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
      /** It began before this watcher saw the call, so an estimate may contain it. */
      readonly begunUnseen?: boolean | undefined;
    }
  /** OpenAI did not start the response of a reservation, or does not bill it. */
  | { readonly type: 'released'; readonly reservationId: string }
  /** Something may have been missed. `missed`: responses of this time, Unix milliseconds, were not seen, and an estimate counts. */
  | { readonly type: 'gap'; readonly missed?: { readonly fromMs: number; readonly toMs: number } | undefined }
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
      return withMissedTime(watch.gapless ? changed({ gapless: false }) : usage, generation, note.missed);
    case 'drained':
      return watch.awaited === generation ? changed({ awaited: null }) : usage;
    case 'attached':
      return held({ attached: true });
    case 'renewed':
      return held({
        untilMs: nowMs + WATCH_LEASE_MS,
        seenAtMs: nowMs,
        countedUntilMs: watch.countedUntilMs === null ? null : nowMs,
      });
    case 'left':
      return held({ untilMs: nowMs, gapless: false });
    case 'ended': {
      const ended = held({ untilMs: nowMs, closedAtMs: watch.closedAtMs ?? nowMs, countedUntilMs: null });
      return ended && { ...ended, reservations: ended.reservations.map((one) => ({ ...one, lost: true })) };
    }
  }
};

/** True for a watcher that was replaced without a handover. The next one estimated the time that was not written by then. */
const isReplaced = ({ generation: latest, awaited }: SessionWatch, generation: number): boolean =>
  generation < latest && awaited !== generation;

/**
 * The usage with an estimate for a time that this watcher did not see. A repetition changes nothing, nor does a watcher that was
 * replaced.
 */
const withMissedTime = (
  usage: SessionUsage,
  generation: number,
  missed: { readonly fromMs: number; readonly toMs: number } | undefined,
): SessionUsage => {
  const { watch } = usage;
  if (missed === undefined || watch === null || watch.countedUntilMs === null) return usage;
  if (isReplaced(watch, generation)) return usage;
  const digest = digestOf(`missed:${generation}:${missed.fromMs}`);
  if (usage.seen.has(digest)) return usage;
  const cost = costOfUnwatched(usage, Math.max(0, missed.toMs - missed.fromMs));
  return {
    ...usage,
    seen: new Set([...usage.seen, digest]),
    unwatchedMicroCents: usage.unwatchedMicroCents + cost,
    watch: { ...watch, countedUntilMs: Math.max(watch.countedUntilMs, missed.toMs) },
  };
};

/** A response is a sign of life too, and renews the lease of the watcher that holds the watch. */
const withResponse = (
  usage: SessionUsage,
  watch: SessionWatch,
  generation: number,
  { responseId, tokens, reservationId, begunUnseen }: Extract<WatchNote, { readonly type: 'response' }>,
  nowMs: number,
): SessionUsage => {
  const digest = digestOf(`watched:${responseId}`);
  if (usage.seen.has(digest)) return usage;
  // A watcher that was only slow writes what it saw after the next one has estimated it.
  const exact =
    isReplaced(watch, generation) || begunUnseen === true ? withoutEstimateOf(usage, tokens) : usage;
  const isHeld = watch.generation === generation && watch.closedAtMs === null;
  return {
    ...withoutReservation(exact, reservationId),
    seen: new Set([...usage.seen, digest]),
    counted: addTokens(usage.counted, tokens),
    responses: usage.responses + 1,
    receivedAtMs: Math.max(usage.receivedAtMs, nowMs),
    watch: {
      ...watch,
      seenAtMs: Math.max(watch.seenAtMs, nowMs),
      ...(isHeld && {
        untilMs: nowMs + WATCH_LEASE_MS,
        countedUntilMs: watch.countedUntilMs === null ? null : nowMs,
      }),
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
 * The usage of an ended call whose watcher did not see the end: its open reservations are lost, so that they count as
 * spent, and an estimate counts for the time without a watcher. The same object while a watcher may still see responses, or
 * when there is nothing left to count.
 */
export const withEndSettled = (usage: SessionUsage, now: Date): SessionUsage => {
  if (!isOver(usage) || !needsSweeper(usage) || !hasLapsedWatch(usage, now)) return usage;
  const { watch, ...counted } = withUnwatchedTime(usage, usage.watch?.closedAtMs ?? now.getTime());
  return {
    ...counted,
    watch: watch && { ...watch, countedUntilMs: null, gapless: false },
    reservations: usage.reservations.map((one) => ({ ...one, lost: true })),
  };
};

/**
 * True if the page claims more of any kind of token than OpenAI counted. False for a call that its watchers have not seen
 * completely, its end too, because then the count is not known.
 */
export const claimsTooMuch = (usage: SessionUsage): boolean =>
  isWatchedWhole(usage) &&
  TOKEN_KINDS.some((kind) => (usage.watch?.claimed[kind] ?? 0) > usage.counted[kind]);
