import { createHash } from 'node:crypto';
import { costOf } from './cost.ts';
import type { SessionId, SiteId, WorkspaceId } from './identifiers.ts';
import { type LedgerEntry, NO_ENTRY } from './ledger.ts';
import { CLIENT_SECRET_TTL_SECONDS } from './openai-models.ts';
import { priceOf, priceOfVersion } from './price-catalogue.ts';
import type { ReservedSession } from './session.ts';
import { addTokens, NO_TOKENS, type TokenCounts } from './token-counts.ts';
import type { BillingMode } from './workspace.ts';

/**
 * What a widget reports of one session, and what follows from it. Reports are claims of a browser: each is bounded by what
 * the clock of this service allows, and what exceeds the bound is kept, flagged and not counted.
 *
 * The meter depends on which reports arrived, not on their order or on how often: earliest start, latest sign of life,
 * earliest end, and sums over responses that are each counted once.
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

export const METER_FLAGS = [
  /** More tokens than can be spoken or heard in the time that has passed. */
  'tokens_out_of_bounds',
  /** A time before the mint or in the future. */
  'time_out_of_bounds',
  /** More reports than a session has. */
  'too_many_reports',
] as const;
export type MeterFlag = (typeof METER_FLAGS)[number];

/** The widget says this often that its session lives, seconds. */
export const HEARTBEAT_SECONDS = 20;

/** OpenAI ends every session after 60 minutes (docs/openai.md). */
export const LONGEST_SESSION_SECONDS = 3_600;

/** A shorter session is not billed, seconds. */
export const SHORTEST_BILLED_SECONDS = 5;

/** Seconds without a sign of life after which a session counts as over: three heartbeats are missing. */
export const SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS + 15;

/** How long after the longest session late reports are still taken, seconds. A browser that was offline sends them then. */
const LATE_REPORT_SECONDS = 3_600;

/** How long after its mint the reports of a session are believed, seconds. */
const BELIEVED_SECONDS = CLIENT_SECRET_TTL_SECONDS.max + LONGEST_SESSION_SECONDS + LATE_REPORT_SECONDS;

/** Digests that one session may leave: two for each response. An hour of talk has some hundreds. */
const MAX_SEEN = 4_000;

/** After the longest session the widget has this long to hang up by itself, seconds. */
export const OVERTIME_SECONDS = 30;

/** Clocks of browsers may be this far off, seconds; the same as the signature allows. */
export const CLOCK_SKEW_SECONDS = 300;

/** What was reported, reduced to what counts. `at` is the browser's clock, milliseconds since 1970. */
export type SessionReport =
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

export interface SessionMeter {
  readonly sessionId: SessionId;
  readonly workspaceId: WorkspaceId;
  readonly siteId: SiteId;
  readonly mode: BillingMode;
  readonly model: string;
  /** `<model>@<date>` of the price that the session is counted at; null for a model without one. */
  readonly priceVersion: string | null;
  /** When it was minted, by our clock. */
  readonly issuedAt: string;
  /** Seconds of a hard-capped plan that are set aside until the session is over; 0 without such a plan. */
  readonly holdSeconds: number;
  /** Longest that it can count for, seconds: what it was admitted for, and the time that a widget takes to hang up. */
  readonly longestSeconds: number;
  /** Times of the browser's clock, milliseconds. */
  readonly connectedAtMs: number | null;
  readonly firstSeenAtMs: number | null;
  readonly lastSeenAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly endReason: EndReason | null;
  /** When the last new report came in, by our clock, milliseconds: nothing can have lasted longer than until then. */
  readonly receivedAtMs: number;
  /** Until when silence means nothing, by our clock, milliseconds: the client secret may still open a session. */
  readonly quietUntilMs: number;
  /** When somebody should look whether it has fallen silent, by our clock, milliseconds. Moved on by whoever looks. */
  readonly dueAtMs: number;
  /** Nothing was heard for SILENCE_SECONDS: it ended with its last sign of life plus one heartbeat. */
  readonly silent: boolean;
  readonly counted: TokenCounts;
  /** Responses in `counted`. */
  readonly responses: number;
  readonly flaggedTokens: TokenCounts;
  readonly flags: readonly MeterFlag[];
  /** Digests of what was counted, so that nothing is counted twice. */
  readonly seen: ReadonlySet<string>;
  /** Requests within the latest clock minute: a session that reports too often is told to wait. */
  readonly pace: { readonly minute: number; readonly requests: number };
  /** What the totals hold of this session already. */
  readonly posted: LedgerEntry;
  /** Grows with each write; 0 before the first. */
  readonly revision: number;
}

