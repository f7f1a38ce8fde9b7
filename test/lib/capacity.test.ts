import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { readBlock, writeBlocks } from '../../bench/blocks.ts';
import { type Quotas, type RequestCounts, simulate } from '../../bench/capacity-model.ts';
import { capacityBlocks, countsIn, type Stage } from '../../bench/capacity-tables.ts';
import { type AllCounts, countRequests } from '../../bench/count-requests.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const document = read('docs/capacity.md');
const stated = countsIn(readBlock(document, 'counts'));
const stage: Stage = JSON.parse(read('cdk.json')).context.stages.prod;

/** How often the trail looks for a row before it writes one depends on how its records come together. */
const writesOfTrail = ({ byok, managed }: AllCounts) => {
  const without = (counts: RequestCounts) => ({ ...counts, trail: counts.trail['audit']?.writeUnits });
  return { byok: without(byok), managed: without(managed) };
};

describe('docs/capacity.md', () => {
  test('states the measured request units', async () => {
    expect(writesOfTrail(stated)).toEqual(writesOfTrail(await countRequests()));
  });

  test('has the tables that follow from the request units', () => {
    expect(writeBlocks(document, capacityBlocks(stated, stage))).toBe(document);
  });
});

describe('the capacity simulation', () => {
  const enough: Quotas = {
    tokenRoute: { perSecond: 1e9, burst: 1e9 },
    eventsRoute: { perSecond: 1e9, burst: 1e9 },
    gateway: { perSecond: 1e9, burst: 1e9 },
    containers: { token: 1e9, events: 1e9 },
    containersIn10s: 1e9,
    table: { write: 1e9, read: 1e9 },
    kms: 1e9,
    trail: 1e9,
  };
  const run = (quotas: Partial<Quotas>) =>
    simulate({
      mintsPerSecond: 100,
      quotas: { ...enough, ...quotas },
      counts: stated.byok,
      bursts: false,
    });
  const share = (quotas: Partial<Quotas>): number => {
    const { minted, asked } = run(quotas);
    return minted / asked;
  };

  test('mints for every visitor if no quota is short', () => {
    expect(run({})).toMatchObject({ refusedBy: [], reportsRefused: 0, trailSeconds: 0 });
    expect(share({})).toBe(1);
  });

  test.each<[string, string, Partial<Quotas>]>([
    ['the token route', "the stage's throttle", { tokenRoute: { perSecond: 50, burst: 0 } }],
    ['API Gateway', 'API Gateway', { gateway: { perSecond: 450, burst: 0 } }],
    ['Lambda', 'Lambda', { containers: { token: 29, events: 1e9 } }],
    ['a table', 'DynamoDB, tenancy', { table: { write: 1e9, read: 1_300 } }],
    ['KMS', 'KMS', { kms: 50 }],
  ])(
    'mints for about half of the visitors if %s has half of the needed capacity, and names that limit',
    (_, name, quotas) => {
      const { minted, asked, refusedBy } = run(quotas);
      expect(minted / asked).toBeGreaterThan(0.4);
      expect(minted / asked).toBeLessThan(0.75);
      expect(refusedBy[0]?.[0]).toBe(name);
      expect(refusedBy.reduce((sum, [, mints]) => sum + mints, minted) / asked).toBeCloseTo(1, 3);
    },
  );

  test('delays the audit trail by the events that the projector cannot handle', () => {
    // Three events a session, of which half are borne: after ten minutes five minutes of sessions are left.
    expect(run({ trail: 150 }).trailSeconds).toBeGreaterThan(550);
    expect(run({ trail: 330 }).trailSeconds).toBeLessThan(1);
  });
});
