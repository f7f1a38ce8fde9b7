import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import { leaseItem } from '../../lambdas/adapters/aws/sessions/lease-item.ts';
import type { SessionId } from '../../lambdas/domain/identifiers.ts';
import { holderTagOf } from '../../lambdas/domain/sessions/slots.ts';
import { expectSuccess } from '../support/answers.ts';
import type { Item } from '../support/key-tables.ts';
import { isLong } from '../support/long-forms.ts';
import { openAiOf } from '../support/openai.ts';
import { runConcurrently } from '../support/run-concurrently.ts';
import { callerAt } from '../support/stack.ts';
import type { Caller } from '../support/tenant.ts';
import { labelOf, recordedCalls } from './cells.ts';
import { type AwsTarget, type Decide, startContainer } from './containers.ts';
import { tableOf } from './document.ts';
import { brokenIn } from './promises.ts';
import { type Records, recordsOf, stateOf } from './run-cell.ts';
import { MANAGED_TOKEN, type Scenario, type Subject, TOKEN } from './scenarios.ts';
import type { FaultWorld } from './world.ts';

/** Where the process ends: with a call that nobody has heard of yet, or that was done and not answered. */
export interface CrashPoint {
  readonly scenario: Scenario;
  readonly when: 'before' | 'after';
  readonly call: string;
  /** undefined: the mint at OpenAI. */
  readonly target: AwsTarget | undefined;
}

/** `freeze`: none of its calls has an effect any more. `kill`: a separate process, and SIGKILL. */
export type Ending = 'freeze' | 'kill';

const crashPointsOf = async (world: FaultWorld, scenario: Scenario): Promise<readonly CrashPoint[]> => {
  const { aws, openAi } = await recordedCalls(world, scenario);
  const calls = [
    ...aws.map((target) => ({ call: labelOf(target), target })),
    ...openAi.map((path) => ({ call: `OpenAI ${path}`, target: undefined })),
  ];
  return calls.flatMap((at) => (['before', 'after'] as const).map((when) => ({ scenario, when, ...at })));
};

/** The records that a crash has left, and their later state. */
export interface Crash {
  readonly point: CrashPoint;
  readonly subject: Subject;
  /** Those of the process that died. */
  readonly sessions: readonly Item[];
  readonly left: Records;
  readonly mints: number;
  /** The answer to a visitor who comes while the lease of the dead session runs. */
  readonly atOnce: string;
}

interface Doomed extends Caller {
  end(): Promise<void>;
}

/** Parallel calls have ended by then, and the process waits only for the one that is held. */
const QUIET_MS = 800;

const isAt = (point: AwsTarget, at: AwsTarget): boolean =>
  point.service === at.service && point.call === at.call && point.nth === at.nth;

/** Ends a container in the middle of a request and looks at what it leaves. */
const crashAt = async (world: FaultWorld, point: CrashPoint, ending: Ending): Promise<Crash> => {
  const { scenario, target, when } = point;
  const openAi = openAiOf(world.stack);
  const subject = await scenario.prepare(world);
  const { keyFingerprint } = subject;
  const minted = openAi.mintedSecretsOf(keyFingerprint);
  const asked = new Set(openAi.requests);
  const caller = randomUUID();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const decide: Decide = (at) => {
    if (target === undefined || !isAt(target, at)) return undefined;
    reach();
    return when === 'before' ? 'hang' : 'hang-after';
  };
  const traffic = world.network.open(caller, decide);
  if (target === undefined)
    openAi.inject({
      path: '/v1/realtime/client_secrets',
      keyFingerprint,
      delivery: 'hang',
      ...(when === 'before' && { status: 200, body: '' }),
    });
  const variables = { ...world.stack.variables, ...world.network.endpoints(caller) };
  const doomed = await (ending === 'kill' ? startProcess : startInPlace)(world, scenario, variables);
  const unanswered = subject.send(doomed).catch(() => undefined);
  if (target === undefined)
    while (!openAi.requests.some((one) => one.keyFingerprint === keyFingerprint && !asked.has(one)))
      await sleep(5);
  else await reached;
  await traffic.quiet(QUIET_MS);
  traffic.die();
  await doomed.end();
  await unanswered;
  openAi.clearFaults(keyFingerprint);

  const left = await recordsOf(world, scenario, subject);
  const next = await subject.send(world.healthy(scenario.serves));
  const atOnce = next.status === 200 ? '200' : `${next.status} ${next.error.code}`;
  return { point, subject, sessions: left.sessions, left, mints: left.minted - minted, atOnce };
};

const startInPlace = async (
  { stack, clock }: FaultWorld,
  { serves }: Scenario,
  variables: Readonly<Record<string, string>>,
): Promise<Doomed> => {
  const container = await startContainer(stack, serves, { clock, variables });
  return { call: container.call, end: container.close };
};

const PROGRAM = fileURLToPath(new URL('children/container.ts', import.meta.url));

