import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Item } from '../support/key-tables.ts';
import { runConcurrently } from '../support/run-concurrently.ts';
import { type Aftermath, auditIn, lookAround, trailOfState } from './aftermath.ts';
import { alwaysPlayed, type Cell, cellsOf, EVERY_CALL } from './cells.ts';
import { crashSection, type RunCrash, runCrashes } from './crash.ts';
import {
  CRASHES_EXPLAINED,
  INTRODUCTION,
  type Row,
  sectionOf,
  writtenCalls,
  writtenColumns,
} from './document.ts';
import { nameOf, type RunCell, runCell } from './run-cell.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { type FaultWorld, startFaultWorld } from './world.ts';

/**
 * Every run plays the short form, one with LONG_FORMS=faults the whole token route and of the others one fault of each kind.
 * `npm run faults` plays all, and writes the document with UPDATE_DOCS=1. `FAULTS='rotate | Decrypt' npm test -- test/faults` plays all of the scenarios whose name
 * matches the first part, where dependency, call and fault match the second.
 */
const CHOICE = process.env['FAULTS'];
const ALL = CHOICE === 'all';
const [SCENARIO = '', CELL = ''] = CHOICE === undefined || ALL ? [] : CHOICE.split(' | ');
const PLAYED = SCENARIOS.filter(({ name }) => new RegExp(SCENARIO).test(name));
const playedOf = (cells: readonly Cell[]): readonly Cell[] =>
  CHOICE === undefined ? alwaysPlayed(cells) : cells.filter((cell) => new RegExp(CELL).test(nameOf(cell)));
const CRASHES_TOO = CHOICE === undefined || ALL;
const DOCUMENT = new URL('../../docs/fault-matrix.md', import.meta.url);

/** Cells that compute, side by side: as many as keep the engine busy. */
const LANES = 5;
/** Cells that wait for deadlines: they cost no time but their own. */
const SLOW_LANES = 10;
const WHOLE_RUN_MS = 1_800_000;

let world: FaultWorld;
/** Also those that this run does not play. */
let known: readonly Cell[];
let runs: readonly RunCell[];
let crashes: readonly RunCrash[];
let aftermath: Aftermath;

const sessionsOf = (run: RunCell | RunCrash): readonly Item[] => run.sessions;

beforeAll(async () => {
  world = await startFaultWorld();
  const ofEach = await runConcurrently(LANES, PLAYED, (scenario) => cellsOf(world, scenario));
  known = ofEach.flat();
  const cells = ofEach.flatMap(playedOf);
  const run = (cell: Cell): Promise<RunCell> => runCell(world, cell);
  const sharingAKey = runConcurrently(
    1,
    cells.filter(({ scenario }) => scenario.oneByOne),
    run,
  );
  const apart = cells.filter(({ scenario }) => !scenario.oneByOne);
  const all = Promise.all([
    sharingAKey,
    runConcurrently(
      SLOW_LANES,
      apart.filter(({ slow }) => slow),
      run,
    ),
    runConcurrently(
      LANES,
      apart.filter(({ slow }) => !slow),
      run,
    ),
  ]);
  [crashes] = await Promise.all([
    CRASHES_TOO ? runCrashes(world, 'freeze', LANES, { sharingAKey, all }) : [],
    all,
  ]);
  const done = new Map((await all).flat().map((result) => [result.cell, result]));
  runs = cells.flatMap((cell) => done.get(cell) ?? []);
  const sessions = [...runs, ...crashes].flatMap(sessionsOf);
  aftermath = await lookAround(world, new Set(sessions.map(({ sessionId }) => String(sessionId))));
}, WHOLE_RUN_MS);

afterAll(async () => {
  await world?.close();
});

const trailOf = ({ sessionId }: Item): readonly string[] => aftermath.trails.get(String(sessionId)) ?? [];

describe.each(PLAYED)('$name', (scenario) => {
  test('keeps its guarantees when any dependency fails', () => {
    const broken = runs.filter(({ cell }) => cell.scenario === scenario).flatMap((run) => run.broken);
    expect(broken).toEqual([]);
  });

  test('has one intent and the recorded outcome of each session in its audit trail', () => {
    const of = runs.filter(({ cell }) => cell.scenario === scenario);
    const told = of.flatMap((run) => sessionsOf(run).map((item) => [nameOf(run.cell), trailOf(item)]));
    const due = of.flatMap((run) =>
      sessionsOf(run).map(({ state }) => [nameOf(run.cell), trailOfState(state)]),
    );
    expect(told).toEqual(due);
  });
});

(CRASHES_TOO ? describe : describe.skip)('a process that crashes at any call of the token route', () => {
  test('leaves at most one mint, a slot that is released, and a working site', () => {
    expect(crashes.flatMap(({ broken }) => broken)).toEqual([]);
  });

  test('leaves its intent in the audit trail, without an unknown outcome', () => {
    const sessions = crashes.flatMap(sessionsOf);
    expect(sessions.map(trailOf)).toEqual(sessions.map(({ state }) => trailOfState(state)));
  });
});

test('no key, client secret or text of OpenAI is in a table, a stream or a log', () => {
  expect(aftermath.leaks).toEqual([]);
});

const auditOf = (run: RunCell): string => {
  const [session] = sessionsOf(run);
  return session === undefined ? '–' : auditIn(aftermath)(session);
};

const rowOf = (run: RunCell): Row => {
  const { answer, retryAfter, mints, slot, session, effect } = run.outcome;
  const columns = {
    token: [answer, retryAfter, String(mints), slot, session, auditOf(run)],
    key: [answer, retryAfter, String(mints), effect, session, auditOf(run)],
    events: [answer, retryAfter, effect],
  };
  return { cell: run.cell, columns: columns[run.cell.scenario.kind] };
};

const rowsOf = (scenario: Scenario): readonly Row[] =>
  runs.filter(({ cell }) => cell.scenario === scenario).map(rowOf);

const crashTables = (): string => crashSection(crashes, auditIn(aftermath));

const rendered = (): string => `${INTRODUCTION}
${PLAYED.map((scenario) => sectionOf(scenario, rowsOf(scenario))).join('\n')}
## Crashes

${CRASHES_EXPLAINED}
${crashTables()}`;

describe('docs/fault-matrix.md', () => {
  beforeAll(() => {
    if (ALL && process.env['UPDATE_DOCS'] === '1') writeFileSync(DOCUMENT, rendered());
  });

  test.each(PLAYED)('$name: matches the results of this run', (scenario) => {
    const document = readFileSync(DOCUMENT, 'utf8');
    const rows = rowsOf(scenario);
    expect(rows.map(({ cell, columns }) => [cell.dependency, cell.call, cell.fault, ...columns])).toEqual(
      rows.map(({ cell }) => [
        cell.dependency,
        cell.call,
        cell.fault,
        ...(writtenColumns(document, scenario, cell) ?? ['not in the document']),
      ]),
    );
    if (CELL !== '') return;
    const calls = new Set(
      known.filter((cell) => cell.scenario === scenario && cell.call !== EVERY_CALL).map(({ call }) => call),
    );
    expect([...calls].sort()).toEqual(
      writtenCalls(document, scenario)
        .filter((call) => call !== EVERY_CALL)
        .toSorted(),
    );
  });

  (CRASHES_TOO ? test : test.skip)('matches the crashes of this run', () => {
    expect(readFileSync(DOCUMENT, 'utf8').split('## Crashes')[1]).toContain(crashTables());
  });

  (ALL ? test : test.skip)('has exactly the content that this run produces', () => {
    expect(readFileSync(DOCUMENT, 'utf8')).toBe(rendered());
  });
});
