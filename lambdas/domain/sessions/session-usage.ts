import { createHash } from 'node:crypto';
import type { ResponseReservation } from '../budgets/response-reservation.ts';
import type { CallId } from '../calls/call.ts';
import type { OpenedWith } from '../calls/control.ts';
import type { SessionId, SiteId, WorkspaceId } from '../identifiers.ts';
import { FIRST_HOLD_SECONDS } from '../limits.ts';
import { CLIENT_SECRET_TTL_SECONDS } from '../openai-models.ts';
import type { BillingMode } from '../tenancy/workspace.ts';
import { costOf } from '../usage/cost.ts';
import { type LedgerEntry, NO_ENTRY } from '../usage/ledger.ts';
import { priceOf, priceOfVersion } from '../usage/price-catalogue.ts';
import { addTokens, NO_TOKENS, type TokenCounts } from '../usage/token-counts.ts';
import type { ReservedSession } from './session.ts';
import { tokensArePossible } from './usage-plausibility.ts';

/**
 * A widget's reports of one session, and their effect. Reports are claims of a browser. Each is bounded by what the clock
 * of this service allows; the excess is stored, flagged and not counted.
 *
 * The usage record depends on which reports arrived, not on their order or on how often: earliest start, latest sign of
 * life, earliest end, and sums over responses that are each counted once.
 */

export const END_REASONS = [
  'hung_up',
  'idle',
  'max_duration',
  'page_closed',
  'connection_lost',
  'failed',
] as const;
export type EndReason = (typeof END_REASONS)[number];

export const USAGE_FLAGS = [
  /** More tokens than can be spoken or heard in the elapsed time. */
  'tokens_out_of_bounds',
  /** A time before the mint or in the future. */
  'time_out_of_bounds',
  /** More reports than a session can have. */
  'too_many_reports',
] as const;
export type UsageFlag = (typeof USAGE_FLAGS)[number];

/** How often the widget reports that its session is alive, seconds. */
export const HEARTBEAT_SECONDS = 20;

/** OpenAI ends every session after 60 minutes (docs/openai.md). */
export const LONGEST_SESSION_SECONDS = 3_600;

/** A shorter session is not billed, seconds. */
export const SHORTEST_BILLED_SECONDS = 5;

/** Seconds without a sign of life after which a session counts as ended: three heartbeats are missing. */
export const SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS + 15;

/** Time after the longest session during which late reports are accepted, seconds. A browser that was offline sends them then. */
const LATE_REPORT_SECONDS = 3_600;

/** Time after its mint during which reports of a session are accepted, seconds. */
const BELIEVED_SECONDS = CLIENT_SECRET_TTL_SECONDS.max + LONGEST_SESSION_SECONDS + LATE_REPORT_SECONDS;

/** The maximum number of digests per session, two for each response. An hour of conversation has a few hundred. */
const MAX_SEEN = 4_000;

/** Time until a lapsed watch is checked again, seconds. */
const LOOK_AGAIN_SECONDS = 60;

/** Time that the widget has to hang up by itself after the longest session, seconds. */
export const OVERTIME_SECONDS = 30;

/** Tolerance for the clocks of browsers, seconds; the same as for signatures. */
export const CLOCK_SKEW_SECONDS = 300;

/** A report, reduced to the relevant facts. `at` is the browser's clock, milliseconds since 1970. */
export type SessionEvent =
  | { readonly type: 'connected' | 'heartbeat'; readonly id: string; readonly atMs: number }
  | {
      readonly type: 'usage';
      readonly id: string;
      readonly atMs: number;
      readonly responseId: string;
      readonly tokens: TokenCounts;
    }
  | { readonly type: 'error'; readonly id: string; readonly atMs: number }
  | { readonly type: 'ended'; readonly id: string; readonly atMs: number; readonly reason: EndReason };

