import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  mayRead,
  originCases,
  originOf,
  REGISTERED,
  SINGLE_VARIATIONS,
  WILDCARD,
} from './support/origin-cases.ts';
import { playOrigin } from './support/play-request.ts';
import { played, seeded } from './support/seeded.ts';
import { type HostileWorld, startHostileWorld } from './support/world.ts';

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld();
  await world.repair('PATCH', `/v1/sites/${world.tenant().siteId}`, {
    allowed_origins: [...REGISTERED, WILDCARD],
  });
});
afterAll(() => world?.close());

describe('the origin check of mint, preflight and report', () => {
  it('accepts a registered origin', async () => {
    for (const origin of [...REGISTERED, 'https://a.wild.example', 'https://a.b-c.wild.example']) {
      expect(mayRead(origin)).toBe(true);
      expect(await playOrigin(world, origin)).toEqual([]);
    }
  });

  it('refuses an origin that only looks registered', async () => {
    for (const given of played(SINGLE_VARIATIONS))
      expect([given, await playOrigin(world, originOf(given))]).toEqual([given, []]);
  });

  it('refuses a missing origin', async () => {
    expect(await playOrigin(world, undefined)).toEqual([]);
  });

  it('refuses mixtures of registered and other origins', async () => {
    await fc.assert(
      fc.asyncProperty(originCases(), async (given) => {
        expect(await playOrigin(world, originOf(given))).toEqual([]);
      }),
      seeded(150),
    );
  });
});
