import { ConflictError } from '../domain/dependency.ts';
import { isSessionId, type SiteId } from '../domain/identifiers.ts';
import {
  degradationOf,
  degradedUntil,
  healthyKey,
  type KeyHealth,
  withReport,
  withSuccess,
} from '../domain/key-health.ts';
import { secondsToNextMinute } from '../domain/limits.ts';
import { Refusal } from '../domain/refusal.ts';
import { type ReportSignature, signatureHolds } from '../domain/report-signature.ts';
import { classifyReport, type FailureSource, type ReportedFailure } from '../domain/reported-failure.ts';
import type { SlotLease } from '../domain/session.ts';
import {
  isOver,
  LONGEST_SESSION_SECONDS,
  newMeter,
  OVERTIME_SECONDS,
  paced,
  reportsTooOften,
  type SessionMeter,
  type SessionReport,
  SILENCE_SECONDS,
  secondsOf,
  takeReport,
} from '../domain/session-meter.ts';
import { noteThresholds, type ThresholdPorts } from './note-thresholds.ts';
import type {
  BackOff,
  Clock,
  Deriver,
  ErrorLog,
  KeyHealthStore,
  ReportedSession,
  ReportedSessions,
  SessionEnds,
  SessionMeters,
  SlotKeeper,
} from './ports.ts';

export interface ReportPorts extends ThresholdPorts {
  readonly clock: Clock;
  readonly deriver: Pick<Deriver, 'signingSecret'>;
  readonly sessions: ReportedSessions;
  readonly meters: SessionMeters;
  readonly health: KeyHealthStore;
  readonly slots: SlotKeeper;
  readonly ends: SessionEnds;
  readonly errors: ErrorLog;
  readonly backOff: BackOff;
}

/** An `error` report also says what failed. */
export type WidgetReport =
  | Exclude<SessionReport, { readonly type: 'error' }>
  | (Extract<SessionReport, { readonly type: 'error' }> & {
      readonly source: FailureSource;
      readonly code: string | null;
    });

export interface ReportRequest {
  readonly siteId: SiteId;
  readonly sessionId: string;
  readonly origin: string | undefined;
  readonly signature: ReportSignature | undefined;
  /** The body exactly as it was signed. */
  readonly rawBody: string;
  readonly reports: readonly WidgetReport[];
  /** Called as soon as the page is known to be the one that the session was minted for. */
  readonly onOriginAllowed: (origin: string) => void;
}

export type HangUpReason = 'ended' | 'slot_lost' | 'max_duration' | 'site_gone';

export interface ReportReceipt {
  readonly accepted: number;
  readonly duplicates: number;
  readonly flagged: number;
  /** undefined: go on. Otherwise why the widget should hang up. */
  readonly hangUp: HangUpReason | undefined;
}

/** Writes that met another one, of the same session or of the same totals; the widget sends again what is refused then. */
const MAX_ATTEMPTS = 8;

/**
 * Takes what a widget reports of its session. The signature is checked before anything is read; reports that came before
 * change nothing. Failures reach the operator's list before they count as taken, so none is lost.
 */
export const recordReports =
  (ports: ReportPorts) =>
  async (request: ReportRequest): Promise<ReportReceipt> => {
    const now = ports.clock();
    const { sessionId, siteId, rawBody, signature } = request;
    if (!isSessionId(sessionId)) throw new Refusal('session_not_found');
    const signingSecret = await ports.deriver.signingSecret(sessionId);
    if (signature === undefined || !signatureHolds(signature, signingSecret, rawBody, now))
      throw new Refusal('invalid_signature');

    const read = await ports.sessions.readReported(siteId, sessionId);
    if (read === undefined) throw new Refusal('session_not_found');
    if (request.origin !== read.session.origin) throw new Refusal('origin_not_allowed');
    request.onOriginAllowed(request.origin ?? '');

    const { meter, tally } = await saveReports(ports, request, read, now);
    const slotHeld = await keepOrFreeSlots(ports, read, meter, now);
    return { ...tally, hangUp: hangUpReason(read, meter, slotHeld, now) };
  };

interface Tally {
  readonly accepted: number;
  readonly duplicates: number;
  readonly flagged: number;
}

const saveReports = async (
  ports: ReportPorts,
  { siteId, reports }: ReportRequest,
  first: ReportedSession,
  now: Date,
): Promise<{ readonly meter: SessionMeter; readonly tally: Tally }> => {
  const told = new Set<string>();
  let read = first;
  for (let attempt = 1; ; attempt++) {
    const before = read.meter ?? newMeter(read.session);
    if (reportsTooOften(before, now))
      throw new Refusal('rate_limited', { retryAfterSeconds: secondsToNextMinute(now) });
    const { meter, tally, failures, worked } = takeAll(before, reports, now);
    const untold = failures.filter(({ id }) => !told.has(id));
    for (const { id } of untold) told.add(id);
    await tellOperator(ports, read, untold, worked, now);
    try {
      // Also where nothing is new: what only repeats itself is bounded like the rest.
      await ports.meters.saveMeter(paced(meter, now));
      // Again with each repetition: the first one may have died before it came to this.
      if (isOver(meter)) await ports.ends.noteEnd(meter);
      await noteThresholds(ports, read, now);
      return { meter, tally };
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      if (attempt === MAX_ATTEMPTS) throw new Refusal('unavailable');
      await ports.backOff(attempt);
      read = (await ports.sessions.readReported(siteId, read.session.sessionId)) ?? read;
    }
  }
};

