import { BrokerError } from '../../domain/broker-error.ts';
import { type CurrentBudget, currentBudget } from '../../domain/budgets/budget.ts';
import type { EndedBy } from '../../domain/calls/call.ts';
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
import { holdUsedUp } from '../../domain/sessions/hold.ts';
import type { SessionSnapshot } from '../../domain/sessions/recorded-session.ts';
import {
  classifyReport,
  type FailureSource,
  type ReportedFailure,
} from '../../domain/sessions/reported-failure.ts';
import {
  applyEvent,
  durationSecondsOf,
  expectedEndOf,
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
import { DEFAULT_RETENTION } from '../../domain/tenancy/retention.ts';
import { settleBudgets } from '../budgets/settle-budgets.ts';
import { ignoreConflict } from '../conflicts.ts';
import type { BudgetNotes } from '../ports/budgets.ts';
import type { HangUpQueue, LiveSessions } from '../ports/calls.ts';
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
import { growHold } from './grow-hold.ts';

export interface EventPorts extends ThresholdPorts {
  readonly clock: Clock;
  readonly pseudonyms: Pick<PseudonymService, 'signingSecret' | 'hashIp'>;
  readonly sessions: SessionSnapshots;
  readonly sessionUsage: SessionUsageStore;
  readonly health: KeyHealthStore;
  readonly slots: SlotLeases;
  readonly ends: SessionEndRecorder;
  readonly live: Pick<LiveSessions, 'removeLive'>;
  readonly hangUps: HangUpQueue;
  readonly budgets: BudgetNotes;
  readonly errors: ErrorLog;
  readonly backOff: BackOff;
}

/** An `error` report also names the failure. */
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
  /** The reporter's address, as API Gateway saw it. */
  readonly sourceIp: string;
  /** The body exactly as it was signed. */
  readonly rawBody: string;
  readonly events: readonly WidgetEvent[];
  /** Called as soon as the page has proven that the session was minted for it. */
  readonly onOriginAllowed: (origin: string) => void;
}

export type HangUpReason = 'ended' | 'slot_lost' | 'max_duration' | 'site_gone';

export interface EventsReceipt {
  readonly accepted: number;
  readonly duplicates: number;
  readonly flagged: number;
  /** undefined: continue. Otherwise why the widget should hang up. */
  readonly hangUp: HangUpReason | undefined;
  /** Who ended the call, or asked for its end; undefined if the broker did not. */
  readonly endedBy?: EndedBy | undefined;
}

/** Attempts at a write that conflicts with another one, of the same session or the same totals. After that the widget retries. */
const MAX_ATTEMPTS = 8;

/**
 * Records a widget's reports of its session. The signature is checked before the session is read; repeated reports
 * change nothing. Failures are put on the operator's list before the reports are acknowledged, so none is lost.
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

    const { usage, tally, holdsSlot } = await saveEvents(ports, request, read, now);
    const { endedBy = read.session.endRequested } = read.session;
    return {
      ...tally,
      hangUp: await settleSlots(ports, read, { usage, holdsSlot }, now),
      ...(endedBy === undefined ? {} : { endedBy }),
    };
  };

interface Tally {
  readonly accepted: number;
  readonly duplicates: number;
  readonly flagged: number;
}

interface SavedEvents {
  readonly usage: SessionUsage;
  readonly tally: Tally;
  /** False if the slot of a call that continues was lost. */
  readonly holdsSlot: boolean;
}

const saveEvents = async (
  ports: EventPorts,
  { siteId, events: reports, sourceIp }: EventsRequest,
  first: SessionSnapshot,
  now: Date,
): Promise<SavedEvents> => {
  const told = new Set<string>();
  let read = first;
  const save = async (attempt: number) => {
    if (attempt > 1) read = (await ports.sessions.readSnapshot(siteId, read.session.sessionId)) ?? read;
    const stored = read.usage ?? newSessionUsage(read.session);
    if (requestsTooOften(stored, now))
      throw new BrokerError('rate_limited', { retryAfterSeconds: secondsToNextMinute(now) });
    const { usage: heard, tally, failures, worked } = applyEvents(stored, reports, now);
    const { usage, capSeconds } = await growHold(ports, read.workspace, stored, heard);
    const untold = failures.filter(({ id }) => !told.has(id));
    for (const { id } of untold) told.add(id);
    await tellOperator(ports, { read, usage, sourceIp }, untold, worked, now);
    // Before it is saved: a call whose end was not queued stays with the sweeper.
    if (read.session.openedWith === 'call' && isOver(usage)) await queueEnd(ports, read.session, 'ended');
    const { holdsSlot, expected } = await expectCall(ports, read, usage, now);
    // Also if nothing is new: repetitions are limited like other requests.
    const budgets = budgetsOf(read, now);
    await ports.sessionUsage.saveUsage(withRequestCounted(expected, now), budgets, capSeconds);
    await settle(ports, read, { budgets, charged: usage.responses > stored.responses }, now);
    // Again with each repetition: the first request may have crashed before this line.
    if (isOver(usage)) await ports.ends.recordEnd(usage);
    await noteThresholds(ports, read, now);
    return { usage, tally, holdsSlot };
  };
  try {
    return await retryOnConflict(ports.backOff, MAX_ATTEMPTS, save);
  } catch (error) {
    throw error instanceof ConflictError ? new BrokerError('unavailable') : error;
  }
};

