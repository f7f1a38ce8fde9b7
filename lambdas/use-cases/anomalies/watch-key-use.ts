import { observe } from '../../domain/anomalies/anomaly.ts';
import type { AnomalyRecord, AnomalySubject } from '../../domain/anomalies/anomaly-record.ts';
import {
  type AnomalyState,
  type Detection,
  initialAnomalyState,
  limitedBy,
} from '../../domain/anomalies/anomaly-state.ts';
import { type Incident, type KeyInUse, responseTo } from '../../domain/anomalies/incident.ts';
import type { KeyUsageEvent } from '../../domain/anomalies/key-usage-event.ts';
import { ConflictError } from '../../domain/dependency.ts';
import { newEventId, type RandomBytes, type SiteId } from '../../domain/identifiers.ts';
import type { AnomalyResponse } from '../../domain/tenancy/workspace.ts';
import { systemEvent } from '../audit/system-event.ts';
import type { AnomalyRecords, IncidentAnnouncer } from '../ports/anomalies.ts';
import type { RotationRequests } from '../ports/keys.ts';
import type { Clock } from '../ports/runtime.ts';
import type { SiteReader, WorkspaceReader } from '../ports/tenancy.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';
import { type SuspendPorts, suspendForIncident } from './suspend-for-incident.ts';

export interface WatchPorts extends SuspendPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly records: AnomalyRecords;
  readonly workspaces: WorkspaceReader;
  readonly sites: SiteReader;
  readonly announcer: IncidentAnnouncer;
  readonly rotations: RotationRequests;
  /** Called once with newly stored incidents, before any response runs and regardless of its result. */
  readonly onBegun: (incidents: readonly Incident[]) => void;
}

const MAX_ATTEMPTS = 8;
/** Longest session of an archived site, whose setting is gone: the product's default, seconds. */
const DEFAULT_MAX_SECONDS = 600;
/** Scopes that one OpenAI key is known to be stored at, latest last. */
const MAX_KEYS = 8;

/**
 * Handles key usage events of one subject, in order. An incident and its audit event are recorded
 * once, before its response. The response (suspend, request a rotation, announce) runs at least once, and
 * again with the next event if it failed. Events delivered again change nothing.
 */
export const watchKeyUse =
  (ports: WatchPorts) =>
  async (subject: AnomalySubject, usageEvents: readonly KeyUsageEvent[]): Promise<void> => {
    const limits = await readLimits(ports.sites, usageEvents);
    const after = await saveEvents(ports, subject, usageEvents, limits);
    if (after.pending.length > 0) await settlePending(ports, subject, after);
  };

/** The stored record, including these events. */
const saveEvents = async (
  ports: WatchPorts,
  subject: AnomalySubject,
  usageEvents: readonly KeyUsageEvent[],
  limits: ReadonlyMap<SiteId, number>,
): Promise<AnomalyRecord> =>
  retryOnConflict(ports.backOff, MAX_ATTEMPTS, async () => {
    const before = (await ports.records.read(subject)) ?? nothing;
    const { record, triggered } = applyEvents(before, usageEvents, limits);
    // A detection also changes the state: its kind is silent for a while.
    if (record.state === before.state) return before;
    const began = triggered.length === 0 ? [] : await incidentsOf(ports, subject, record, triggered);
    const now = ports.clock();
    const after = { ...record, pending: [...record.pending, ...began] };
    await ports.records.save(subject, after, began.map(incidentAuditEvent(ports, now)), now);
    if (began.length > 0) ports.onBegun(began);
    return { ...after, revision: after.revision + 1 };
  });

const nothing: AnomalyRecord = { revision: 0, state: initialAnomalyState, keys: [], pending: [] };

/** The longest session that each site allows, seconds. */
const readLimits = async (
  sites: SiteReader,
  usageEvents: readonly KeyUsageEvent[],
): Promise<ReadonlyMap<SiteId, number>> => {
  const ids = new Set(
    usageEvents.flatMap(({ siteId, key }) => (siteId === undefined || key === undefined ? [] : [siteId])),
  );
  const entries = await Promise.all(
    [...ids].map(async (id) => {
      const site = await sites.readSite(id);
      return [id, site?.maxDurationSeconds ?? DEFAULT_MAX_SECONDS] as const;
    }),
  );
  return new Map(entries);
};

interface Triggered {
  readonly detection: Detection;
  readonly usageEvent: KeyUsageEvent;
}