export interface SessionUsage {
  readonly sessionId: SessionId;
  readonly workspaceId: WorkspaceId;
  readonly siteId: SiteId;
  readonly openedWith: OpenedWith;
  /** The visitor whose minutes these are; undefined: the session was opened without an embed token. */
  readonly visitorTag?: string | undefined;
  readonly mode: BillingMode;
  readonly model: string;
  /** Version of the price (`<model>@<date>`, with `/<region>` if there is one) that the session is counted at; null for a model without one. */
  readonly priceVersion: string | null;
  /** When it was minted, by our clock. */
  readonly issuedAt: string;
  /** Retention in days, copied from the session; undefined: the default. */
  readonly keptDays?: number | undefined;
  /** Seconds of a hard-capped plan that are set aside until the session has ended, and the most that it is billed; 0 without such a plan. */
  readonly holdSeconds: number;
  /** Longest duration that can be counted, seconds: the admitted duration and the time that a widget takes to hang up. */
  readonly longestSeconds: number;
  /** Times of the browser's clock, milliseconds. */
  readonly connectedAtMs: number | null;
  readonly firstSeenAtMs: number | null;
  readonly lastSeenAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly endReason: EndReason | null;
  /** When the last new report arrived, by our clock, milliseconds. The session cannot have lasted longer. */
  readonly receivedAtMs: number;
  /** Until when silence does not end the session, by our clock, milliseconds: the client secret may still open it. */
  readonly quietUntilMs: number;
  /** When the sweeper next checks this session for silence, server time, Unix ms. Each check postpones it. */
  readonly dueAtMs: number;
  /** Nothing was heard for SILENCE_SECONDS: it ended with its last sign of life plus one heartbeat. */
  readonly silent: boolean;
  readonly counted: TokenCounts;
  /** Estimated cost of responses that ran while no watcher counted, micro-cents (unwatched-time.ts). */
  readonly unwatchedMicroCents: number;
  /** Responses in `counted`. */
  readonly responses: number;
  readonly flaggedTokens: TokenCounts;
  readonly flags: readonly UsageFlag[];
  /** Digests of what was counted, so that nothing is counted twice. */
  readonly seen: ReadonlySet<string>;
  /** Requests within the latest clock minute: a session that reports too often is told to wait. */
  readonly pace: { readonly minute: number; readonly requests: number };
  /** Of a call: until when its slots were last expected to be taken, Unix seconds; undefined: since it was handed out. */
  readonly expectedUntil?: number | undefined;
  /** The part of the session that the totals already include. */
  readonly posted: LedgerEntry;
  /** Amounts reserved for responses of a call under `never_exceed` whose usage is not known yet. */
  readonly reservations: readonly ResponseReservation[];
  /** The reservations that the budgets already include. */
  readonly postedReservations: readonly ResponseReservation[];
  /** Grows with each write; 0 before the first. */
  readonly revision: number;
  /** State of the call's watcher; null for a session that no watcher has taken. */
  readonly watch: SessionWatch | null;
}

/** The lease of a call's watcher, and its observations. Times are milliseconds of our clock. */
export interface SessionWatch {
  /** Grows with each watcher: a write of an earlier one is refused. */
  readonly generation: number;
  /** Another watcher may take the watch after this. */
  readonly untilMs: number;
  /** The call at OpenAI, for a successor. */
  readonly callId: CallId;
  /** When OpenAI created the call. */
  readonly openedAtMs: number;
  /** When the watcher last saw the call running. */
  readonly seenAtMs: number;
  /**
   * Up to when responses are counted or their cost is estimated. null: nothing is left to count, because the watcher saw the
   * end or a budget reserves each response, or an older version stored the watch.
   */
  readonly countedUntilMs: number | null;
  /** When the call ended, as we caused or saw it; null while it continues. */
  readonly closedAtMs: number | null;
  /** The watcher's session.update was answered, so it sees every event from here on. */
  readonly attached: boolean;
  /** Nothing can have been missed so far. */
  readonly gapless: boolean;
  /** The generation that has handed over but has not yet written everything that it saw; null: none. */
  readonly awaited: number | null;
  /** The latest turn that a watcher asked OpenAI to answer, by its item; null: none. */
  readonly answeredTurn: string | null;
  /** Tokens that the page reported; kept for comparison, never counted. */
  readonly claimed: TokenCounts;
  readonly claimedResponses: number;
}