/** The budgets that the session counts against: only own keys have any. */
const budgetsOf = ({ session, workspace, budgets }: SessionSnapshot, now: Date): readonly CurrentBudget[] =>
  session.mode === 'byok' && workspace !== undefined
    ? budgets.map((budget) => currentBudget(budget, now, workspace.timeZone))
    : [];

/** Notices and hang-ups that follow from the budgets after this report. */
const settle = async (
  ports: EventPorts,
  read: SessionSnapshot,
  { budgets, charged }: { readonly budgets: readonly CurrentBudget[]; readonly charged: boolean },
  now: Date,
): Promise<void> => {
  if (budgets.length === 0) return;
  const { workspaceId, siteId } = read.session;
  // Read after the cost is in them: of two sessions that reach a threshold together, the later one sees both.
  const after = charged
    ? budgetsOf({ ...read, budgets: await ports.budgets.readBudgets(workspaceId, siteId) }, now)
    : budgets;
  await settleBudgets(ports, after, now);
};

interface AppliedEvents {
  readonly usage: SessionUsage;
  readonly tally: Tally;
  readonly failures: readonly { readonly id: string; readonly failure: ReportedFailure }[];
  /** A response was completed: the key works. */
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

interface Reporter {
  readonly read: SessionSnapshot;
  readonly usage: SessionUsage;
  readonly sourceIp: string;
}

/** Only a page that connected and received a response proves how OpenAI answers. */
const isWitness = ({ connectedAtMs, responses }: SessionUsage): boolean =>
  connectedAtMs !== null && responses > 0;

/** Puts failures on the operator's list, and records their votes on the key. */
const tellOperator = async (
  ports: EventPorts,
  { read: { session, workspace, health }, usage, sourceIp }: Reporter,
  failures: AppliedEvents['failures'],
  worked: boolean,
  now: Date,
): Promise<void> => {
  const { workspaceId, siteId, sessionId, keyVersion: version } = session;
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
        keptDays: (workspace?.retention ?? DEFAULT_RETENTION).errorDays,
      }),
    ),
  );
  const before = health ?? newKeyHealth(version);
  let after: KeyHealth = before;
  // The address of the report: sessions opened from many addresses count once if one host reports for all of them.
  const ipHash = failures.length === 0 ? '' : await ports.pseudonyms.hashIp(sourceIp, now);
  for (const { failure } of failures)
    if (failure.openAiFailure !== undefined && isWitness(usage))
      after = withReport(after, { version, ipHash, failure: failure.openAiFailure }, now);
  if (worked && failures.length === 0) after = withSuccess(after, version, now);
  // A concurrent report of another visitor may win. That loses one vote of a quorum, and more will follow.
  if (after === before) return;
  await ignoreConflict(ports.health.saveHealth(session, after, now));
  const degradation = degradationOf(after, version, now);
  const changed = degradation?.until.getTime() !== degradationOf(before, version, now)?.until.getTime();
  // The platform's key has no customer as its owner.
  if (changed && session.keyScope !== 'platform')
    await ports.health.noteDegraded(session, degradation && degradedUntil(degradation));
};

