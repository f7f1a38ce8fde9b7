import { BrokerError } from '../../domain/broker-error.ts';
import { ConflictError } from '../../domain/dependency.ts';
import { isSessionId, type SiteId } from '../../domain/identifiers.ts';
import {
  degradationOf,
  degradedUntil,
  type KeyHealth,
  newKeyHealth,
  withReport,
  withSuccess,
} from '../../domain/keys/key-health.ts';
import { secondsToNextMinute } from '../../domain/limits.ts';
import { type EventSignature, signatureHolds } from '../../domain/sessions/event-signature.ts';
import type { SessionSnapshot } from '../../domain/sessions/recorded-session.ts';
import {
  classifyReport,
  type FailureSource,
  type ReportedFailure,
} from '../../domain/sessions/reported-failure.ts';
import {
  applyEvent,
  durationSecondsOf,
  isOver,
  LONGEST_SESSION_SECONDS,
  newSessionUsage,
  OVERTIME_SECONDS,
  requestsTooOften,
  type SessionEvent,
  type SessionUsage,
  SILENCE_SECONDS,
  withRequestCounted,
} from '../../domain/sessions/session-usage.ts';
import type { SlotLease } from '../../domain/sessions/slots.ts';
import { ignoreConflict } from '../conflicts.ts';
import type { KeyHealthStore } from '../ports/keys.ts';
import type { BackOff, Clock } from '../ports/runtime.ts';
import type {
  ErrorLog,
  PseudonymService,
  SessionEndRecorder,
  SessionSnapshots,
  SessionUsageStore,
  SlotLeases,
} from '../ports/sessions.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';
import { noteThresholds, type ThresholdPorts } from '../usage/note-thresholds.ts';

export interface EventPorts extends ThresholdPorts {
  readonly clock: Clock;
  readonly pseudonyms: Pick<PseudonymService, 'signingSecret'>;
  readonly sessions: SessionSnapshots;
  readonly sessionUsage: SessionUsageStore;
  readonly health: KeyHealthStore;
  readonly slots: SlotLeases;
  readonly ends: SessionEndRecorder;
  readonly errors: ErrorLog;
  readonly backOff: BackOff;
}

/** An `error` report also says what failed. */
export type WidgetEvent =
  | Exclude<SessionEvent, { readonly type: 'error' }>
  | (Extract<SessionEvent, { readonly type: 'error' }> & {
      readonly source: FailureSource;
      readonly code: string | null;
    });

export interface EventsRequest {
  readonly siteId: SiteId;
  readonly sessionId: string;
  readonly origin: string | undefined;
  readonly signature: EventSignature | undefined;
  /** The body exactly as it was signed. */
  readonly rawBody: string;
  readonly events: readonly WidgetEvent[];
  /** Called as soon as the page is known to be the one that the session was minted for. */
  readonly onOriginAllowed: (origin: string) => void;
}

export type HangUpReason = 'ended' | 'slot_lost' | 'max_duration' | 'site_gone';