/** The meter of a visitor's session of which nothing was reported yet. */
export const newMeter = (session: ReservedSession & { readonly siteId: SiteId }): SessionMeter => ({
  sessionId: session.sessionId,
  workspaceId: session.workspaceId,
  siteId: session.siteId,
  mode: session.mode,
  model: session.model,
  priceVersion: priceOf(session.model, new Date(session.createdAt))?.version ?? null,
  issuedAt: session.createdAt,
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
  quietUntilMs: (session.admission?.connectBy ?? 0) * 1_000,
  dueAtMs: Math.max(
    (session.admission?.connectBy ?? 0) * 1_000,
    Date.parse(session.createdAt) + SILENCE_SECONDS * 1_000,
  ),
  silent: false,
  counted: NO_TOKENS,
  responses: 0,
  flaggedTokens: NO_TOKENS,
  flags: [],
  seen: new Set(),
  pace: { minute: 0, requests: 0 },
  posted: NO_ENTRY,
  revision: 0,
});

/** Requests of one session within a clock minute; a widget sends about ten. */
const REQUESTS_PER_MINUTE = 120;

const minuteOf = (now: Date): number => Math.floor(now.getTime() / 60_000);

export const reportsTooOften = ({ pace }: SessionMeter, now: Date): boolean =>
  pace.minute === minuteOf(now) && pace.requests >= REQUESTS_PER_MINUTE;

/** The meter with one more request on it. */
export const paced = (meter: SessionMeter, now: Date): SessionMeter => {
  const minute = minuteOf(now);
  const requests = meter.pace.minute === minute ? meter.pace.requests + 1 : 1;
  return { ...meter, pace: { minute, requests } };
};

/** `duplicate`: known already, nothing changed. `flagged`: cannot be true; kept apart and not counted. */
export type ReportOutcome = 'accepted' | 'duplicate' | 'flagged';

export interface Taken {
  readonly meter: SessionMeter;
  readonly outcome: ReportOutcome;
}

/** Takes one report. The same meter comes back when it changes nothing. */
export const takeReport = (meter: SessionMeter, report: SessionReport, now: Date): Taken => {
  const digest = digestOf(`${report.type}:${report.id}`);
  // The other kinds change nothing when they come again.
  const known = meter.seen.has(digest);
  if (known) return { meter, outcome: 'duplicate' };
  if (!reportsTaken(meter, now)) return { meter, outcome: 'flagged' };
  if (!timeIsPossible(meter, report.atMs, now)) return flagged(meter, 'time_out_of_bounds');
  switch (report.type) {
    case 'connected':
    case 'heartbeat':
      return seenAt(meter, report.type === 'connected', report.atMs, now);
    case 'ended':
      return endedAt(meter, report.atMs, report.reason, now);
    case 'error':
      if (meter.seen.size >= MAX_SEEN) return flagged(meter, 'too_many_reports');
      return accepted({ ...meter, seen: new Set([...meter.seen, digest]) }, now);
    case 'usage':
      return usageTaken(meter, report, digest, now);
  }
};

const accepted = (meter: SessionMeter, now: Date): Taken => ({
  meter: { ...meter, receivedAtMs: Math.max(meter.receivedAtMs, now.getTime()) },
  outcome: 'accepted',
});

const flagged = (meter: SessionMeter, flag: MeterFlag): Taken => ({
  meter: meter.flags.includes(flag) ? meter : { ...meter, flags: [...meter.flags, flag].sort() },
  outcome: 'flagged',
});

const timeIsPossible = (meter: SessionMeter, atMs: number, now: Date): boolean =>
  atMs >= Date.parse(meter.issuedAt) - CLOCK_SKEW_SECONDS * 1_000 &&
  atMs <= now.getTime() + CLOCK_SKEW_SECONDS * 1_000;

/** Whether a session is recent enough for its reports to be believed. */
const reportsTaken = ({ issuedAt }: Pick<SessionMeter, 'issuedAt'>, now: Date): boolean =>
  now.getTime() <= Date.parse(issuedAt) + BELIEVED_SECONDS * 1_000;

/** The latest mint of which no report is believed any more at `now`: its meter is what it will be, once it is over. */
export const finalUntil = (now: Date): Date => new Date(now.getTime() - BELIEVED_SECONDS * 1_000);

const earliest = (a: number | null, b: number): number => (a === null ? b : Math.min(a, b));
const latest = (a: number | null, b: number): number => (a === null ? b : Math.max(a, b));

