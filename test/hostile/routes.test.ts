import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ROUTES, type Route, type RouteId } from '../../lambdas/contract/routes.ts';
import { playProbe } from './support/play-request.ts';
import { probesOf } from './support/probes.ts';
import { seeded } from './support/seeded.ts';
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
  it.each(Object.keys(ROUTES) as RouteId[])('to %s is answered as the contract says', async (id) => {
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
});
