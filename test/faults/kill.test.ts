import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Aftermath, auditIn, lookAround } from './aftermath.ts';
import { crashSection, type RunCrash, runCrashes } from './crash.ts';
import { type FaultWorld, startFaultWorld } from './world.ts';

const DOCUMENT = new URL('../../docs/fault-matrix.md', import.meta.url);

/** A process for each: as many side by side as start without starving one another. */
const LANES = 2;
const WHOLE_RUN_MS = 1_200_000;

/** `npm run faults:kill`: a minute or two of starting processes, so it is no part of every run. */
(process.env['FAULTS'] === 'kill' ? describe : describe.skip)('a process that is killed at any call', () => {
  let world: FaultWorld;
  let crashes: readonly RunCrash[];
  let aftermath: Aftermath;

  beforeAll(async () => {
    world = await startFaultWorld();
    const none = Promise.resolve();
    crashes = await runCrashes(world, 'kill', LANES, { sharingAKey: none, all: none });
    const sessions = crashes.flatMap((crash) => crash.sessions);
    aftermath = await lookAround(world, new Set(sessions.map(({ sessionId }) => String(sessionId))));
  }, WHOLE_RUN_MS);

  afterAll(async () => {
    await world?.close();
  });

  test('leaves at most one mint, a slot that is released, and a working site', () => {
    expect(crashes.flatMap(({ broken }) => broken)).toEqual([]);
    expect(aftermath.leaks).toEqual([]);
  });

  test('leaves the state that docs/fault-matrix.md describes', () => {
    expect(readFileSync(DOCUMENT, 'utf8')).toContain(crashSection(crashes, auditIn(aftermath)));
  });
});