/** The usage of a visitor's session before its first report. */
export const newSessionUsage = (session: ReservedSession & { readonly siteId: SiteId }): SessionUsage => ({
  sessionId: session.sessionId,
  workspaceId: session.workspaceId,
  siteId: session.siteId,
  openedWith: session.openedWith ?? 'token',
  ...(session.visitorTag !== undefined && { visitorTag: session.visitorTag }),
  mode: session.mode,
  model: session.model,
  priceVersion:
    priceOf(session.model, new Date(session.createdAt), session.dataResidency ?? 'global')?.version ?? null,
  issuedAt: session.createdAt,
  ...(session.keptDays !== undefined && { keptDays: session.keptDays }),
  holdSeconds: session.admission?.holdSeconds ?? 0,
  longestSeconds: Math.min(
    (session.admission?.maxDurationSeconds ?? LONGEST_SESSION_SECONDS) + OVERTIME_SECONDS,
    LONGEST_SESSION_SECONDS,
  ),
  connectedAtMs: null,
  firstSeenAtMs: null,
  lastSeenAtMs: null,
  endedAtMs: null,
  endReason: null,
  receivedAtMs: Date.parse(session.createdAt),
  quietUntilMs: quietUntilMsOf(session),
  dueAtMs: Math.max(quietUntilMsOf(session), Date.parse(session.createdAt) + SILENCE_SECONDS * 1_000),
  silent: false,
  counted: NO_TOKENS,
  unwatchedMicroCents: 0,
  responses: 0,
  flaggedTokens: NO_TOKENS,
  flags: [],
  seen: new Set(),
  pace: { minute: 0, requests: 0 },
  posted: NO_ENTRY,
  reservations: [],
  postedReservations: [],
  revision: 0,
  watch: null,
});

/** A call is connected when it is handed out; a client secret can open a session until it expires. */
const quietUntilMsOf = ({ openedWith, admission, createdAt }: ReservedSession): number =>
  openedWith === 'call' ? Date.parse(createdAt) : (admission?.connectBy ?? 0) * 1_000;

/** Requests of one session within a clock minute; a widget sends about ten. */
const REQUESTS_PER_MINUTE = 120;

const minuteOf = (now: Date): number => Math.floor(now.getTime() / 60_000);

export const requestsTooOften = ({ pace }: SessionUsage, now: Date): boolean =>
  pace.minute === minuteOf(now) && pace.requests >= REQUESTS_PER_MINUTE;

/** The session usage with one more request. */
export const withRequestCounted = (usage: SessionUsage, now: Date): SessionUsage => {
  const minute = minuteOf(now);
  const requests = usage.pace.minute === minute ? usage.pace.requests + 1 : 1;
  return { ...usage, pace: { minute, requests } };
};

/** `duplicate`: already known, nothing changed. `flagged`: implausible; stored separately and not counted. */
export type EventOutcome = 'accepted' | 'duplicate' | 'flagged';

export interface AppliedEvent {
  readonly usage: SessionUsage;
  readonly outcome: EventOutcome;
}

/** Returns the session usage after one report; the same object if the report changes nothing. */
export const applyEvent = (usage: SessionUsage, report: SessionEvent, now: Date): AppliedEvent => {
  const digest = digestOf(`${report.type}:${report.id}`);
  // Only `usage` and `error` store a digest. The other events are idempotent by themselves.
  const known = usage.seen.has(digest);
  if (known) return { usage, outcome: 'duplicate' };
  if (!eventsBelieved(usage, now)) return { usage, outcome: 'flagged' };
  if (!timeIsPossible(usage, report.atMs, now)) return flagged(usage, 'time_out_of_bounds');
  switch (report.type) {
    case 'connected':
    case 'heartbeat':
      return seenAt(usage, report.type === 'connected', report.atMs, now);
    case 'ended':
      return endedAt(usage, report.atMs, report.reason, now);
    case 'error':
      if (usage.seen.size >= MAX_SEEN) return flagged(usage, 'too_many_reports');
      return accepted({ ...usage, seen: new Set([...usage.seen, digest]) }, now);
    case 'usage':
      return usageTaken(usage, report, digest, now);
  }
};

