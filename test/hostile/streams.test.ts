import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { playBatch } from './support/play-batch.ts';
import { played, seeded } from './support/seeded.ts';
import { batchCases, readTemplates, STREAM_TABLES, type Templates } from './support/stream-cases.ts';
import { type HostileWorld, startHostileWorld } from './support/world.ts';

let world: HostileWorld;
let templates: Templates;
beforeAll(async () => {
  world = await startHostileWorld();
  templates = await readTemplates(world);
});
afterAll(async () => {
  templates?.close();
  await world?.close();
});

const DAMAGED = [
  { S: '' },
  { S: 'not a time' },
  { S: 'x'.repeat(450_000) },
  { N: '-1' },
  { N: '0.5' },
  { NULL: true },
];

describe('a batch of stream records', () => {
  it.each(STREAM_TABLES)('of %s as the product writes them is processed completely', async (table) => {
    const records = Array.from({ length: 100 }, (_, item) => ({ item, changes: [] }));
    const given = { table, records, order: [...records.keys()] };
    expect(await playBatch(world, templates, given)).toEqual([]);
  });

  it('with bad records, repeated and in any order: the bad ones are set aside, and the others are processed', async () => {
    await fc.assert(
      fc.asyncProperty(batchCases(), async (given) => {
        expect(await playBatch(world, templates, given)).toEqual([]);
      }),
      seeded(250),
    );
  });

  it.each(['reserved', 'issued'])(
    'with a damaged session that is %s next to a good one of the same key: only the damaged one is set aside',
    async (state) => {
      const { item, fields } = templates.issuedSession();
      expect(fields).toBeGreaterThan(15);
      const damages = Array.from({ length: fields }, (_, field) =>
        DAMAGED.map((to) => ({ field, to })),
      ).flat();
      for (const { field, to } of played(damages)) {
        const records = [
          { item, changes: [] },
          {
            item,
            changes: [
              { add: 'state', to: { S: state } },
              { set: field, to },
            ],
          },
        ];
        const faults = await playBatch(world, templates, { table: 'sessions', records, order: [0, 1] });
        expect({ field, to, faults }).toEqual({ field, to, faults: [] });
      }
    },
  );

  it('leaves an audit trail that verifies', async () => {
    const path = `/v1/workspaces/${world.library.workspaceId}/audit/verify`;
    const headers = { authorization: `Bearer ${world.tokens.owner}` };
    const { data } = await world.stack.call('GET', path, { headers });
    expect(data).toMatchObject({ intact: true, broken: null });
  });
});