interface TakenReports {
  readonly meter: SessionMeter;
  readonly tally: Tally;
  readonly failures: readonly { readonly id: string; readonly failure: ReportedFailure }[];
  /** A whole response came through: the key works. */
  readonly worked: boolean;
}

const takeAll = (before: SessionMeter, reports: readonly WidgetReport[], now: Date): TakenReports => {
  const tally = { accepted: 0, duplicates: 0, flagged: 0 };
  const failures: { id: string; failure: ReportedFailure }[] = [];
  let meter = before;
  for (const report of reports) {
    const taken = takeReport(meter, report, now);
    meter = taken.meter;
    if (taken.outcome === 'accepted') {
      tally.accepted++;
      if (report.type === 'error')
        failures.push({ id: report.id, failure: classifyReport(report.source, report.code) });
    } else if (taken.outcome === 'duplicate') tally.duplicates++;
    else tally.flagged++;
  }
  return { meter, tally, failures, worked: meter.responses > before.responses };
};

/** Puts failures on the operator's list, and what they say of the key beside it. */
const tellOperator = async (
  ports: ReportPorts,
  { session, health }: ReportedSession,
  failures: TakenReports['failures'],
  worked: boolean,
  now: Date,
): Promise<void> => {
  const { workspaceId, siteId, sessionId, keyVersion: version, ipHash } = session;
  await Promise.all(
    failures.map(({ failure }) =>
      ports.errors.report({
        workspaceId,
        siteId,
        code: failure.refusal ?? failure.reason,
        source: failure.source,
        openAiFailure: failure.reason,
        message: failure.message,
        sessionId,
        at: now.toISOString(),
      }),
    ),
  );
  const before = health ?? healthyKey(version);
  let after: KeyHealth = before;
  for (const { failure } of failures)
    if (failure.openAiFailure !== undefined)
      after = withReport(after, { version, ipHash, failure: failure.openAiFailure }, now);
  if (worked && failures.length === 0) after = withSuccess(after, version, now);
  // Another visitor's report of the same moment may win; what is lost is one vote of a quorum, and more will come.
  if (after === before) return;
  await ignoreConflict(ports.health.saveHealth(session, after, now));
  const degradation = degradationOf(after, version, now);
  const changed = degradation?.until.getTime() !== degradationOf(before, version, now)?.until.getTime();
  // The platform's key has no owner who could look at it.
  if (changed && session.keyScope !== 'platform')
    await ports.health.noteDegraded(session, degradation && degradedUntil(degradation));
};

const ignoreConflict = async (write: Promise<void>): Promise<void> => {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
};

/** True while the session holds its slots. They come back as soon as it is over. */
const keepOrFreeSlots = async (
  { slots }: ReportPorts,
  { session }: ReportedSession,
  meter: SessionMeter,
  now: Date,
): Promise<boolean> => {
  const { workspaceId, sessionId, admission } = session;
  const places = admission?.slots ?? [];
  const held = places.map((place) => ({ ...place, sessionId }));
  if (isOver(meter)) {
    await slots.release(workspaceId, held);
    return true;
  }
  const connectBy = admission?.connectBy ?? 0;
  const until = Math.min(
    // Never shorter than it was admitted for: the client secret may still be good.
    Math.max(Math.floor(now.getTime() / 1_000) + SILENCE_SECONDS, connectBy),
    // By then OpenAI has ended it, whatever is still reported.
    connectBy + LONGEST_SESSION_SECONDS,
  );
  const leases: SlotLease[] = held.map((lease) => ({ ...lease, expiresAt: until }));
  return slots.extend(workspaceId, leases, now);
};

const hangUpReason = (
  { session, site, workspace }: ReportedSession,
  meter: SessionMeter,
  slotHeld: boolean,
  now: Date,
): HangUpReason | undefined => {
  if (isOver(meter)) return 'ended';
  if (site === undefined || workspace?.deletedAt !== null) return 'site_gone';
  if (!slotHeld) return 'slot_lost';
  const { maxDurationSeconds = site.maxDurationSeconds, connectBy = 0 } = session.admission ?? {};
  const longest = maxDurationSeconds + OVERTIME_SECONDS;
  // Where the browser's clock stands still, ours decides: it cannot have begun later than when it might last connect.
  const isTooLong = secondsOf(meter) >= longest || now.getTime() > (connectBy + longest) * 1_000;
  return isTooLong ? 'max_duration' : undefined;
};
