import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jwtAuthorizer } from '../../local/bundled/jwt-authorizer.ts';
import { playToken } from './support/play-request.ts';
import { seeded } from './support/seeded.ts';
import { DEFECTS, type DefectName, type TokenMaker, tokenCases, tokenMaker } from './support/token-cases.ts';
import { type HostileWorld, startHostileWorld } from './support/world.ts';

let world: HostileWorld;
let maker: TokenMaker;
beforeAll(async () => {
  world = await startHostileWorld();
  maker = await tokenMaker(world.stack.issuer, world.subs.owner);
});
afterAll(() => world?.close());

describe('an access token', () => {
  it('a good access token is accepted by every function, so that the refusals below prove something', async () => {
    expect(await playToken(world, await maker.good(), 'taken')).toEqual([]);
  });

  it.each(Object.keys(DEFECTS) as DefectName[])('is refused by every function: %s', async (name) => {
    const token = await maker.tokenOf({ defects: [name] });
    expect(await playToken(world, token ?? '', 'refused')).toEqual([]);
  });

  it('is refused with any number of defects, and with any character changed', async () => {
    await fc.assert(
      fc.asyncProperty(tokenCases(), async (given) => {
        const token = await maker.tokenOf(given);
        if (token !== undefined) expect(await playToken(world, token, 'refused')).toEqual([]);
      }),
      seeded(150),
    );
  });

  it('is refused in front of the functions as well, except for what API Gateway cannot know', async () => {
    const { issuer, audience, jwksUri } = world.stack.issuer;
    const authorize = jwtAuthorizer(issuer, audience, jwksUri);
    expect(await authorize(`Bearer ${await maker.good()}`)).toBe(true);
    for (const name of Object.keys(DEFECTS) as DefectName[]) {
      const given = { defects: [name] };
      const passed = await authorize(`Bearer ${await maker.tokenOf(given)}`);
      expect([name, passed]).toEqual([name, maker.passesGateway(given)]);
    }
  });
});
