import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ROUTES, type Route, type RouteId } from '../../lambdas/contract/routes.ts';
import { playProbe } from './support/play-request.ts';
import type { Probe } from './support/probe.ts';
import { probesOf } from './support/probes.ts';
import { seeded } from './support/seeded.ts';
import { send } from './support/send.ts';
import { systematicProbes } from './support/systematic-probes.ts';
import { playTarget, targetCases } from './support/target-cases.ts';
import { type HostileWorld, startHostileWorld } from './support/world.ts';

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld();
});
afterAll(() => world?.close());

/** So many requests to each route as there is to vary in them. */
const runsOf = ({ body, query }: Route): number =>
  10 + (body === undefined ? 0 : 50) + (query === undefined ? 0 : 25);

describe('whatever is sent', () => {
  it.each(Object.keys(ROUTES) as RouteId[])(
    'to %s in any one place is answered as the contract says',
    async (id) => {
      for (const probe of systematicProbes(id))
        expect([probe, await playProbe(world, probe)]).toEqual([probe, []]);
    },
  );

  it.each(Object.keys(ROUTES) as RouteId[])('to %s, mixed, is answered as the contract says', async (id) => {
    const property = fc.asyncProperty(probesOf(id), async (probe) => {
      expect(await playProbe(world, probe)).toEqual([]);
    });
    await fc.assert(property, seeded(runsOf(ROUTES[id])));
  });

  it('as the first line of a request is no 5xx, writes nothing and is one line of the log at most', async () => {
    const property = fc.asyncProperty(targetCases(), async (target) => {
      expect(await playTarget(world, target)).toEqual([]);
    });
    await fc.assert(property, seeded(300));
  });

  it('as a cursor of the right list, but of a place outside of it, is refused', async () => {
    for (const [route, places] of OUTSIDE)
      for (const forgedPlace of places) {
        const query = [['cursor', { forgedPlace }]] as const;
        const probe: Probe = { route, as: 'owner', overHttp: true, path: {}, query, headers: [], body: null };
        expect(await playProbe(world, probe)).toEqual([]);
        const { status, text } = await send(world, probe);
        expect([route, forgedPlace, status]).toEqual([route, forgedPlace, 400]);
        expect(text).toContain('"path":"cursor"');
      }
  });
});

/**
 * Where each list does not go. DynamoDB refuses a query that starts there; the embedded engine begins at the next item, so
 * that nothing but this shows it.
 */
const OUTSIDE: readonly (readonly [RouteId, readonly string[]])[] = [
  ['listWorkspaces', ['WORKSPACE', 'WORKSPACE#', 'WORKSPACE#short', `SITE#${'0'.repeat(12)}`, '\uD800']],
  ['listMembers', ['MEMBER', 'SITE#x', 'WORKSPACE', 'member#x', '\uD800']],
  ['listSites', ['SITE', 'MEMBER#x', 'ARCHIVED_SITE#x', 'zz', 'SITE#\uD800']],
  [
    'listSessions',
    ['SESSION#', 'SESSION#ses_', 'SESSION#ses_zzzz', 'ZZ', '0', 'SESSION#ses_0000000001\uD800'],
  ],
  ['listSiteKeyVersions', ['VERSION', 'KEY', 'RETAINED#0000000001', 'version#', 'VERSION#\uD800']],
  ['listWorkspaceKeyVersions', ['VERSION', 'KEY', 'RETAINED#0000000001', 'zz', 'VERSION#\uD800']],
  ['listAudit', ['\uD800']],
  ['listErrors', ['2026\uD800']],
];