const accepted = (usage: SessionUsage, now: Date): AppliedEvent => ({
  usage: { ...usage, receivedAtMs: Math.max(usage.receivedAtMs, now.getTime()) },
  outcome: 'accepted',
});

const flagged = (usage: SessionUsage, flag: UsageFlag): AppliedEvent => ({
  usage: usage.flags.includes(flag) ? usage : { ...usage, flags: [...usage.flags, flag].sort() },
  outcome: 'flagged',
});

const timeIsPossible = (usage: SessionUsage, atMs: number, now: Date): boolean =>
  atMs >= Date.parse(usage.issuedAt) - CLOCK_SKEW_SECONDS * 1_000 &&
  atMs <= now.getTime() + CLOCK_SKEW_SECONDS * 1_000;

/** True while a session is recent enough for its reports to be accepted. */
const eventsBelieved = ({ issuedAt }: Pick<SessionUsage, 'issuedAt'>, now: Date): boolean =>
  now.getTime() <= Date.parse(issuedAt) + BELIEVED_SECONDS * 1_000;

/** Returns the time at or before which minted sessions accept no more reports: once ended, their usage is final. */
export const finalIfMintedBy = (now: Date): Date => new Date(now.getTime() - BELIEVED_SECONDS * 1_000);

const earliest = (a: number | null, b: number): number => (a === null ? b : Math.min(a, b));
const latest = (a: number | null, b: number): number => (a === null ? b : Math.max(a, b));

const seenAt = (usage: SessionUsage, connected: boolean, atMs: number, now: Date): AppliedEvent => {
  const connectedAtMs = connected ? earliest(usage.connectedAtMs, atMs) : usage.connectedAtMs;
  const firstSeenAtMs = earliest(usage.firstSeenAtMs, atMs);
  const lastSeenAtMs = latest(usage.lastSeenAtMs, atMs);
  const unchanged =
    connectedAtMs === usage.connectedAtMs &&
    firstSeenAtMs === usage.firstSeenAtMs &&
    lastSeenAtMs === usage.lastSeenAtMs;
  if (unchanged) return { usage, outcome: 'duplicate' };
  return accepted({ ...usage, connectedAtMs, firstSeenAtMs, lastSeenAtMs }, now);
};

const endedAt = (usage: SessionUsage, atMs: number, reason: EndReason, now: Date): AppliedEvent => {
  const { endedAtMs, endReason } = usage;
  const first =
    endedAtMs === null || atMs < endedAtMs || (atMs === endedAtMs && reason < (endReason ?? reason));
  if (!first) return { usage, outcome: 'duplicate' };
  return accepted({ ...usage, endedAtMs: atMs, endReason: reason }, now);
};

const usageTaken = (
  usage: SessionUsage,
  report: Extract<SessionEvent, { type: 'usage' }>,
  digest: string,
  now: Date,
): AppliedEvent => {
  const responseDigest = digestOf(`response:${report.responseId}`);
  if (usage.seen.has(responseDigest)) return { usage, outcome: 'duplicate' };
  if (usage.seen.size + 2 > MAX_SEEN) return flagged(usage, 'too_many_reports');
  const seen = new Set([...usage.seen, digest, responseDigest]);
  // The watcher counts this call: a report of the page is a sign of life and a claim to compare.
  if (usage.watch !== null) {
    const watch = {
      ...usage.watch,
      claimed: addTokens(usage.watch.claimed, report.tokens),
      claimedResponses: usage.watch.claimedResponses + 1,
    };
    return accepted({ ...seenAt(usage, false, report.atMs, now).usage, seen, watch }, now);
  }
  if (!tokensArePossible(usage, report.tokens, now)) {
    const { usage: marked } = flagged(usage, 'tokens_out_of_bounds');
    const flaggedTokens = addTokens(usage.flaggedTokens, report.tokens);
    return { usage: { ...marked, seen, flaggedTokens }, outcome: 'flagged' };
  }
  const { usage: alive } = seenAt(usage, false, report.atMs, now);
  return accepted(
    {
      ...alive,
      seen,
      counted: addTokens(usage.counted, report.tokens),
      responses: usage.responses + 1,
    },
    now,
  );
};