const seenAt = (meter: SessionMeter, connected: boolean, atMs: number, now: Date): Taken => {
  const connectedAtMs = connected ? earliest(meter.connectedAtMs, atMs) : meter.connectedAtMs;
  const firstSeenAtMs = earliest(meter.firstSeenAtMs, atMs);
  const lastSeenAtMs = latest(meter.lastSeenAtMs, atMs);
  const unchanged =
    connectedAtMs === meter.connectedAtMs &&
    firstSeenAtMs === meter.firstSeenAtMs &&
    lastSeenAtMs === meter.lastSeenAtMs;
  if (unchanged) return { meter, outcome: 'duplicate' };
  return accepted({ ...meter, connectedAtMs, firstSeenAtMs, lastSeenAtMs }, now);
};

const endedAt = (meter: SessionMeter, atMs: number, reason: EndReason, now: Date): Taken => {
  const { endedAtMs, endReason } = meter;
  const first =
    endedAtMs === null || atMs < endedAtMs || (atMs === endedAtMs && reason < (endReason ?? reason));
  if (!first) return { meter, outcome: 'duplicate' };
  return accepted({ ...meter, endedAtMs: atMs, endReason: reason }, now);
};

const usageTaken = (
  meter: SessionMeter,
  report: Extract<SessionReport, { type: 'usage' }>,
  digest: string,
  now: Date,
): Taken => {
  const responseDigest = digestOf(`response:${report.responseId}`);
  if (meter.seen.has(responseDigest)) return { meter, outcome: 'duplicate' };
  if (meter.seen.size + 2 > MAX_SEEN) return flagged(meter, 'too_many_reports');
  const seen = new Set([...meter.seen, digest, responseDigest]);
  if (!tokensArePossible(meter, report.tokens, now)) {
    const { meter: marked } = flagged(meter, 'tokens_out_of_bounds');
    const flaggedTokens = addTokens(meter.flaggedTokens, report.tokens);
    return { meter: { ...marked, seen, flaggedTokens }, outcome: 'flagged' };
  }
  const { meter: alive } = seenAt(meter, false, report.atMs, now);
  return accepted(
    {
      ...alive,
      seen,
      counted: addTokens(meter.counted, report.tokens),
      responses: meter.responses + 1,
    },
    now,
  );
};

/** A digest of 64 bits: among the at most MAX_SEEN of one session two that are alike by chance do not happen. */
const digestOf = (text: string): string =>
  createHash('sha256').update(text, 'utf8').digest().subarray(0, 8).toString('base64url');

/** What an honest session can exceed a rate by, as a factor and in seconds: buffered speech, late clocks. */
const MARGIN = 1.5;
const SLACK_SECONDS = 10;

/** 600 tokens a minute heard and 1,200 spoken: https://developers.openai.com/api/docs/guides/realtime-costs */
const HEARD_PER_SECOND = 10;
const SPOKEN_PER_SECOND = 20;

/** Speech is made faster than it is heard: one long answer, of some three and a half minutes, may be ahead of the clock. */
const ANSWER_AHEAD_TOKENS = 4_096;

/** Of the largest Realtime models: https://developers.openai.com/api/docs/models/gpt-realtime-2.1 */
const CONTEXT_TOKENS = 128_000;
const LONGEST_TEXT_TOKENS = 32_000;

/**
 * Whether a response can have used so much. Speech takes time: what was spoken in the whole session fits into it, and what
 * a response heard is at most the whole conversation so far. Text and images are bounded by the model's context.
 */
const tokensArePossible = (meter: SessionMeter, tokens: TokenCounts, now: Date): boolean => {
  // OpenAI has ended it an hour after it might last connect: who waits longer cannot claim more.
  const spokeUntilMs = Math.min(now.getTime(), meter.quietUntilMs + LONGEST_SESSION_SECONDS * 1_000);
  const elapsedSeconds = Math.max(0, (spokeUntilMs - Date.parse(meter.issuedAt)) / 1_000);
  const allowance = (elapsedSeconds + SLACK_SECONDS) * MARGIN;
  const spoken = meter.counted.audioOut + tokens.audioOut;
  const heard = tokens.audioIn + tokens.cachedAudioIn;
  const read = tokens.textIn + tokens.cachedTextIn + tokens.imageIn + tokens.cachedImageIn;
  return (
    spoken <= SPOKEN_PER_SECOND * allowance + ANSWER_AHEAD_TOKENS &&
    heard <= (HEARD_PER_SECOND + SPOKEN_PER_SECOND) * allowance + ANSWER_AHEAD_TOKENS &&
    read <= CONTEXT_TOKENS &&
    tokens.textOut <= LONGEST_TEXT_TOKENS &&
    // No model answers more than once a second for a whole session.
    meter.responses + 1 <= allowance
  );
};

