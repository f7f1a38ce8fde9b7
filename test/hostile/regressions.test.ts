import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type FamilyName, familyOf } from './support/families.ts';
import { type HostileWorld, startHostileWorld } from './support/world.ts';

interface Regression {
  readonly family: FamilyName;
  /** The damage it did. */
  readonly why: string;
  readonly case: unknown;
}

const FOLDER = join(import.meta.dirname, 'regressions');
const regressions = readdirSync(FOLDER).map(
  (file) => [file, JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Regression] as const,
);

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld();
});
afterAll(() => world?.close());

describe('a bug that was found before', () => {
  it.each(regressions)('stays fixed: %s', async (_, { family, case: given }) => {
    const { play, close } = await familyOf(family).prepare(world);
    expect(await play(given)).toEqual([]);
    close();
  });
});