const applyEvents = (
  before: AnomalyRecord,
  usageEvents: readonly KeyUsageEvent[],
  limits: ReadonlyMap<SiteId, number>,
): { readonly record: AnomalyRecord; readonly triggered: readonly Triggered[] } => {
  let state: AnomalyState = before.state;
  let keys = before.keys;
  const triggered: Triggered[] = [];
  for (const usageEvent of usageEvents) {
    const limit = (usageEvent.siteId && limits.get(usageEvent.siteId)) ?? DEFAULT_MAX_SECONDS;
    const observed = observe(state, limitedBy(usageEvent.observation, limit));
    if (observed.state !== state) keys = withKey(keys, usageEvent.key);
    state = observed.state;
    triggered.push(...observed.detections.map((detection) => ({ detection, usageEvent })));
  }
  return { record: { ...before, state, keys }, triggered };
};

/** One customer's incident must not suspend the platform key, so it is not stored. */
const withKey = (keys: readonly KeyInUse[], key: KeyInUse | undefined): readonly KeyInUse[] => {
  if (key === undefined || key.scope === 'platform') return keys;
  const others = keys.filter(({ scope, scopeId }) => scope !== key.scope || scopeId !== key.scopeId);
  return [...others, key].slice(-MAX_KEYS);
};

const incidentsOf = async (
  { workspaces, clock, random }: WatchPorts,
  { workspaceId }: AnomalySubject,
  { keys }: AnomalyRecord,
  triggered: readonly Triggered[],
): Promise<readonly Incident[]> => {
  const workspace = await workspaces.readWorkspace(workspaceId);
  const configured: AnomalyResponse = workspace?.deletedAt === null ? workspace.anomalyResponse : 'notify';
  return triggered.map(({ detection, usageEvent }): Incident => {
    const { at, ...facts } = detection;
    const response = responseTo(facts.kind, usageEvent.mode, configured);
    return {
      incidentId: newEventId(clock(), random),
      workspaceId,
      siteId: usageEvent.siteId ?? null,
      ...facts,
      at: new Date(at).toISOString(),
      response,
      keys,
    };
  });
};

/** The audit event of an incident has the incident's id, so that one leads to the other. */
const incidentAuditEvent =
  ({ random }: WatchPorts, now: Date) =>
  (incident: Incident) => {
    const { incidentId, workspaceId, siteId, kind, observed, expected, threshold, windowSeconds, response } =
      incident;
    const key = incident.keys.at(-1);
    const event = systemEvent({ now, random }, 'system:detector', 'anomaly.detected', {
      workspaceId,
      siteId,
      facts: {
        kind,
        observed,
        expected: oneDecimal(expected),
        threshold: oneDecimal(threshold),
        window_seconds: windowSeconds,
        response,
        ...(key !== undefined && { key_scope: key.scope, key_version: key.version }),
      },
    });
    return { ...event, eventId: incidentId };
  };

const oneDecimal = (value: number): number => Math.round(value * 10) / 10;

/** Runs the responses, then clears the pending incidents. The suspension is first, because it stops the damage. */
const settlePending = async (
  ports: WatchPorts,
  subject: AnomalySubject,
  record: AnomalyRecord,
): Promise<void> => {
  for (const incident of record.pending) {
    await respond(ports, subject, incident);
    await ports.announcer.announce(incident);
  }
  try {
    await ports.records.save(subject, { ...record, pending: [] }, [], ports.clock());
  } catch (error) {
    // Another writer was first; the incidents stay pending and are published once more.
    if (!(error instanceof ConflictError)) throw error;
  }
};

const respond = async (ports: WatchPorts, { subject }: AnomalySubject, incident: Incident): Promise<void> => {
  switch (incident.response) {
    case 'notify':
      return;
    case 'suspend':
      await Promise.all(incident.keys.map((key) => suspendForIncident(ports)(incident, key, subject)));
      return;
    case 'rotate':
      await Promise.all(incident.keys.map((key) => requestRotation(ports.rotations, incident, key)));
  }
};

const requestRotation = async (
  rotations: RotationRequests,
  { incidentId, workspaceId }: Incident,
  { scope, scopeId, version }: KeyInUse,
): Promise<void> => {
  if (scope === 'platform') return;
  await rotations.request({ incidentId, workspaceId, scope, scopeId, version });
};
