import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import {
  newSessionId,
  type SiteId,
  sessionIdsFrom,
  type WorkspaceId,
} from '../../../lambdas/domain/identifiers.ts';
import { entryOf, type SessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import { DEFAULT_RETENTION, type Retention } from '../../../lambdas/domain/tenancy/retention.ts';
import type { LedgerPosting, LedgerTotal } from '../../../lambdas/domain/usage/ledger.ts';
import { auditEventFactory } from '../../../lambdas/use-cases/audit/audit-event-factory.ts';
import type { UsageLedgerAudit } from '../../../lambdas/use-cases/ports/usage.ts';
import {
  type Drift,
  type RebuildPorts,
  rebuildUsage,
} from '../../../lambdas/use-cases/usage/rebuild-usage.ts';
import { aSessionUsage } from '../../domain/sessions/session-usage-fixture.ts';
import { NOW, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { deriver, random } from '../tenancy/tenancy-fixture.ts';

const OPERATOR = { sub: 'operator:somebody', sourceIp: '' };
const OTHER_SITE = `${WORKSPACE_ID}secondsite00` as SiteId;

let sessions = 0;
/** A session of this many seconds; still running where it is not `over`. Its cost changes with the seconds alone. */
const session = (
  minted: string | Date,
  seconds = 60,
  { siteId = SITE_ID, over = true }: { readonly siteId?: SiteId; readonly over?: boolean } = {},
): SessionUsage => {
  const at = new Date(minted);
  const lastMs = at.getTime() + seconds * 1_000;
  return {
    ...aSessionUsage({ mintedMs: at.getTime() }),
    sessionId: newSessionId(at, (size) => Buffer.alloc(size, sessions++)),
    workspaceId: siteId.slice(0, WORKSPACE_ID.length) as WorkspaceId,
    siteId,
    connectedAtMs: at.getTime(),
    lastSeenAtMs: lastMs,
    receivedAtMs: lastMs,
    endedAtMs: over ? lastMs : null,
  };
};

/** The session as its next report leaves it. */
const longer = (usage: SessionUsage, seconds: number, over = true): SessionUsage => ({
  ...session(usage.issuedAt, seconds, { siteId: usage.siteId, over }),
  sessionId: usage.sessionId,
});

const dayPlace = (day: string, siteId: SiteId = SITE_ID): string => `DAY#${day}#${siteId}`;

const postingsOf = (usage: SessionUsage): readonly LedgerPosting[] => {
  const { sessions: count, seconds, billedSeconds } = entryOf(usage);
  return [
    { place: dayPlace(usage.issuedAt.slice(0, 10), usage.siteId), counts: { sessions: count, seconds } },
    { place: `PERIOD#${usage.issuedAt.slice(0, 7)}`, counts: { usedSeconds: billedSeconds } },
  ];
};

/** Actions right before a call, such as the second `readTotals` of November 2026. */
type Meanwhile = Readonly<Record<string, () => void>>;

/** Usage records and totals as their table keeps them: a report changes both, a person with a console only one. */
const booksOf = (
  usages: readonly SessionUsage[],
  {
    tenants = [[WORKSPACE_ID, [SITE_ID, OTHER_SITE]]],
    pageSize = 100,
    retention = DEFAULT_RETENTION,
  }: {
    readonly tenants?: readonly (readonly [WorkspaceId, readonly SiteId[]])[];
    readonly pageSize?: number;
    readonly retention?: Retention;
  } = {},
) => {
  const kept = new Map<string, SessionUsage>();
  const totals = new Map<string, LedgerTotal>();
  const trail: AuditEvent[] = [];
  const calls: string[] = [];
  const ranges: string[] = [];
  let meanwhile: Meanwhile = {};

  const totalAt = (workspaceId: WorkspaceId, place: string): LedgerTotal =>
    totals.get(`${workspaceId} ${place}`) ?? { place, counts: {}, writes: 0 };
  const plant = (place: string, counts: LedgerPosting['counts'], workspaceId = WORKSPACE_ID): void => {
    const total = totalAt(workspaceId, place);
    totals.set(`${workspaceId} ${place}`, { ...total, counts: { ...total.counts, ...counts } });
  };
  const correct = (place: string, counts: LedgerPosting['counts'], workspaceId = WORKSPACE_ID): void => {
    plant(place, counts, workspaceId);
    const total = totalAt(workspaceId, place);
    totals.set(`${workspaceId} ${place}`, { ...total, writes: total.writes + 1 });
  };
  const addToTotals = (usage: SessionUsage, before: SessionUsage | undefined): void => {
    const known = new Map((before === undefined ? [] : postingsOf(before)).map((b) => [b.place, b.counts]));
    for (const { place, counts } of postingsOf(usage)) {
      const total = totalAt(usage.workspaceId, place);
      const sums = Object.entries(counts).map(([name, count]) => [
        name,
        (total.counts[name] ?? 0) + count - (known.get(place)?.[name] ?? 0),
      ]);
      totals.set(`${usage.workspaceId} ${place}`, {
        place,
        counts: { ...total.counts, ...Object.fromEntries(sums) },
        writes: total.writes + 1,
      });
    }
  };
  const report = (usage: SessionUsage): void => {
    addToTotals(usage, kept.get(usage.sessionId));
    kept.set(usage.sessionId, usage);
  };
  for (const usage of usages) report(usage);

  const call = (name: string, month: string): void => {
    if (month !== '2026-11') return;
    calls.push(name);
    meanwhile[`${name} ${calls.filter((made) => made === name).length}`]?.();
  };
  const monthOf = (place: string): string => /\d{4}-\d{2}/.exec(place)?.[0] ?? '';

  const ledger: UsageLedgerAudit = {
    listWorkspaces: async (only) =>
      new Map(
        tenants
          .filter(([id]) => only === undefined || id === only)
          .map(([id, sites]) => [id, { sites, retention }]),
      ),
    listSessionUsage: async (siteId, { from, before }, { limit, after = '' }) => {
      const range = `${from.toISOString()} ${before.toISOString()}`;
      if (from > before) throw new Error(`Not a range: ${range}`);
      call('listSessionUsage', range.slice(0, 7));
      if (siteId === SITE_ID && after === '') ranges.push(range);
      const left = [...kept.values()]
        .filter((usage) => usage.siteId === siteId)
        .filter(({ sessionId: id }) => id >= sessionIdsFrom(from) && id < sessionIdsFrom(before))
        .filter(({ sessionId }) => sessionId > after)
        .toSorted((a, b) => (a.sessionId < b.sessionId ? -1 : 1));
      const items = left.slice(0, Math.min(limit, pageSize));
      return { items, next: left.length > items.length ? items.at(-1)?.sessionId : undefined };
    },
    readTotals: async (workspaceId, month) => {
      call('readTotals', month);
      const days = [...totals]
        .filter(([key]) => key.startsWith(`${workspaceId} DAY#${month}-`))
        .map(([, total]) => total);
      return [...days, totalAt(workspaceId, `PERIOD#${month}`)];
    },
    readTotal: async (workspaceId, place) => {
      call('readTotal', monthOf(place));
      return totalAt(workspaceId, place);
    },
    postingsOf: postingsOf,
    correctTotal: async (workspaceId, { place, writes }, counts, event) => {
      call('correctTotal', monthOf(place));
      const total = totalAt(workspaceId, place);
      if (total.writes !== writes) throw new ConflictError();
      correct(place, counts, workspaceId);
      trail.push(event);
    },
  };
  const rebuild = async ({
    now = NOW,
    repair = false,
    only,
    during = {},
    own = {},
  }: {
    readonly now?: Date;
    readonly repair?: boolean;
    readonly only?: WorkspaceId;
    readonly during?: Meanwhile;
    readonly own?: Partial<UsageLedgerAudit & RebuildPorts>;
  } = {}) => {
    calls.length = 0;
    ranges.length = 0;
    meanwhile = during;
    const drifts: Drift[] = [];
    const unstable: (readonly [WorkspaceId, string])[] = [];
    const counts = await rebuildUsage({
      clock: () => now,
      ledger: { ...ledger, ...own },
      auditEvents: auditEventFactory({ clock: () => now, random, pseudonyms: deriver }),
      ...own,
    })(OPERATOR, {
      only,
      repair,
      onDrift: (drift) => drifts.push(drift),
      onUnstable: (...total) => unstable.push(total),
    });
    return { counts, drifts, unstable };
  };
  return {
    rebuild,
    report,
    plant,
    correct,
    /** A report whose usage record is visible, and its totals not yet. */
    reportMeter: (usage: SessionUsage) => {
      const before = kept.get(usage.sessionId);
      kept.set(usage.sessionId, usage);
      return () => addToTotals(usage, before);
    },
    lose: (place: string) => totals.delete(`${WORKSPACE_ID} ${place}`),
    countsAt: (place: string, workspaceId = WORKSPACE_ID) => totalAt(workspaceId, place).counts,
    calls,
    ranges,
    trail,
  };
};

/** Of the thirteen whole months that lie within what is compared on NOW, every workspace has a billing period. */
const PERIODS = 13;
const RIGHT = { workspaces: 1, drifted: 0, repaired: 0, unstable: 0 };
const MODES = [
  ['looked at', false],
  ['set right', true],
] as const;

const DAY = dayPlace('2026-11-23');
const PERIOD = 'PERIOD#2026-11';

describe('usage totals that equal the sum of their sessions', () => {
  it.each(MODES)('are correct, and nothing is written when they are %s', async (_, repair) => {
    const { rebuild, trail } = booksOf(
      [
        // Long ago, and by now; of two sites; one that still runs; one whose minutes were too few to be billed.
        session('2026-10-05T10:00:00Z', 100),
        session('2026-10-05T11:00:00Z', 50),
        session('2026-11-20T10:00:00Z', 30, { siteId: OTHER_SITE }),
        session('2026-11-23T02:00:00Z', 20),
        session('2026-11-23T11:00:00Z', 10),
        session('2026-11-23T11:30:00Z', 3),
        session('2026-11-23T11:59:00Z', 40, { siteId: OTHER_SITE, over: false }),
      ],
      { pageSize: 1 },
    );
    expect(await rebuild({ repair })).toEqual({
      // October, the 20th, and the 23rd of either site.
      counts: { ...RIGHT, totals: PERIODS + 4 },
      drifts: [],
      unstable: [],
    });
    expect(trail).toEqual([]);
  });

  it('are checked in every workspace, or only in the requested one', async () => {
    const id = 'ba9876543210' as WorkspaceId;
    const siteId = `${id}cdefghjkmnpq` as SiteId;
    const { rebuild, plant } = booksOf(
      [session('2026-11-20T10:00:00Z'), session('2026-11-20T10:00:00Z', 60, { siteId })],
      {
        tenants: [
          [WORKSPACE_ID, [SITE_ID]],
          [id, [siteId]],
        ],
      },
    );
    plant(PERIOD, { usedSeconds: 61 }, id);
    const all = await rebuild();
    expect(all.counts).toEqual({ ...RIGHT, workspaces: 2, totals: 2 * (PERIODS + 1), drifted: 1 });
    expect(all.drifts).toEqual([expect.objectContaining({ workspaceId: id, place: PERIOD })]);
    const one = await rebuild({ only: WORKSPACE_ID });
    expect(one).toEqual({ counts: { ...RIGHT, totals: PERIODS + 1 }, drifts: [], unstable: [] });
  });

  it('are checked even without a site', async () => {
    const { rebuild, plant } = booksOf([], { tenants: [[WORKSPACE_ID, []]] });
    plant(DAY, { sessions: 1 });
    expect((await rebuild()).counts).toEqual({ ...RIGHT, totals: PERIODS + 1, drifted: 1 });
  });
});

describe('usage totals that differ from the sum of their sessions', () => {
  const drifted = () => {
    const table = booksOf([session('2026-11-23T10:00:00Z', 60), session('2026-11-23T11:00:00Z', 40)]);
    table.plant(DAY, { seconds: 7, invented: 1 });
    return table;
  };
  const COUNTS = [
    { name: 'invented', expected: 0, found: 1 },
    { name: 'seconds', expected: 100, found: 7 },
  ];

  it('are reported with the different counts by name, and left unchanged', async () => {
    const { rebuild, countsAt, trail, calls } = drifted();
    expect(await rebuild()).toEqual({
      counts: { ...RIGHT, totals: PERIODS + 1, drifted: 1 },
      drifts: [{ workspaceId: WORKSPACE_ID, place: DAY, counts: COUNTS, repaired: false }],
      unstable: [],
    });
    expect(countsAt(DAY)).toEqual({ sessions: 2, seconds: 7, invented: 1 });
    expect(trail).toEqual([]);
    expect(calls.filter((name) => name === 'readTotals')).toHaveLength(2);
  });

  it('are corrected on request, with an event, and correct afterwards', async () => {
    const { rebuild, countsAt, trail } = drifted();
    expect(await rebuild({ repair: true })).toEqual({
      counts: { ...RIGHT, totals: PERIODS + 1, drifted: 1, repaired: 1 },
      drifts: [{ workspaceId: WORKSPACE_ID, place: DAY, counts: COUNTS, repaired: true }],
      unstable: [],
    });
    expect(countsAt(DAY)).toEqual({ sessions: 2, seconds: 100, invented: 0 });
    expect(trail).toEqual([
      expect.objectContaining({
        type: 'usage.corrected',
        actor: 'operator:somebody',
        workspaceId: WORKSPACE_ID,
        siteId: null,
        facts: { place: DAY, invented_found: 1, invented_set: 0, seconds_found: 7, seconds_set: 100 },
      }),
    ]);
    expect((await rebuild({ repair: true })).counts).toEqual({ ...RIGHT, totals: PERIODS + 1 });
  });

  it.each([
    ['recent', '2026-11-23T11:00:00Z'],
    ['long over', '2026-11-02T11:00:00Z'],
  ])('are restored completely after a loss, from sessions that are %s', async (_, minted) => {
    const { rebuild, lose, countsAt } = booksOf([session(minted, 60), session(minted, 40)]);
    const place = dayPlace(minted.slice(0, 10));
    lose(place);
    const { counts, drifts } = await rebuild({ repair: true });
    expect(counts).toEqual({ ...RIGHT, totals: PERIODS + 1, drifted: 1, repaired: 1 });
    expect(drifts[0]?.counts).toEqual([
      { name: 'seconds', expected: 100, found: 0 },
      { name: 'sessions', expected: 2, found: 0 },
    ]);
    expect(countsAt(place)).toEqual({ sessions: 2, seconds: 100 });
  });
});

describe('a session in the rebuild of usage totals', () => {
  /** The last moment of which reports are no longer believed: four hours, as long as a session can have any. */
  const FINAL = NOW.getTime() - 4 * 3_600_000;

  it('counts once on either side of the final moment', async () => {
    const { rebuild } = booksOf([-1, 0, 1].map((ms) => session(new Date(FINAL + ms), 50)));
    expect((await rebuild()).counts).toEqual({ ...RIGHT, totals: PERIODS + 1 });
  });

  it.each([
    ['the second', [true, false]],
    ['the first', [false, true]],
    ['the third', [true, true, false]],
  ])('counts once if %s of several sessions of one moment is live', async (_, over) => {
    const early = session('2026-11-23T02:59:59.999Z', 40);
    const together = over.map((each, i) => session('2026-11-23T03:00:00.000Z', 10 * (i + 1), { over: each }));
    expect((await booksOf([early, ...together]).rebuild()).counts).toEqual({ ...RIGHT, totals: PERIODS + 1 });
    expect((await booksOf(together).rebuild()).counts).toEqual({ ...RIGHT, totals: PERIODS + 1 });
  });

  it('is read once if it ended long ago, however often the totals are read', async () => {
    const running = session('2026-11-23T11:59:00Z', 10, { over: false });
    const { rebuild, report, ranges } = booksOf([running]);
    await rebuild({ during: { 'readTotals 2': () => report(longer(running, 20)) } });
    expect(ranges.slice(0, 2)).toEqual([
      '2025-10-21T00:00:00.000Z 2025-11-01T00:00:00.000Z',
      '2025-11-01T00:00:00.000Z 2025-12-01T00:00:00.000Z',
    ]);
    expect(ranges.slice(-4)).toEqual([
      '2026-10-01T00:00:00.000Z 2026-11-01T00:00:00.000Z',
      '2026-11-01T00:00:00.000Z 2026-11-23T08:00:10.000Z',
      '2026-11-23T08:00:10.000Z 2026-12-01T00:00:00.000Z',
      '2026-11-23T08:00:10.000Z 2026-12-01T00:00:00.000Z',
    ]);
    expect(ranges).toHaveLength(PERIODS + 1 + 2);
  });

  it('that is still live requires another read of the records of its site from its start', async () => {
    const open = session('2026-11-23T03:00:00Z', 20, { over: false });
    const { rebuild, report, ranges } = booksOf([
      session('2026-11-23T02:00:00Z', 10),
      open,
      session('2026-11-23T04:00:00Z', 30),
      session('2026-11-23T02:00:00Z', 10, { siteId: OTHER_SITE }),
      session('2026-11-23T04:00:00Z', 30, { siteId: OTHER_SITE }),
    ]);
    // The sweep ends it before a total is read: it is heard of nowhere else.
    const { counts } = await rebuild({ during: { 'readTotals 1': () => report(longer(open, 25)) } });
    expect(counts).toEqual({ ...RIGHT, totals: PERIODS + 2 });
    expect(ranges.at(-1)).toBe('2026-11-23T03:00:00.000Z 2026-12-01T00:00:00.000Z');
  });
});

describe('the rebuild of usage totals at the turn of a month', () => {
  it.each([
    ['while the last sessions of the old month report', '2026-11-01T02:00:00Z', []],
    ['when these sessions are final', '2026-11-01T04:00:00Z', []],
    [
      'when the first session of the new month is final',
      '2026-11-01T04:00:00.001Z',
      ['2026-11-01T00:00:00.001Z'],
    ],
  ])('counts each session in the month of its mint, %s', async (_, now, settled) => {
    const { rebuild, ranges } = booksOf([
      session('2026-10-31T21:00:00Z', 10),
      session('2026-10-31T23:59:59.999Z', 20),
      session('2026-11-01T00:00:00Z', 30),
      session('2026-11-01T01:00:00Z', 40),
    ]);
    // Two days, and so early in November also October of last year is whole.
    expect((await rebuild({ now: new Date(now) })).counts).toEqual({ ...RIGHT, totals: PERIODS + 1 + 2 });
    const bounds = ['2026-11-01T00:00:00.000Z', ...settled, '2026-12-01T00:00:00.000Z'];
    expect(ranges.filter((range) => range.startsWith('2026-11'))).toEqual(
      bounds.slice(1).map((bound, i) => `${bounds[i]} ${bound}`),
    );
  });

  it.each([
    ['not one millisecond before it begins', '2026-11-30T23:59:59.999Z', '2025-10-28', 13],
    ['from its first millisecond', '2026-12-01T00:00:00.000Z', '2025-10-29', 14],
  ])('compares the new month %s', async (_, now, first, periods) => {
    const { rebuild, ranges } = booksOf([]);
    expect((await rebuild({ now: new Date(now) })).counts).toEqual({ ...RIGHT, totals: periods });
    expect(ranges[0]).toBe(`${first}T00:00:00.000Z 2025-11-01T00:00:00.000Z`);
  });

  it.each([
    ['while all its days are stored', '2026-11-03T23:59:59.999Z', ['PERIOD#2025-10']],
    ['but not after one of its days has expired', '2026-11-04T00:00:00.000Z', []],
  ])('compares a billing period %s', async (_, now, named) => {
    const { rebuild, plant } = booksOf([]);
    plant('PERIOD#2025-09', { usedSeconds: 1 });
    plant('PERIOD#2025-10', { usedSeconds: 1 });
    const { drifts } = await rebuild({ now: new Date(now) });
    expect(drifts.map(({ place }) => place)).toEqual(named);
  });
});

describe('days whose session usage may have expired', () => {
  it.each(MODES)('are neither read nor %s, unlike the first complete day', async (_, repair) => {
    const { rebuild, plant, countsAt } = booksOf([
      session('2025-10-20T23:59:59.999Z', 10),
      session('2025-10-21T00:00:00.000Z', 20),
      session('2025-10-31T23:59:59.999Z', 30),
    ]);
    const [gone, first] = [dayPlace('2025-10-20'), dayPlace('2025-10-21')];
    for (const place of [gone, first]) plant(place, { seconds: 1 });
    const { counts, drifts } = await rebuild({ repair });
    expect(counts).toEqual({ ...RIGHT, totals: PERIODS + 2, drifted: 1, repaired: repair ? 1 : 0 });
    expect(drifts).toEqual([
      expect.objectContaining({ place: first, counts: [{ name: 'seconds', expected: 20, found: 1 }] }),
    ]);
    expect(countsAt(gone)).toEqual({ sessions: 1, seconds: 1 });
  });
});

describe('days of a workspace that changed its retention', () => {
  it.each([
    // Kept for 30 days since long ago; since yesterday; since it was created.
    [{ sessionDays: 30, errorDays: 7, changedAt: '2026-01-01T00:00:00.000Z' }, '2026-10-26'],
    [{ sessionDays: 400, errorDays: 7, changedAt: '2026-11-22T12:00:00.000Z' }, '2026-10-26'],
    [{ sessionDays: 400, errorDays: 7, changedAt: '2026-03-31T12:00:00.000Z' }, '2026-04-01'],
    [{ sessionDays: 60, errorDays: 7, changedAt: null }, '2026-09-26'],
  ] as const)('%j are corrected from %s', async (retention, first) => {
    const before = new Date(Date.parse(first) - 86_400_000).toISOString().slice(0, 10);
    const { rebuild, plant } = booksOf([], { retention });
    for (const day of [before, first]) plant(dayPlace(day), { seconds: 1 });
    const { drifts } = await rebuild({ repair: true });
    expect(drifts.map(({ place }) => place)).toEqual([dayPlace(first)]);
  });
});

describe('an event that arrives during a rebuild', () => {
  const running = session('2026-11-23T11:59:00Z', 10, { over: false });
  const READS = ['readTotals', 'listSessionUsage', 'readTotals'];

  it.each(
    [
      ['between reading totals and usage', 'listSessionUsage 2'],
      ['between reading usage and totals', 'readTotals 2'],
    ].flatMap(([name, when = '']) => MODES.map(([mode, repair]) => [name, mode, when, repair] as const)),
  )('%s causes another comparison while totals are %s', async (_, _mode, when, repair) => {
    const { rebuild, report, calls, trail } = booksOf([running], { tenants: [[WORKSPACE_ID, [SITE_ID]]] });
    const { counts, drifts } = await rebuild({
      repair,
      during: { [when]: () => report(longer(running, 20)) },
    });
    expect(counts).toEqual({ ...RIGHT, totals: PERIODS + 1 });
    expect([drifts, trail]).toEqual([[], []]);
    expect(calls).toEqual(['listSessionUsage', ...READS, ...READS]);
  });

  it('as the first of its day causes another comparison', async () => {
    const { rebuild, report } = booksOf([]);
    const { counts, drifts } = await rebuild({ during: { 'readTotals 2': () => report(running) } });
    expect([counts, drifts]).toEqual([{ ...RIGHT, totals: PERIODS + 1 }, []]);
  });

  it('is not a difference if it is read in the session usage before the totals', async () => {
    const { rebuild, reportMeter } = booksOf([running]);
    let post = () => {};
    const { counts, drifts } = await rebuild({
      during: {
        'readTotals 1': () => {
          post = reportMeter(longer(running, 20));
        },
        'readTotal 1': () => post(),
      },
    });
    expect([counts, drifts]).toEqual([{ ...RIGHT, totals: PERIODS + 1 }, []]);
  });

  it('between comparison and report is included in the reported sums', async () => {
    const { rebuild, report, plant } = booksOf([running]);
    plant(PERIOD, { usedSeconds: 3 });
    const { counts, drifts } = await rebuild({
      during: { 'readTotal 1': () => report(longer(running, 20)) },
    });
    expect(counts).toEqual({ ...RIGHT, totals: PERIODS + 1, drifted: 1 });
    expect(drifts.map((drift) => drift.counts)).toEqual([[{ name: 'usedSeconds', expected: 20, found: 13 }]]);
  });

  it('between comparison and correction is not lost, and is part of the next correction', async () => {
    const { rebuild, report, plant, countsAt, trail } = booksOf([running]);
    plant(PERIOD, { usedSeconds: 3 });
    const { counts, drifts } = await rebuild({
      repair: true,
      during: { 'correctTotal 1': () => report(longer(running, 20)) },
    });
    expect(counts).toEqual({ ...RIGHT, totals: PERIODS + 1, drifted: 1, repaired: 1 });
    expect(drifts.map((drift) => drift.counts)).toEqual([[{ name: 'usedSeconds', expected: 20, found: 13 }]]);
    expect(countsAt(PERIOD)).toEqual({ usedSeconds: 20 });
    expect(trail.map(({ facts }) => facts)).toEqual([
      { place: PERIOD, usedSeconds_found: 13, usedSeconds_set: 20 },
    ]);
  });

  it('at the same time as a correction by another operator leaves nothing to correct', async () => {
    const { rebuild, plant, correct, trail } = booksOf([running]);
    plant(PERIOD, { usedSeconds: 3 });
    const { counts, drifts } = await rebuild({
      repair: true,
      during: { 'correctTotal 1': () => correct(PERIOD, { usedSeconds: 10 }) },
    });
    expect([counts, drifts, trail]).toEqual([{ ...RIGHT, totals: PERIODS + 1 }, [], []]);
  });
});

describe('a total that changes during each comparison', () => {
  const quiet = session('2026-11-20T10:00:00Z', 60);
  const busy = session('2026-11-23T11:59:00Z', 10, { over: false });
  /** A report before each second read of the totals, up to this many. */
  const everyTime = (report: (usage: SessionUsage) => void, times: number): Meanwhile =>
    Object.fromEntries(
      Array.from({ length: times }, (_, i) => [
        `readTotals ${2 * i + 2}`,
        () => report(longer(busy, 11 + i, false)),
      ]),
    );

  it.each(MODES)(
    'is reported as unstable after five attempts, and the others are %s at the first attempt',
    async (_, repair) => {
      const { rebuild, report, plant, calls } = booksOf([quiet, busy]);
      plant(dayPlace('2026-11-20'), { seconds: 7 });
      plant(DAY, { seconds: 7 });
      const { counts, drifts, unstable } = await rebuild({ repair, during: everyTime(report, 9) });
      expect(counts).toEqual({
        ...RIGHT,
        totals: PERIODS + 2,
        drifted: 1,
        repaired: repair ? 1 : 0,
        unstable: 2,
      });
      expect(drifts).toEqual([
        {
          workspaceId: WORKSPACE_ID,
          place: dayPlace('2026-11-20'),
          counts: [{ name: 'seconds', expected: 60, found: 7 }],
          repaired: repair,
        },
      ]);
      expect(unstable).toEqual([
        [WORKSPACE_ID, DAY],
        [WORKSPACE_ID, PERIOD],
      ]);
      expect(calls.filter((name) => name === 'readTotals')).toHaveLength(10);
      expect(calls.filter((name) => name === (repair ? 'correctTotal' : 'readTotal'))).toHaveLength(1);
    },
  );

  it('only four times is compared at the fifth attempt', async () => {
    const { rebuild, report } = booksOf([quiet, busy]);
    const { counts, unstable } = await rebuild({ during: everyTime(report, 4) });
    expect([counts, unstable]).toEqual([{ ...RIGHT, totals: PERIODS + 2 }, []]);
  });

  it('during each correction is left unchanged, without an audit event', async () => {
    const { rebuild, report, plant, countsAt, trail } = booksOf([busy]);
    plant(PERIOD, { usedSeconds: 3 });
    const during = Object.fromEntries(
      [1, 2, 3, 4, 5].map((nth) => [`correctTotal ${nth}`, () => report(longer(busy, 10 + nth, false))]),
    );
    const { counts, drifts, unstable } = await rebuild({ repair: true, during });
    expect(counts).toEqual({ ...RIGHT, totals: PERIODS + 1, unstable: 1 });
    expect([drifts, unstable, trail]).toEqual([[], [[WORKSPACE_ID, PERIOD]], []]);
    expect(countsAt(PERIOD)).toEqual({ usedSeconds: 8 });
  });
});

describe('an outage during a rebuild', () => {
  it.each([
    ['listWorkspaces', false],
    ['listSessionUsage', false],
    ['readTotals', false],
    ['readTotal', false],
    ['correctTotal', true],
    ['auditEvents', true],
  ])('at %s ends the run, and is not reported as an unstable total', async (port, repair) => {
    const { rebuild, plant, countsAt } = booksOf([]);
    plant(PERIOD, { usedSeconds: 3 });
    const outage = new Error('no answer');
    const fail = () => Promise.reject(outage);
    const own = port === 'auditEvents' ? { auditEvents: { event: fail } } : { [port]: fail };
    expect(await outcomeOf(rebuild({ repair, own }))).toBe(outage);
    expect(countsAt(PERIOD)).toEqual({ usedSeconds: 3 });
  });
});