/** A digest of 64 bits: two of the at most MAX_SEEN of one session are not equal by chance. */
export const digestOf = (text: string): string =>
  createHash('sha256').update(text, 'utf8').digest().subarray(0, 8).toString('base64url');

/** True if the session has ended: it was reported as ended, or was silent for too long. */
export const isOver = ({ endedAtMs, silent }: SessionUsage): boolean => endedAtMs !== null || silent;

/** True while the sweeper has work with a session: until the session has ended, all of it is counted and no reservation is open. */
export const needsSweeper = (usage: SessionUsage): boolean =>
  !isOver(usage) ||
  usage.reservations.some(({ lost }) => !lost) ||
  (usage.watch !== null && usage.watch.countedUntilMs !== null);

/**
 * Returns the usage after a check by the sweeper: closed if there was no report for SILENCE_SECONDS, else due again. The same
 * object if there is nothing to do.
 */
export const checkForSilence = (usage: SessionUsage, now: Date): SessionUsage => {
  if (!needsSweeper(usage)) return usage;
  if (isOver(usage))
    return {
      ...usage,
      dueAtMs: Math.max(usage.watch?.untilMs ?? 0, now.getTime() + LOOK_AGAIN_SECONDS * 1_000),
    };
  const silentFrom = silentFromMs(usage);
  if (now.getTime() >= silentFrom) return { ...usage, silent: true };
  return { ...usage, dueAtMs: Math.min(silentFrom, watchDueMs(usage, now)) };
};

/** When the call's watch is checked next: at the end of its lease, or a minute after that end was noticed. */
const watchDueMs = ({ watch }: SessionUsage, now: Date): number =>
  watch === null || watch.closedAtMs !== null
    ? Number.POSITIVE_INFINITY
    : Math.max(watch.untilMs, now.getTime() + LOOK_AGAIN_SECONDS * 1_000);

/** True if the watcher of a call has stopped renewing its lease, or the call no longer has one. */
export const hasLapsedWatch = ({ watch }: SessionUsage, now: Date): boolean =>
  watch !== null && watch.untilMs <= now.getTime();

/** True while the watcher of a call renews its lease: the end of the call will be noticed without its page. */
export const isBeingWatched = (usage: SessionUsage, now: Date): boolean =>
  usage.watch !== null && usage.watch.closedAtMs === null && !hasLapsedWatch(usage, now);

/**
 * When a call is expected to end, Unix seconds, `capSeconds` at the latest: at its cap while it is watched, otherwise when
 * its page has been silent for too long.
 */
export const expectedEndOf = (usage: SessionUsage, capSeconds: number, now: Date): number =>
  isBeingWatched(usage, now)
    ? capSeconds
    : Math.min(capSeconds, Math.floor(now.getTime() / 1_000) + SILENCE_SECONDS);

/** True if a watched call continues, as far as anyone knows, and its watcher has stopped renewing. */
export const hasLostWatcher = (usage: SessionUsage, now: Date): boolean =>
  hasLapsedWatch(usage, now) && usage.watch?.closedAtMs === null;

/** When a session counts as ended without further reports, milliseconds of our clock. */
const silentFromMs = ({ receivedAtMs, quietUntilMs }: SessionUsage): number =>
  Math.max(receivedAtMs + SILENCE_SECONDS * 1_000, quietUntilMs);

/** Returns the duration of a session by its reports, whole seconds, never longer than our own clock allows. */
export const durationSecondsOf = (usage: SessionUsage): number => {
  const startMs = startMsOf(usage);
  const endMs = endMsOf(usage);
  if (startMs === null || endMs === null) return 0;
  // Both ends are our own: from OpenAI's 201 to the end that we caused or saw.
  if (usage.watch !== null)
    return Math.max(0, Math.min(Math.floor((endMs - startMs) / 1_000), usage.longestSeconds));
  const silence = usage.silent && usage.endedAtMs === null ? HEARTBEAT_SECONDS : 0;
  const possible = Math.ceil((usage.receivedAtMs - Date.parse(usage.issuedAt)) / 1_000) + silence;
  const reported = Math.floor((endMs - startMs) / 1_000);
  return Math.max(0, Math.min(reported, possible, usage.longestSeconds));
};

