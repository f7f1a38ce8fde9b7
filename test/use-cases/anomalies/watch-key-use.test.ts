import { describe, expect, it } from '@jest/globals';
import { ANOMALY_PARAMETERS } from '../../../lambdas/domain/anomalies/anomaly-parameters.ts';
import type { AnomalyRecord } from '../../../lambdas/domain/anomalies/anomaly-record.ts';
import { type AnomalyState, initialAnomalyState } from '../../../lambdas/domain/anomalies/anomaly-state.ts';
import type { Incident, KeyInUse } from '../../../lambdas/domain/anomalies/incident.ts';
import type { KeyUsageEvent } from '../../../lambdas/domain/anomalies/key-usage-event.ts';
import type { RotationRequest } from '../../../lambdas/domain/anomalies/rotation-request.ts';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import type { Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { watchKeyUse } from '../../../lambdas/use-cases/anomalies/watch-key-use.ts';
import type { AnomalyRecords, IncidentAnnouncer } from '../../../lambdas/use-cases/ports/anomalies.ts';
import {
  aKey,
  aSite,
  aWorkspace,
  lost,
  NOW,
  outcomeOf,
  SITE_ID,
  WORKSPACE_ID,
} from '../sessions/token-fixture.ts';

const SUBJECT = { workspaceId: WORKSPACE_ID, subject: 'fingerprint' };
const WORKSPACE_KEY = { scope: 'workspace', scopeId: WORKSPACE_ID, version: 3 } as const;
const SITE_KEY = { scope: 'site', scopeId: SITE_ID, version: 5 } as const;
const PLATFORM_KEY = { scope: 'platform', scopeId: 'platform', version: 1 } as const;
const OUTAGE = new Error('no answer');
const failing = (): Promise<never> => Promise.reject(OUTAGE);

/** A little before the clock's time: sightings come late. */
const SEEN_AT = Date.parse('2026-11-23T12:00:05.678Z');
const HOUR = Math.floor(SEEN_AT / 3_600_000);

const BURST = ANOMALY_PARAMETERS.burst.windows[0]?.floor ?? Number.NaN;

type Facts = Partial<Omit<KeyUsageEvent, 'observation'>>;

const sighting = (observation: KeyUsageEvent['observation'], facts: Facts = {}): KeyUsageEvent => ({
  ...SUBJECT,
  siteId: SITE_ID,
  mode: 'byok',
  key: WORKSPACE_KEY,
  observation,
  ...facts,
});

const session = (sessionId: string, facts?: Facts): KeyUsageEvent =>
  sighting({ type: 'session', sessionId, at: SEEN_AT, ipHash: 'address', origin: undefined }, facts);

const denied = (sessionId: string, facts?: Facts): KeyUsageEvent =>
  sighting({ type: 'outcome', sessionId, at: SEEN_AT, issued: false, openAiFailure: 'key_invalid' }, facts);

/** Row of a minute. Nobody used a key. */
const refusedOrigins = (count: number): KeyUsageEvent =>
  sighting({ type: 'refused_origins', at: SEEN_AT, count }, { key: undefined });

const remembered = (facts: Partial<AnomalyRecord> = {}): AnomalyRecord => ({
  revision: 7,
  state: initialAnomalyState,
  keys: [],
  pending: [],
  ...facts,
});

/** The next session makes a burst, and the next one that OpenAI refuses because of the key a run. */
const onTheBrink = (facts: Partial<AnomalyState> = {}): AnomalyState => ({
  ...initialAnomalyState,
  firstHour: HOUR - ANOMALY_PARAMETERS.burst.youngUntilHours,
  hour: HOUR,
  buckets: [[HOUR * 12, BURST - 1]],
  authRun: ANOMALY_PARAMETERS.authFailures.run - 1,
  ...facts,
});

const brink = (facts: Partial<AnomalyRecord> = {}): AnomalyRecord =>
  remembered({ state: onTheBrink(), ...facts });

interface World {
  readonly stored?: AnomalyRecord;
  readonly workspace?: Workspace | null;
  /** Longest session of each site that there still is, seconds. */
  readonly sites?: Readonly<Record<string, number>>;
  /** Stands before the table; `table.record` is what it holds. */
  readonly save?: (
    record: AnomalyRecord,
    table: { record: AnomalyRecord | undefined },
    write: () => Promise<void>,
  ) => Promise<void>;
  readonly suspend?: () => Promise<void>;
  readonly announce?: IncidentAnnouncer['announce'];
}

/** The detector at one subject. `log` is what it did, in order, apart from reading. */
const watching = ({ stored, workspace = aWorkspace(), sites = {}, save, suspend, announce }: World = {}) => {
  const table = { record: stored };
  const log: string[] = [];
  const events: AuditEvent[] = [];
  const announced: Incident[] = [];
  const requested: RotationRequest[] = [];
  const waits: number[] = [];
  const workspacesRead: string[] = [];
  const sitesRead: string[] = [];
  let begun = 0;
  let reads = 0;
  let drawn = 0;
  const records: AnomalyRecords = {
    read: async (subject) => {
      reads++;
      expect(subject).toEqual(SUBJECT);
      return structuredClone(table.record);
    },
    save: async (subject, record, added) => {
      expect(subject).toEqual(SUBJECT);
      const write = async (): Promise<void> => {
        if (record.revision !== (table.record?.revision ?? 0)) throw new ConflictError();
        table.record = structuredClone({ ...record, revision: record.revision + 1 });
        events.push(...added);
        log.push(`save ${record.pending.length} pending, ${added.length} new`);
      };
      await (save === undefined ? write() : save(record, table, write));
    },
  };
  const watch = watchKeyUse({
    clock: () => NOW,
    random: (size) => Buffer.alloc(size, ++drawn),
    callEnder: { end: async () => 0 },
    backOff: async (attempt) => {
      waits.push(attempt);
    },
    records,
    onBegun: (incidents) => {
      expect(incidents).not.toEqual([]);
      begun += incidents.length;
    },
    workspaces: {
      readWorkspace: async (id) => {
        workspacesRead.push(id);
        return id === WORKSPACE_ID ? (workspace ?? undefined) : undefined;
      },
    },
    sites: {
      readSite: async (siteId) => {
        sitesRead.push(siteId);
        const maxDurationSeconds = sites[siteId];
        return maxDurationSeconds === undefined
          ? undefined
          : { ...aSite({ siteId, maxDurationSeconds }), errorDays: 30 };
      },
    },
    keys: {
      readKey: async ({ scope }) =>
        aKey(scope, { sealed: { ...aKey(scope).sealed, fingerprint: SUBJECT.subject } }),
      changeKey: async ({ scope, scopeId }, { currentKey }, event) => {
        await suspend?.();
        log.push(`${currentKey.state} ${scope} ${scopeId} for ${event.facts['incident']}`);
      },
    },
    rotations: {
      request: async (request) => {
        requested.push(request);
        log.push('rotate');
      },
    },
    announcer: {
      announce: async (incident) => {
        await announce?.(incident);
        announced.push(incident);
        log.push('announce');
      },
    },
  });
  return {
    /** How many incidents began with it. */
    watch: async (...usageEvents: readonly KeyUsageEvent[]) => {
      const before = begun;
      await watch(SUBJECT, usageEvents);
      return begun - before;
    },
    begun: () => begun,
    table,
    log,
    events,
    announced,
    requested,
    waits,
    workspacesRead,
    sitesRead,
    reads: () => reads,
  };
};

describe('an anomaly incident', () => {
  it('is recorded, then suspends the key, then is announced, and then is no longer pending', async () => {
    const { watch, log, events, announced, table } = watching({
      stored: brink(),
      workspace: aWorkspace({ anomalyResponse: 'suspend' }),
    });
    expect(await watch(session('a'))).toBe(1);
    const [id] = events.map(({ eventId }) => eventId);
    expect(log).toEqual([
      'save 1 pending, 1 new',
      `suspended workspace ${WORKSPACE_ID} for ${id}`,
      'announce',
      'save 0 pending, 0 new',
    ]);
    expect(announced).toEqual([
      {
        incidentId: id,
        workspaceId: WORKSPACE_ID,
        siteId: SITE_ID,
        kind: 'burst',
        at: '2026-11-23T12:00:05.678Z',
        observed: BURST,
        expected: 0,
        threshold: BURST,
        windowSeconds: 300,
        response: 'suspend',
        keys: [WORKSPACE_KEY],
      },
    ]);
    expect(table.record).toMatchObject({ revision: 9, pending: [] });
  });

  it('is recorded in the audit trail under its own ID, with the latest key', async () => {
    const keys = [{ ...SITE_KEY, scopeId: 'another' }, SITE_KEY];
    const { watch, events, announced } = watching({ stored: brink({ keys }) });
    await watch(session('a'));
    expect(events).toEqual([
      {
        eventId: expect.stringMatching(/^evt_/),
        workspaceId: WORKSPACE_ID,
        type: 'anomaly.detected',
        at: NOW.toISOString(),
        actor: 'system:detector',
        siteId: SITE_ID,
        sessionId: null,
        ipHash: null,
        facts: {
          kind: 'burst',
          observed: BURST,
          expected: 0,
          threshold: BURST,
          window_seconds: 300,
          response: 'notify',
          key_scope: 'workspace',
          key_version: 3,
        },
      },
    ]);
    expect(announced.map(({ incidentId }) => incidentId)).toEqual(events.map(({ eventId }) => eventId));
  });

  it('is recorded without a key if it has none, with its numbers to one decimal place', async () => {
    const { watch, events } = watching({
      stored: remembered({ state: onTheBrink({ refusedMean: 6.666 }) }),
    });
    await watch(refusedOrigins(34));
    expect(events.map(({ facts }) => facts)).toEqual([
      {
        kind: 'refused_origins',
        observed: 34,
        expected: 6.7,
        threshold: 33.3,
        window_seconds: 3_600,
        response: 'notify',
      },
    ]);
  });

  it('has no site if its event names none', async () => {
    const { watch, events, announced } = watching({ stored: brink() });
    await watch(session('a', { siteId: undefined }));
    expect([...announced, ...events].map(({ siteId }) => siteId)).toEqual([null, null]);
  });

  it('has its own ID and response when several are detected at once', async () => {
    const { watch, log, events, announced, requested } = watching({
      stored: brink(),
      workspace: aWorkspace({ anomalyResponse: 'rotate' }),
    });
    expect(await watch(session('a'), denied('b'))).toBe(2);
    expect(announced.map(({ kind, response }) => [kind, response])).toEqual([
      ['burst', 'rotate'],
      ['auth_failures', 'notify'],
    ]);
    const ids = announced.map(({ incidentId }) => incidentId);
    expect(new Set(ids).size).toBe(2);
    expect(events.map(({ eventId }) => eventId)).toEqual(ids);
    expect(requested.map(({ incidentId }) => incidentId)).toEqual(ids.slice(0, 1));
    expect(log).toEqual(['save 2 pending, 2 new', 'rotate', 'announce', 'announce', 'save 0 pending, 0 new']);
  });

  it('is not caused by ordinary use, which costs one write and no read of workspace settings', async () => {
    const { watch, log, workspacesRead } = watching();
    expect(await watch(session('a'), session('b'))).toBe(0);
    expect(log).toEqual(['save 0 pending, 0 new']);
    expect(workspacesRead).toEqual([]);
  });
});

describe('the response to an anomaly', () => {
  it.each([
    ['notify', 'as the workspace wishes', aWorkspace({ anomalyResponse: 'notify' }), 'byok'],
    ['rotate', 'as the workspace wishes', aWorkspace({ anomalyResponse: 'rotate' }), 'byok'],
    ['suspend', 'as the workspace wishes', aWorkspace({ anomalyResponse: 'suspend' }), 'byok'],
    ['notify', 'on minutes of the platform', aWorkspace({ anomalyResponse: 'suspend' }), 'managed'],
    ['notify', 'where the workspace never was', null, 'byok'],
    [
      'notify',
      'where the workspace is deleted',
      aWorkspace({ anomalyResponse: 'suspend', deletedAt: '2026-11-22T00:00:00.000Z' }),
      'byok',
    ],
  ] as const)('is %s %s', async (response, _, workspace, mode) => {
    const { watch, announced, events } = watching({ stored: brink(), workspace });
    await watch(session('a', { mode }));
    expect(announced.map((incident) => incident.response)).toEqual([response]);
    expect(events.map(({ facts }) => facts['response'])).toEqual([response]);
  });

  it('suspend suspends the key in every scope in which it was used', async () => {
    const { watch, log, events } = watching({
      stored: brink({ keys: [SITE_KEY] }),
      workspace: aWorkspace({ anomalyResponse: 'suspend' }),
    });
    await watch(session('a'));
    const [id] = events.map(({ eventId }) => eventId);
    expect(log.filter((line) => line.startsWith('suspended'))).toEqual([
      `suspended site ${SITE_ID} for ${id}`,
      `suspended workspace ${WORKSPACE_ID} for ${id}`,
    ]);
    expect(log).not.toContain('rotate');
  });

  it('rotate requests a new version in every scope in which the key was used', async () => {
    const { watch, log, events, requested } = watching({
      stored: brink({ keys: [SITE_KEY] }),
      workspace: aWorkspace({ anomalyResponse: 'rotate' }),
    });
    await watch(session('a'));
    const incidentId = events[0]?.eventId;
    expect(requested).toEqual([
      { incidentId, workspaceId: WORKSPACE_ID, ...SITE_KEY },
      { incidentId, workspaceId: WORKSPACE_ID, ...WORKSPACE_KEY },
    ]);
    expect(log).toEqual(['save 1 pending, 1 new', 'rotate', 'rotate', 'announce', 'save 0 pending, 0 new']);
  });

  it('notify changes no key', async () => {
    const { watch, log } = watching({ stored: brink({ keys: [SITE_KEY] }) });
    await watch(session('a'));
    expect(log).toEqual(['save 1 pending, 1 new', 'announce', 'save 0 pending, 0 new']);
  });
});

describe('the platform key', () => {
  it('is not stored with the anomaly state, and never changed by an incident', async () => {
    const { watch, table, log, announced } = watching({
      stored: brink(),
      workspace: aWorkspace({ anomalyResponse: 'rotate' }),
    });
    await watch(session('a', { key: PLATFORM_KEY }));
    expect(table.record?.keys).toEqual([]);
    expect(announced).toMatchObject([{ kind: 'burst', keys: [] }]);
    expect(log).not.toContain('rotate');
  });

  it('is never re-encrypted for an incident', async () => {
    const pending = [anIncident({ response: 'rotate', keys: [PLATFORM_KEY, WORKSPACE_KEY] })];
    const { watch, requested } = watching({ stored: remembered({ pending }) });
    await watch(session('a'));
    expect(requested.map(({ scope }) => scope)).toEqual(['workspace']);
  });
});

describe('the key scopes in an anomaly record', () => {
  const placed = (...names: readonly string[]): KeyInUse[] =>
    names.map((scopeId) => ({ scope: 'site', scopeId, version: 1 }));

  it.each<[string, readonly KeyInUse[], readonly KeyInUse[]]>([
    ['are in the order of their use', placed('a', 'b', 'c'), placed('a', 'b', 'c')],
    [
      'are at most eight: the least recently used one is removed',
      placed('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'),
      placed('b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'),
    ],
    ['move to the end when they are used again', placed('a', 'b', 'a'), placed('b', 'a')],
    [
      'are stored once, with the latest version',
      [SITE_KEY, WORKSPACE_KEY, { ...SITE_KEY, version: 6 }],
      [WORKSPACE_KEY, { ...SITE_KEY, version: 6 }],
    ],
    [
      'are distinguished by their kind',
      [SITE_KEY, { ...SITE_KEY, scope: 'workspace' }],
      [SITE_KEY, { ...SITE_KEY, scope: 'workspace' }],
    ],
  ])('%s', async (_, used, expected) => {
    const { watch, table } = watching();
    await watch(...used.map((key, i) => session(String(i), { key })));
    expect(table.record).toMatchObject({ revision: 1, keys: expected, pending: [] });
  });

  it('are unchanged when no key was used', async () => {
    const { watch, table } = watching({ stored: remembered({ keys: [SITE_KEY] }) });
    await watch(refusedOrigins(1));
    expect(table.record?.keys).toEqual([SITE_KEY]);
  });
});

describe('a key usage event that is delivered again', () => {
  it('changes nothing and writes nothing', async () => {
    const { watch, log, table } = watching({ stored: brink() });
    expect(await watch(session('a'))).toBe(1);
    const before = structuredClone(table.record);
    const done = log.length;
    expect(await watch(session('a'))).toBe(0);
    expect(log).toHaveLength(done);
    expect(table.record).toEqual(before);
  });

  it('does not count as a new use of the key among new events', async () => {
    const { watch, table } = watching();
    await watch(session('a', { key: SITE_KEY }));
    await watch(session('b'), session('a', { key: SITE_KEY }));
    expect(table.record?.keys).toEqual([SITE_KEY, WORKSPACE_KEY]);
    expect(table.record?.state.daySessions).toBe(2);
  });
});

const anIncident = (facts: Partial<Incident> = {}): Incident => ({
  incidentId: 'evt_earlier',
  workspaceId: WORKSPACE_ID,
  siteId: SITE_ID,
  kind: 'burst',
  at: '2026-11-23T11:00:00.000Z',
  observed: BURST,
  expected: 0,
  threshold: BURST,
  windowSeconds: 300,
  response: 'notify',
  keys: [WORKSPACE_KEY],
  ...facts,
});

describe('an anomaly incident whose announcement failed', () => {
  it('is announced when its event is delivered again, and is in the audit trail once', async () => {
    let broken = true;
    const { watch, begun, log, events, announced, table, waits } = watching({
      stored: brink(),
      announce: () => (broken ? failing() : Promise.resolve()),
    });
    expect(await outcomeOf(watch(session('a')))).toBe(OUTAGE);
    expect(begun()).toBe(1);
    expect(waits).toEqual([]);
    expect(table.record).toMatchObject({ revision: 8, pending: [{ kind: 'burst' }] });
    broken = false;
    expect(await watch(session('a'))).toBe(0);
    expect(log).toEqual(['save 1 pending, 1 new', 'announce', 'save 0 pending, 0 new']);
    expect(announced.map(({ incidentId }) => incidentId)).toEqual(events.map(({ eventId }) => eventId));
    expect(table.record).toMatchObject({ revision: 9, pending: [] });
  });

  it('is announced with any later event, before a new incident of that event', async () => {
    const { watch, log, announced, events, table } = watching({
      stored: brink({ pending: [anIncident()] }),
    });
    expect(await watch(session('a'))).toBe(1);
    expect(announced.map(({ incidentId }) => incidentId)).toEqual(['evt_earlier', events[0]?.eventId]);
    expect(log).toEqual(['save 2 pending, 1 new', 'announce', 'announce', 'save 0 pending, 0 new']);
    expect(table.record).toMatchObject({ revision: 9, pending: [] });
  });

  it('is not announced before its key is suspended', async () => {
    const { watch, log, table } = watching({
      stored: remembered({ pending: [anIncident({ response: 'suspend' })] }),
      suspend: failing,
    });
    expect(await outcomeOf(watch(session('a')))).toBe(OUTAGE);
    expect(log).toEqual(['save 1 pending, 0 new']);
    expect(table.record?.pending).toHaveLength(1);
  });
});

describe('an anomaly record that another writer changes at the same moment', () => {
  it('is read again, after a longer wait each time', async () => {
    let losses = 3;
    const { watch, waits, reads, events, log } = watching({
      stored: brink(),
      save: (_record, _table, write) => (losses-- > 0 ? lost() : write()),
    });
    expect(await watch(session('a'))).toBe(1);
    expect(waits).toEqual([1, 2, 3]);
    expect(reads()).toBe(4);
    expect(events).toHaveLength(1);
    expect(log).toEqual(['save 1 pending, 1 new', 'announce', 'save 0 pending, 0 new']);
  });

  it('is written once, even if others keep changing the key, and the incident stays pending for the next delivery', async () => {
    const { watch, begun, waits, table } = watching({
      stored: brink(),
      workspace: aWorkspace({ anomalyResponse: 'suspend' }),
      suspend: lost,
    });
    expect(await outcomeOf(watch(session('a')))).toBeInstanceOf(ConflictError);
    // Four waits between the five writes of the key; the record itself is written once.
    expect(waits).toEqual([1, 2, 3, 4]);
    expect(begun()).toBe(1);
    expect(table.record?.pending).toHaveLength(1);
  });

  it('is left unchanged if it already contains the same events', async () => {
    const { watch, waits, log } = watching({
      stored: brink(),
      save: (record, table, write) => {
        table.record = { ...record, revision: record.revision + 1, pending: [] };
        return write();
      },
    });
    expect(await watch(session('a'))).toBe(0);
    expect(waits).toEqual([1]);
    expect(log).toEqual([]);
  });

  it('fails after eight attempts, so that the events are delivered again', async () => {
    const { watch, waits, reads, log } = watching({ stored: brink(), save: lost });
    expect(await outcomeOf(watch(session('a')))).toBeInstanceOf(ConflictError);
    expect(waits).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(reads()).toBe(8);
    expect(log).toEqual([]);
  });

  it('is written again, but not after an outage', async () => {
    const { watch, waits, reads } = watching({ stored: brink(), save: failing });
    expect(await outcomeOf(watch(session('a')))).toBe(OUTAGE);
    expect(waits).toEqual([]);
    expect(reads()).toBe(1);
  });

  /** Only the write that forgets notified incidents has nothing pending. */
  const forgetting =
    (otherwise: () => Promise<void>): NonNullable<World['save']> =>
    ({ pending }, _table, write) =>
      pending.length === 0 ? otherwise() : write();

  it('keeps its announced incident, which is then announced again', async () => {
    const { watch, waits, log, table } = watching({ stored: brink(), save: forgetting(lost) });
    expect(await watch(session('a'))).toBe(1);
    expect(waits).toEqual([]);
    expect(table.record?.pending).toHaveLength(1);
    expect(await watch(session('a'))).toBe(0);
    expect(log).toEqual(['save 1 pending, 1 new', 'announce', 'announce']);
  });

  it('keeps its announced incident after an outage, without another attempt', async () => {
    const { watch, waits } = watching({ stored: brink(), save: forgetting(failing) });
    expect(await outcomeOf(watch(session('a')))).toBe(OUTAGE);
    expect(waits).toEqual([]);
  });
});

describe('the maximum length of a session in the anomaly state', () => {
  const ANOTHER_SITE = `${WORKSPACE_ID}another00000` as SiteId;

  it.each<[string, readonly KeyUsageEvent[], number, readonly string[]]>([
    ['is the limit of its site', [session('a')], 300, [SITE_ID]],
    [
      'is the limit of each site, which is read once',
      [session('a'), session('b', { siteId: ANOTHER_SITE }), session('c')],
      300 + 900 + 300,
      [SITE_ID, ANOTHER_SITE],
    ],
    ['is ten minutes if the site is gone', [session('a', { siteId: 'gone' as SiteId })], 600, ['gone']],
    ['is ten minutes without a site, and none is read', [session('a', { siteId: undefined })], 600, []],
    ['is ten minutes without a key, and no site is read', [session('a', { key: undefined })], 600, []],
    ['is not read for requests from unregistered origins', [refusedOrigins(1)], 0, []],
  ])('%s', async (_, usageEvents, costSeconds, read) => {
    const { watch, table, sitesRead } = watching({ sites: { [SITE_ID]: 300, [ANOTHER_SITE]: 900 } });
    await watch(...usageEvents);
    expect(table.record?.state.dayCostSeconds).toBe(costSeconds);
    // Strictly: a site without an id, read for nothing, would count as none.
    expect(sitesRead).toStrictEqual(read);
  });
});
