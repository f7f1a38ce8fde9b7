import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runOperatorCommand } from '../../support/operator-command.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'spelo-costs-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** 2026-11-03 and 2026-12-01, UTC, as OpenAI's buckets start. */
const NOVEMBER = Date.UTC(2026, 10, 3) / 1_000;
const DECEMBER = Date.UTC(2026, 11, 1) / 1_000;

const costsCsv = (
  lines: readonly string[],
  header = 'start_time,line_item,amount_value,currency,project_id',
) => [header, ...lines, ''].join('\n');
const usageCsv = (lines: readonly string[]) =>
  ['day,model,mode,sessions,cost_cents,unpriced_sessions', ...lines, ''].join('\n');

const reconcile = async (costs: string, usage: string, ...given: string[]) => {
  const folder = mkdtempSync(join(dir, 'run-'));
  const usageName = usage.startsWith('{') ? 'usage.ndjson' : 'usage.csv';
  writeFileSync(join(folder, 'costs.csv'), costs);
  writeFileSync(join(folder, usageName), usage);
  const paths = ['--costs', join(folder, 'costs.csv'), '--usage', join(folder, usageName)];
  return runOperatorCommand('reconcile-costs', [...paths, ...given]);
};

const driftsOf = async (costs: string, usage: string, ...given: string[]) => {
  const run = await reconcile(costs, usage, '--json', ...given);
  expect(run.stderr).toBe('');
  return { code: run.code, ...JSON.parse(run.stdout) };
};

describe('npm run reconcile-costs', () => {
  it('adds up both records per month and model, and shows the difference', async () => {
    const costs = costsCsv([
      `${NOVEMBER},"realtime api | gpt-realtime-2.1 audio, input",1.00,usd,proj_a`,
      `${NOVEMBER},"realtime api | gpt-realtime-2.1 audio, cached input",0.25,usd,proj_a`,
      `${DECEMBER},"gpt-realtime-2.1 text, output",0.5,usd,proj_a`,
    ]);
    const usage = usageCsv([
      '2026-11-03,gpt-realtime-2.1,byok,3,100,0',
      '2026-11-30,gpt-realtime-2.1,byok,1,20,0',
      '2026-12-01,gpt-realtime-2.1,byok,1,50,0',
    ]);
    const { code, drifts, otherMicroCents } = await driftsOf(costs, usage);
    expect(drifts).toEqual([
      {
        month: '2026-11',
        model: 'gpt-realtime-2.1',
        counted: 120_000_000,
        charged: 125_000_000,
        drift: 5_000_000,
        driftPercent: 4,
        unpricedSessions: 0,
      },
      expect.objectContaining({ month: '2026-12', drift: 0, driftPercent: 0 }),
    ]);
    expect([code, otherMicroCents]).toEqual([0, 0]);
  });

  it('exits with 1 if a month differs by more than the tolerance, which it prints', async () => {
    const costs = costsCsv([`${NOVEMBER},gpt-realtime-2.1-mini audio,2.00,usd,proj_a`]);
    const usage = usageCsv(['2026-11-03,gpt-realtime-2.1-mini,byok,1,150,2']);
    const off = await reconcile(costs, usage);
    expect(off.code).toBe(1);
    expect(off.stdout).toMatch(
      /2026-11 gpt-realtime-2\.1-mini +1\.5000 +2\.0000 +0\.5000 +25\.0 % +2 sessions without a price/,
    );
    expect((await reconcile(costs, usage, '--tolerance', '25')).code).toBe(0);
  });

  it('joins dated model names, shows rows of one record only, and separates other uses', async () => {
    const costs = costsCsv([
      `${NOVEMBER},"realtime api | gpt-realtime-2025-08-28 audio, input",1.00,usd,proj_a`,
      `${NOVEMBER},"gpt-realtime-1.5 audio, input",3.00,usd,proj_a`,
      `${NOVEMBER},"gpt-image-9, output",7.00,usd,proj_a`,
    ]);
    const usage = usageCsv(['2026-11-03,gpt-realtime,byok,1,100,0', '2026-11-04,gpt-realtime-9,byok,2,0,2']);
    const { code, drifts, otherMicroCents } = await driftsOf(costs, usage);
    expect(
      drifts.map(({ model, drift, unpricedSessions }: Record<string, unknown>) => [
        model,
        drift,
        unpricedSessions,
      ]),
    ).toEqual([
      ['gpt-realtime', 0, 0],
      ['gpt-realtime-1.5', 300_000_000, 0],
      ['gpt-realtime-9', 0, 2],
    ]);
    expect([code, otherMicroCents]).toEqual([1, 700_000_000]);
  });

  it('is limited to one project and one payer on request, and reads usage as one JSON object per line', async () => {
    const costs = costsCsv([
      `${NOVEMBER},gpt-realtime-2.1 audio,1.00,usd,proj_a`,
      `${NOVEMBER},gpt-realtime-2.1 audio,9.00,usd,proj_b`,
    ]);
    const usage = [
      { day: '2026-11-03', model: 'gpt-realtime-2.1', mode: 'byok', cost_cents: 100 },
      { day: '2026-11-03', model: 'gpt-realtime-2.1', mode: 'managed', cost_cents: 900 },
    ]
      .map((row) => JSON.stringify(row))
      .join('\n');
    const { code, drifts } = await driftsOf(costs, usage, '--project', 'proj_a', '--mode', 'byok');
    expect([code, drifts]).toEqual([0, [expect.objectContaining({ counted: 100_000_000, drift: 0 })]]);
  });

  it('reads days and times as months in UTC, and accepts the alternative column names', async () => {
    const costs = costsCsv(
      ['2026-11-30,gpt-realtime-2.1,1', '2026-12-01T00:30:00+01:00,gpt-realtime-2.1,1'],
      'date,line_item,amount',
    );
    const { drifts } = await driftsOf(costs, usageCsv(['2026-11-30,gpt-realtime-2.1,byok,1,200,0']));
    expect(drifts).toEqual([expect.objectContaining({ month: '2026-11', charged: 200_000_000, drift: 0 })]);
  });

  it.each<[string, string, string, RegExp]>([
    ['another currency', costsCsv([`${NOVEMBER},gpt-realtime-2.1,1,eur,p`]), 'usage', /not in USD/],
    ['an amount that is none', costsCsv([`${NOVEMBER},gpt-realtime-2.1,much,usd,p`]), 'usage', /amount/],
    ['a time that is none', costsCsv(['yesterday,gpt-realtime-2.1,1,usd,p']), 'usage', /time/],
    ['a missing column', costsCsv([`${NOVEMBER},1`], 'start_time,amount'), 'usage', /line_item/],
    ['usage without a model', costsCsv([]), 'day,cost_cents\n2026-11-03,1\n', /model/],
  ])('stops at %s instead of skipping it', async (_, costs, usage, fault) => {
    const run = await reconcile(costs, usage === 'usage' ? usageCsv([]) : usage);
    expect([run.code, run.stderr]).toEqual([2, expect.stringMatching(fault)]);
  });
});