/** The end by the browser's clock: as reported, or one heartbeat after the last sign of life; while it runs, the end so far. */
export const endMsOf = (usage: SessionUsage): number | null => {
  const { endedAtMs, lastSeenAtMs, silent, watch } = usage;
  if (watch !== null) return watch.closedAtMs ?? watch.seenAtMs;
  if (endedAtMs !== null || lastSeenAtMs === null) return endedAtMs;
  return silent ? lastSeenAtMs + HEARTBEAT_SECONDS * 1_000 : lastSeenAtMs;
};

export const startMsOf = ({ connectedAtMs, firstSeenAtMs, watch }: SessionUsage): number | null =>
  watch?.openedAtMs ?? connectedAtMs ?? firstSeenAtMs;

/** True when watchers saw the whole call, its end too, and so every response that OpenAI billed. */
export const isWatchedWhole = ({ watch, reservations }: SessionUsage): boolean =>
  watch?.gapless === true &&
  watch.awaited === null &&
  watch.closedAtMs !== null &&
  watch.countedUntilMs === null &&
  reservations.length === 0;

/**
 * True once the unused seconds of a hold are back in the plan. A watched call lasts until it was closed, whatever its page has
 * reported; `silent` also closes one whose end nobody saw. A released hold stays released, even if an older version released it.
 */
export const hasReleasedHold = (usage: SessionUsage): boolean =>
  isOver(usage) &&
  (usage.watch === null ||
    usage.watch.closedAtMs !== null ||
    usage.silent ||
    usage.posted.committedSeconds < usage.holdSeconds);

/** Returns the seconds that the session is billed for by its reports so far: on a hard-capped plan never more than it holds. */
export const billedSecondsOf = (usage: SessionUsage): number => {
  const seconds = durationSecondsOf(usage);
  const held = usage.holdSeconds === 0 ? seconds : Math.min(seconds, usage.holdSeconds);
  return usage.mode === 'managed' && held >= SHORTEST_BILLED_SECONDS ? held : 0;
};

/**
 * Returns the part of billedSecondsOf that the totals contain. All sessions with a hold of a workspace add to one
 * item, so a running session adds its seconds only when its hold grows, is used up or ends: the totals are at most
 * FIRST_HOLD_SECONDS behind for each such session, and their committed seconds are always complete.
 */
const settledSecondsOf = (usage: SessionUsage): number => {
  const billed = billedSecondsOf(usage);
  if (usage.holdSeconds === 0 || isOver(usage) || billed === usage.holdSeconds) return billed;
  // The hold last grew to the seconds used until then plus FIRST_HOLD_SECONDS. Seconds in the totals stay there.
  return Math.min(billed, Math.max(usage.posted.billedSeconds, usage.holdSeconds - FIRST_HOLD_SECONDS));
};

/** Returns the session's current contribution to the usage totals. */
export const entryOf = (usage: SessionUsage): LedgerEntry => {
  const connected = startMsOf(usage) !== null;
  const billedSeconds = settledSecondsOf(usage);
  const price = usage.priceVersion === null ? undefined : priceOfVersion(usage.priceVersion);
  return {
    sessions: connected ? 1 : 0,
    seconds: durationSecondsOf(usage),
    billedSeconds,
    committedSeconds: hasReleasedHold(usage) ? billedSeconds : Math.max(billedSeconds, usage.holdSeconds),
    costMicroCents:
      (price === undefined ? 0 : costOf(usage.counted, price).totalMicroCents) + usage.unwatchedMicroCents,
    unpricedSessions: connected && price === undefined ? 1 : 0,
    flaggedSessions: usage.flags.length > 0 ? 1 : 0,
    incompleteSessions: connected && !isWatchedWhole(usage) ? 1 : 0,
    tokens: usage.counted,
  };
};