const startProcess = async (
  { stack, clock }: FaultWorld,
  { serves }: Scenario,
  variables: Readonly<Record<string, string>>,
): Promise<Doomed> => {
  const task = JSON.stringify({ serves, variables, now: clock().toISOString() });
  const child = spawn(process.execPath, [PROGRAM, task], {
    // Its own copy: a test has another environment than the process that it runs in.
    env: { ...process.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = await once(createInterface(child.stdout), 'line');
  return {
    call: callerAt(() => String(url), stack.tokenFor),
    end: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
};

/** Checks the promises about a crash, before anything is repaired. */
const expectBounded = (world: FaultWorld, { point, sessions, left, mints, atOnce }: Crash): void => {
  expect(sessions.length).toBeLessThanOrEqual(1);
  expect(mints).toBeLessThanOrEqual(1);
  const [session] = sessions;
  expect(['undefined', 'reserved', 'issued']).toContain(String(session?.['state']));
  if (mints === 1) expect(session).toBeDefined();
  if (session?.['state'] === 'issued') expect(mints).toBe(1);
  for (const slot of left.slots) {
    const { holder, expiresAt } = leaseItem.parse(slot);
    expect(holder).toBe(holderTagOf(String(session?.['sessionId']) as SessionId));
    expect(expiresAt - world.clock().getTime() / 1_000).toBeLessThanOrEqual(90);
  }
  // The one slot is not given twice, and none is kept without a session.
  expect({ point: nameOfPoint(point), atOnce }).toEqual({
    point: nameOfPoint(point),
    atOnce: left.slots.length > 0 ? '429 busy' : '200',
  });
};

/** The lease has ended and the sweeper has been there: minutes are back, and a visitor gets in, with one mint. */
const expectRecovered = async (world: FaultWorld, { point, subject }: Crash): Promise<void> => {
  const { keyFingerprint, workspaceId, siteId, owner } = subject;
  const openAi = openAiOf(world.stack);
  const minted = openAi.mintedSecretsOf(keyFingerprint);
  const usage = await world.tables.usageOf(`USAGE#${workspaceId}`);
  expect(
    usage.map(({ committedSeconds }) => committedSeconds ?? 0).filter((seconds) => seconds !== 0),
  ).toEqual([]);
  expectSuccess(await subject.send(world.later(point.scenario.serves)));
  expect(openAi.mintedSecretsOf(keyFingerprint) - minted).toBe(1);
  // Its operator is shown the session that died, as it is on record.
  expectSuccess(await world.stack.call('GET', `/v1/sites/${siteId}/sessions`, { as: owner }));
};

const nameOfPoint = ({ scenario, when, call }: CrashPoint): string => `${scenario.name} | ${when} ${call}`;

export interface RunCrash extends Crash {
  /** Promises that were not kept, each with where. */
  readonly broken: readonly string[];
}

/** The short form has the crashes of a mint with your own key alone. */
const SCENARIOS = isLong('faults') || process.env['FAULTS'] !== undefined ? [TOKEN, MANAGED_TOKEN] : [TOKEN];

/** Every crash of the token path, and what happened to it once all leases have ended. Sweeps: nothing may run alongside it then. */
export const runCrashes = async (
  world: FaultWorld,
  ending: Ending,
  lanes: number,
  others: { readonly sharingAKey: Promise<unknown>; readonly all: Promise<unknown> },
): Promise<readonly RunCrash[]> => {
  const ofEach = SCENARIOS.map(async (scenario) => {
    if (scenario.oneByOne) await others.sharingAKey;
    const points = await crashPointsOf(world, scenario);
    // Those that share a key at OpenAI could not tell their mints apart.
    return runConcurrently(scenario.oneByOne ? 1 : lanes, points, (point) => crashAt(world, point, ending));
  });
  const crashes = (await Promise.all(ofEach)).flat();
  await others.all;
  await world.sweepLater();
  return runConcurrently(1, crashes, async (crash) => {
    const name = nameOfPoint(crash.point);
    const bounded = await brokenIn(`${name}: bounded`, () => expectBounded(world, crash));
    const recovered = await brokenIn(`${name}: recovered`, () => expectRecovered(world, crash));
    return { ...crash, broken: [...bounded, ...recovered] };
  });
};

const HEAD = ['Process ends', 'Mints', 'Slot', 'Session', 'Audit', 'Next visitor, at once'];

/** `at Decrypt` where it makes no difference whether the call was done. */
const pointsOf = (points: readonly CrashPoint[]): string =>
  [...Map.groupBy(points, ({ call }) => call)]
    .map(([call, same]) => (same.length === 2 ? `at ${call}` : `${same[0]?.when} ${call}`))
    .sort()
    .join('<br>');

/** The table of crashes. `auditOf` says in a word what the trail reports a session. */
export const crashSection = (crashes: readonly Crash[], auditOf: (session: Item) => string): string =>
  SCENARIOS.map((scenario) => {
    const lines = crashes
      .filter(({ point }) => point.scenario === scenario)
      .map(({ point, sessions: [session], left, mints, atOnce }) => ({
        point,
        columns: [
          String(mints),
          left.slots.length > 0 ? 'until its lease ends' : '–',
          session === undefined ? '–' : stateOf(session),
          session === undefined ? '–' : auditOf(session),
          atOnce,
        ],
      }));
    const alike = Map.groupBy(lines, ({ columns }) => columns.join('\n'));
    const rows = [...alike.values()]
      .map((same) => [pointsOf(same.map(({ point }) => point)), ...(same[0]?.columns ?? [])])
      .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
    return `### ${scenario.name}, and the process ends\n\n${tableOf(HEAD, rows)}\n`;
  }).join('\n');