export interface EventsReceipt {
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
export const recordEvents =
  (ports: EventPorts) =>
  async (request: EventsRequest): Promise<EventsReceipt> => {
    const now = ports.clock();
    const { sessionId, siteId, rawBody, signature } = request;
    if (!isSessionId(sessionId)) throw new BrokerError('session_not_found');
    const signingSecret = await ports.pseudonyms.signingSecret(sessionId);
    if (signature === undefined || !signatureHolds(signature, signingSecret, rawBody, now))
      throw new BrokerError('invalid_signature');

    const read = await ports.sessions.readSnapshot(siteId, sessionId);
    if (read === undefined) throw new BrokerError('session_not_found');
    if (request.origin !== read.session.origin) throw new BrokerError('origin_not_allowed');
    request.onOriginAllowed(request.origin ?? '');

    const { usage, tally } = await saveEvents(ports, request, read, now);
    const slotHeld = await renewOrReleaseSlots(ports, read, usage, now);
    return { ...tally, hangUp: hangUpReason(read, usage, slotHeld, now) };
  };

interface Tally {
  readonly accepted: number;
  readonly duplicates: number;
  readonly flagged: number;
}

const saveEvents = async (
  ports: EventPorts,
  { siteId, events: reports }: EventsRequest,
  first: SessionSnapshot,
  now: Date,
): Promise<{ readonly usage: SessionUsage; readonly tally: Tally }> => {
  const told = new Set<string>();
  let read = first;
  const save = async (attempt: number) => {
    if (attempt > 1) read = (await ports.sessions.readSnapshot(siteId, read.session.sessionId)) ?? read;
    const before = read.usage ?? newSessionUsage(read.session);
    if (requestsTooOften(before, now))
      throw new BrokerError('rate_limited', { retryAfterSeconds: secondsToNextMinute(now) });
    const { usage, tally, failures, worked } = applyEvents(before, reports, now);
    const untold = failures.filter(({ id }) => !told.has(id));
    for (const { id } of untold) told.add(id);
    await tellOperator(ports, read, untold, worked, now);
    // Also where nothing is new: what only repeats itself is bounded like the rest.
    await ports.sessionUsage.saveUsage(withRequestCounted(usage, now));
    // Again with each repetition: the first one may have died before it came to this.
    if (isOver(usage)) await ports.ends.recordEnd(usage);
    await noteThresholds(ports, read, now);
    return { usage, tally };
  };
  try {
    return await retryOnConflict(ports.backOff, MAX_ATTEMPTS, save);
  } catch (error) {
    throw error instanceof ConflictError ? new BrokerError('unavailable') : error;
  }
};

interface AppliedEvents {
  readonly usage: SessionUsage;
  readonly tally: Tally;
  readonly failures: readonly { readonly id: string; readonly failure: ReportedFailure }[];
  /** A whole response came through: the key works. */
  readonly worked: boolean;
}

const applyEvents = (before: SessionUsage, reports: readonly WidgetEvent[], now: Date): AppliedEvents => {
  const tally = { accepted: 0, duplicates: 0, flagged: 0 };
  const failures: { id: string; failure: ReportedFailure }[] = [];
  let usage = before;
  for (const report of reports) {
    const taken = applyEvent(usage, report, now);
    usage = taken.usage;
    if (taken.outcome === 'accepted') {
      tally.accepted++;
      const failure = report.type === 'error' ? classifyReport(report.source, report.code) : undefined;
      if (failure !== undefined) failures.push({ id: report.id, failure });
    } else if (taken.outcome === 'duplicate') tally.duplicates++;
    else tally.flagged++;
  }
  return { usage, tally, failures, worked: usage.responses > before.responses };
};

/** Puts failures on the operator's list, and what they say of the key beside it. */
const tellOperator = async (
  ports: EventPorts,
  { session, health }: SessionSnapshot,
  failures: AppliedEvents['failures'],
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
  const before = health ?? newKeyHealth(version);
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

/** True while the session holds its slots. They come back as soon as it is over. */
const renewOrReleaseSlots = async (
  { slots }: EventPorts,
  { session }: SessionSnapshot,
  usage: SessionUsage,
  now: Date,
): Promise<boolean> => {
  const { workspaceId, sessionId, admission } = session;
  const places = admission?.slots ?? [];
  const held = places.map((place) => ({ ...place, sessionId }));
  if (isOver(usage)) {
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
  return slots.renew(workspaceId, leases, now);
};

const hangUpReason = (
  { session, site, workspace }: SessionSnapshot,
  usage: SessionUsage,
  slotHeld: boolean,
  now: Date,
): HangUpReason | undefined => {
  if (isOver(usage)) return 'ended';
  if (site === undefined || workspace?.deletedAt !== null) return 'site_gone';
  if (!slotHeld) return 'slot_lost';
  const { maxDurationSeconds = site.maxDurationSeconds, connectBy = 0 } = session.admission ?? {};
  const longest = maxDurationSeconds + OVERTIME_SECONDS;
  // Where the browser's clock stands still, ours decides: it cannot have begun later than when it might last connect.
  const isTooLong = durationSecondsOf(usage) >= longest || now.getTime() > (connectBy + longest) * 1_000;
  return isTooLong ? 'max_duration' : undefined;
};