/** Over: reported as ended, or silent for too long. */
export const isOver = ({ endedAtMs, silent }: SessionMeter): boolean => endedAtMs !== null || silent;

/** Looked after: closed if nothing was heard of it for SILENCE_SECONDS, else due again. The same meter when it is over. */
export const lookAfter = (meter: SessionMeter, now: Date): SessionMeter => {
  if (isOver(meter)) return meter;
  const silentFrom = silentFromMs(meter);
  return now.getTime() < silentFrom ? { ...meter, dueAtMs: silentFrom } : { ...meter, silent: true };
};

/** When a session counts as over if nothing more is heard, milliseconds of our clock. */
const silentFromMs = ({ receivedAtMs, quietUntilMs }: SessionMeter): number =>
  Math.max(receivedAtMs + SILENCE_SECONDS * 1_000, quietUntilMs);

/** How long it lasted by its reports, whole seconds, never longer than our own clock allows. */
export const secondsOf = (meter: SessionMeter): number => {
  const startMs = startMsOf(meter);
  const endMs = endMsOf(meter);
  if (startMs === null || endMs === null) return 0;
  const silence = meter.silent && meter.endedAtMs === null ? HEARTBEAT_SECONDS : 0;
  const possible = Math.ceil((meter.receivedAtMs - Date.parse(meter.issuedAt)) / 1_000) + silence;
  const reported = Math.floor((endMs - startMs) / 1_000);
  return Math.max(0, Math.min(reported, possible, meter.longestSeconds));
};

/** The end by the browser's clock: as reported, or one heartbeat after the last sign of life; so far, while it lives. */
const endMsOf = (meter: SessionMeter): number | null => {
  const { endedAtMs, lastSeenAtMs, silent, holdSeconds } = meter;
  if (endedAtMs !== null || lastSeenAtMs === null) return endedAtMs;
  if (!silent) return lastSeenAtMs;
  const guessMs = lastSeenAtMs + HEARTBEAT_SECONDS * 1_000;
  if (holdSeconds === 0) return guessMs;
  // A guess must not spend minutes that nobody set aside: the widget would have hung up by then.
  const heldUntilMs = (startMsOf(meter) ?? lastSeenAtMs) + holdSeconds * 1_000;
  return Math.max(lastSeenAtMs, Math.min(guessMs, heldUntilMs));
};

const startMsOf = ({ connectedAtMs, firstSeenAtMs }: SessionMeter): number | null =>
  connectedAtMs ?? firstSeenAtMs;

/** What the session adds to the totals as things stand. */
export const entryOf = (meter: SessionMeter): LedgerEntry => {
  const connected = meter.connectedAtMs !== null || meter.firstSeenAtMs !== null;
  const seconds = secondsOf(meter);
  const billedSeconds = meter.mode === 'managed' && seconds >= SHORTEST_BILLED_SECONDS ? seconds : 0;
  const price = meter.priceVersion === null ? undefined : priceOfVersion(meter.priceVersion);
  return {
    sessions: connected ? 1 : 0,
    seconds,
    billedSeconds,
    committedSeconds: isOver(meter) ? billedSeconds : Math.max(billedSeconds, meter.holdSeconds),
    costMicroCents: price === undefined ? 0 : costOf(meter.counted, price).totalMicroCents,
    unpricedSessions: connected && price === undefined ? 1 : 0,
    flaggedSessions: meter.flags.length > 0 ? 1 : 0,
    tokens: meter.counted,
  };
};

/** What a session came to: who paid, for what, and how sure that is. */
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
  /** True where the sum is not exact: the usage comes from the browser, and OpenAI's own bill decides with an own key. */
  readonly estimated: boolean;
  readonly flags: readonly MeterFlag[];
}

export const receiptOf = (meter: SessionMeter): Receipt => {
  const entry = entryOf(meter);
  const over = isOver(meter);
  const endMs = over ? endMsOf(meter) : null;
  const startMs = startMsOf(meter);
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    payer: meter.mode,
    state: over ? 'ended' : startMs === null ? 'issued' : 'live',
    connectedAt: iso(startMs),
    endedAt: iso(endMs),
    endReason: over ? (meter.endReason ?? 'silence') : null,
    seconds: entry.seconds,
    billedSeconds: entry.billedSeconds,
    priceVersion: meter.priceVersion,
    tokens: meter.counted,
    flaggedTokens: meter.flaggedTokens,
    costMicroCents: meter.priceVersion === null ? null : entry.costMicroCents,
    estimated: meter.mode === 'byok' || meter.flags.length > 0 || meter.priceVersion === null,
    flags: meter.flags,
  };
};
