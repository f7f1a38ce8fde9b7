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
  it('that is valid is accepted by every function, so the refusals below are meaningful', async () => {
    expect(await playToken(world, await maker.good(), 'taken')).toEqual([]);
  });

  it.each(Object.keys(DEFECTS) as DefectName[])('is refused by every function: %s', async (name) => {
    const token = await maker.tokenOf({ defects: [name] });
    expect(await playToken(world, token ?? '', 'refused')).toEqual([]);
  });

  it('is refused with any number of defects, and with any changed character', async () => {
    await fc.assert(
      fc.asyncProperty(tokenCases(), async (given) => {
        const token = await maker.tokenOf(given);
        if (token !== undefined) expect(await playToken(world, token, 'refused')).toEqual([]);
      }),
      seeded(150),
    );
  });

  it('is refused before the functions as well, except for defects that API Gateway cannot detect', async () => {
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