/** The instruction to the page: undefined to continue. The slot of a page that must hang up is not renewed. */
const settleSlots = async (
  ports: EventPorts,
  read: SessionSnapshot,
  { usage, holdsSlot }: Pick<SavedEvents, 'usage' | 'holdsSlot'>,
  now: Date,
): Promise<HangUpReason | undefined> => {
  const { session } = read;
  const reason = hangUpReason(read, usage, now);
  if (session.openedWith === 'call') {
    if (reason === undefined) return holdsSlot ? undefined : 'slot_lost';
    // Its end was queued before the report was saved: the broker ends it.
    if (reason !== 'ended') await queueEnd(ports, session, reason);
    return reason;
  }
  const { workspaceId, sessionId, admission } = session;
  const held = (admission?.slots ?? []).map((place) => ({ ...place, sessionId }));
  if (reason === 'ended') {
    await Promise.all([
      ports.slots.release(workspaceId, held),
      ports.live.removeLive(workspaceId, sessionId),
    ]);
    return reason;
  }
  if (reason === 'max_duration') {
    // Still held, but expected to be free soon: the page was told to hang up.
    const expectedUntil = Math.floor(now.getTime() / 1_000);
    const leases = held.map((lease) => ({ ...lease, expectedUntil }));
    return (await ports.slots.expect(workspaceId, leases, now)) ? reason : 'slot_lost';
  }
  if (reason !== undefined) return reason;
  const connectBy = admission?.connectBy ?? 0;
  const until = Math.min(
    // Never shorter than admitted: the client secret may still be valid.
    Math.max(Math.floor(now.getTime() / 1_000) + SILENCE_SECONDS, connectBy),
    // By then OpenAI has ended it, even if reports still arrive.
    connectBy + LONGEST_SESSION_SECONDS,
  );
  const leases: SlotLease[] = held.map((lease) => ({ ...lease, expiresAt: until }));
  return (await ports.slots.renew(workspaceId, leases, now)) ? undefined : 'slot_lost';
};

const capSecondsOf = ({ createdAt, admission }: SessionSnapshot['session']): number =>
  Math.floor(Date.parse(createdAt) / 1_000) + (admission?.maxDurationSeconds ?? 0);

/**
 * A sign of life of a call does not extend its slot; it only updates when the slot is expected to be free. While the call
 * is watched, that stays the same, and the slot is written once: before the usage that remembers it, because a request that
 * dies in between must not leave a time on record that the slot never got.
 */
const expectCall = async (
  { slots }: EventPorts,
  read: SessionSnapshot,
  usage: SessionUsage,
  now: Date,
): Promise<{ readonly holdsSlot: boolean; readonly expected: SessionUsage }> => {
  const { session, usage: before } = read;
  if (session.openedWith !== 'call' || hangUpReason(read, usage, now) !== undefined)
    return { holdsSlot: true, expected: usage };
  const { workspaceId, sessionId, admission } = session;
  const expectedUntil = expectedEndOf(usage, capSecondsOf(session), now);
  const expected = { ...usage, expectedUntil };
  if (before?.expectedUntil === expectedUntil) return { holdsSlot: true, expected };
  const leases = (admission?.slots ?? []).map((place) => ({ ...place, sessionId, expectedUntil }));
  const holdsSlot = await slots.expect(workspaceId, leases, now);
  return { holdsSlot, expected: holdsSlot ? expected : usage };
};

const ENDED_BY_REASON: Readonly<Record<HangUpReason, EndedBy>> = {
  ended: 'visitor',
  slot_lost: 'no_heartbeat',
  max_duration: 'max_duration',
  site_gone: 'site_archived',
};

/** A page's report releases nothing: the slot is free after OpenAI has ended the call. */
const queueEnd = async (
  { hangUps }: EventPorts,
  { siteId, sessionId, endedBy }: SessionSnapshot['session'],
  reason: HangUpReason,
): Promise<void> => {
  if (endedBy === undefined)
    await hangUps.send({ kind: 'end', siteId, sessionId, by: ENDED_BY_REASON[reason] });
};

const hangUpReason = (
  { session, site, workspace }: SessionSnapshot,
  usage: SessionUsage,
  now: Date,
): HangUpReason | undefined => {
  if (isOver(usage) || session.endedBy !== undefined || session.endRequested !== undefined) return 'ended';
  if (site === undefined || workspace?.deletedAt !== null) return 'site_gone';
  const { maxDurationSeconds = site.maxDurationSeconds, connectBy = 0 } = session.admission ?? {};
  const longest = maxDurationSeconds + OVERTIME_SECONDS;
  // If the browser's clock stands still, ours decides: the session cannot have begun after the last moment at which it could connect.
  const isTooLong = durationSecondsOf(usage) >= longest || now.getTime() > (connectBy + longest) * 1_000;
  return isTooLong || holdUsedUp(usage) ? 'max_duration' : undefined;
};
