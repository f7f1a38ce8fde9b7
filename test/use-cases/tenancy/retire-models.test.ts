import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import type { Site } from '../../../lambdas/domain/tenancy/workspace.ts';
import type { ScannedSite } from '../../../lambdas/use-cases/ports/tenancy.ts';
import { type RetireModelsPorts, retireModels } from '../../../lambdas/use-cases/tenancy/retire-models.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { aSite, WORKSPACE_ID } from '../sessions/token-fixture.ts';

/** The model of these sites shuts down on 2027-01-20. */
const OLD = 'gpt-realtime-mini';
const NEW = 'gpt-realtime-2.1-mini';
const LAST_DAY = new Date('2027-01-19T00:00:00.000Z');

const siteOf = (number: number, facts: Partial<Site> = {}): Site =>
  aSite({ siteId: `${WORKSPACE_ID}00000000000${number}` as SiteId, model: OLD, ...facts });

/** Sites as their table keeps them. Each `run` is one pass of the job. */
const worldOf = (scanned: readonly ScannedSite[], failing: Readonly<Record<string, Error>> = {}) => {
  const sites = new Map(scanned.map((site, index) => [site === 'unreadable' ? index : site.siteId, site]));
  const log: string[] = [];
  const events: AuditEvent[] = [];
  const write = (step: string, site: Site, changed: Partial<Site>, event: AuditEvent): void => {
    log.push(`${step} ${site.siteId.at(-1)}`);
    const failure = failing[site.siteId.at(-1) ?? ''];
    if (failure !== undefined) throw failure;
    sites.set(site.siteId, { ...site, ...changed });
    events.push(event);
  };
  const run = (now = LAST_DAY) =>
    retireModels(
      strictPorts<RetireModelsPorts>({
        clock: () => now,
        random: (size) => Buffer.alloc(size, 7),
        sites: {
          scanSites: async function* () {
            yield* [...sites.values()];
          },
        },
        moves: {
          moveModel: async (site, move, event) =>
            write('move', site, { model: move.to, modelMove: move }, event),
          noteRetirement: async (site, days, event) => {
            const retirementNotices = { ...site.retirementNotices, [site.model]: days };
            write(`notice ${days}`, site, { retirementNotices }, event);
          },
        },
      }),
    )();
  return { run, sites, log, events };
};

describe('the daily run for retiring models', () => {
  it('moves each site on the day before its model shuts down, once', async () => {
    const { run, sites, log } = worldOf([siteOf(1), siteOf(2, { model: NEW }), siteOf(3)]);
    expect(await run()).toEqual({ sites: 3, moved: 2, noticed: 0, failed: 0 });
    expect(sites.get(siteOf(1).siteId)).toMatchObject({
      model: NEW,
      modelMove: { from: OLD, to: NEW, at: LAST_DAY.toISOString() },
    });
    expect(await run()).toEqual({ sites: 3, moved: 0, noticed: 0, failed: 0 });
    expect(log).toEqual(['move 1', 'move 3']);
  });

  it('records the old and the new model of the site with both prices', async () => {
    const { run, events } = worldOf([siteOf(1)]);
    await run();
    expect(events).toMatchObject([
      {
        type: 'site.model_moved',
        actor: 'system:retire-models',
        workspaceId: WORKSPACE_ID,
        siteId: siteOf(1).siteId,
        facts: {
          model_before: OLD,
          model: NEW,
          shutdown_date: '2027-01-20',
          price: expect.stringContaining('audio'),
          successor_price: expect.stringContaining('audio'),
        },
      },
    ]);
  });

  it('never moves a site that opted out, and its notices contain no move date', async () => {
    const { run, sites, events } = worldOf([siteOf(1, { modelAutoUpgrade: false })]);
    expect(await run()).toEqual({ sites: 1, moved: 0, noticed: 1, failed: 0 });
    expect(sites.get(siteOf(1).siteId)).toMatchObject({ model: OLD, modelMove: null });
    expect(events[0]?.facts).toMatchObject({ auto_upgrade: false, days_left: 1 });
    expect(events[0]?.facts).not.toHaveProperty('move_date');
  });

  it('sends each notice once, on its day or in the next run', async () => {
    const { run, log, events } = worldOf([siteOf(1)]);
    for (const day of ['2026-11-20', '2026-11-21', '2026-11-22', '2026-12-25', '2026-12-26', '2027-01-13'])
      await run(new Date(`${day}T00:00:00.000Z`));
    expect(log).toEqual(['notice 60 1', 'notice 30 1', 'notice 7 1']);
    expect(events[0]).toMatchObject({
      type: 'site.model_retiring',
      facts: { model: OLD, successor: NEW, move_date: '2027-01-19', notice_days: 60, auto_upgrade: true },
    });
  });

  it('continues if one site cannot be read or written', async () => {
    const failing = { 2: new Error('down') };
    const { run, log } = worldOf([siteOf(1), 'unreadable', siteOf(2), siteOf(3)], failing);
    expect(await run()).toEqual({ sites: 4, moved: 2, noticed: 0, failed: 2 });
    expect(log).toEqual(['move 1', 'move 2', 'move 3']);
  });

  it('ignores a site that a person or another run changed meanwhile', async () => {
    const { run } = worldOf([siteOf(1)], { 1: new ConflictError() });
    expect(await run()).toEqual({ sites: 1, moved: 0, noticed: 0, failed: 0 });
  });
});
