import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { leaseItem } from '../../lambdas/adapters/aws/sessions/lease-item.ts';
import { PROBLEMS, type ProblemName } from '../../lambdas/contract/problems.ts';
import { ROUTES, type Route } from '../../lambdas/contract/routes.ts';
import type { SessionId } from '../../lambdas/domain/identifiers.ts';
import { holderTagOf } from '../../lambdas/domain/sessions/slots.ts';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import type { Item } from '../support/key-tables.ts';
import { openAiOf } from '../support/openai.ts';
import type { TestAnswer } from '../support/stack.ts';
import { mint } from '../support/tenant.ts';
import type { Cell } from './cells.ts';
import { startContainer } from './containers.ts';
import { brokenIn } from './promises.ts';
import type { Scenario, Subject } from './scenarios.ts';
import { type FaultWorld, leaksIn } from './world.ts';

/** The records of a subject. */
export interface Records {
  readonly sessions: readonly Item[];
  readonly slots: readonly Item[];
  /** How often the key has changed; 0: there never was one. */
  readonly keyRevision: number;
  readonly keyState: string | undefined;
  /** Changes of keys that the outbox reports. */
  readonly keyEvents: number;
  /** Secrets that OpenAI has minted with the key. */
  readonly minted: number;
  /** Everything that the totals count, added up; without the number of their writes. */
  readonly totals: Readonly<Record<string, number>>;
}

const NOTHING: readonly Item[] = [];

/** Reads what the scenario is about: a read costs as much as the request that is looked at. */
export const recordsOf = async (
  { stack, tables }: FaultWorld,
  { kind }: Pick<Scenario, 'kind'>,
  subject: Subject,
): Promise<Records> => {
  const { workspaceId, siteId, keyFingerprint } = subject;
  const of = (wanted: Scenario['kind'], read: () => Promise<readonly Item[]>) =>
    kind === wanted ? read() : NOTHING;
  const [sessions, slots, keys, events, usage] = await Promise.all([
    kind === 'events' ? NOTHING : tables.sessionsOf(siteId),
    of('token', () => tables.slotsOf(workspaceId)),
    of('key', () => tables.keyItemsOf('site', siteId)),
    of('key', async () => [
      ...(await tables.itemsOf('tenancy', `EVENTS#keys#${workspaceId}`)),
      ...(await tables.itemsOf('tenancy', `EVENTS#rotate#${workspaceId}`)),
    ]),
    of('events', () => tables.usageOf(`USAGE#${workspaceId}`)),
  ]);
  const head = keys.find(({ sk }) => sk === 'KEY');
  const totals: Record<string, number> = {};
  for (const item of usage)
    for (const [name, count] of Object.entries(item))
      if (typeof count === 'number' && name !== 'writes' && count !== 0)
        totals[name] = (totals[name] ?? 0) + count;
  return {
    sessions,
    slots,
    keyRevision: Number(head?.['revision'] ?? 0),
    keyState: head?.['state'] as string | undefined,
    keyEvents: events.filter(({ type }) => String(type).startsWith('key.')).length,
    minted: openAiOf(stack).mintedSecretsOf(keyFingerprint),
    totals,
  };
};

/** The outcome of a cell, as a row of the matrix shows it. */
export interface Outcome {
  readonly answer: string;
  readonly retryAfter: string;
  readonly mints: number;
  /** Where the session's slot is. */
  readonly slot: string;
  readonly session: string;
  /** The effect on the key, or on the reports. */
  readonly effect: string;
}

export interface RunCell {
  readonly cell: Cell;
  readonly subject: Subject;
  readonly outcome: Outcome;
  /** Sessions that the request that met the fault has left. */
  readonly sessions: readonly Item[];
  /** Promises that were not kept, each with where. */
  readonly broken: readonly string[];
}

/** An answer that is not there by then never comes: the sum of all deadlines of a request is below the function's 25 s. */
const NEVER_MS = 120_000;
/** Twice as long as it is deployed, so that a busy machine does not run into it; OpenAI has its deployed 8 s. */
const SHORT_CALLS = { AWS_CALL_TIMEOUT_MS: '3000' };

/** Longest that a lease lasts of which nobody reports: the secret's minute, and the grace to connect. */
const LONGEST_LEASE_SECONDS = 90;

const sooner = async (answer: Promise<TestAnswer>, cell: Cell): Promise<TestAnswer> => {
  let timer: NodeJS.Timeout | undefined;
  const never = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${nameOf(cell)}: there is no answer.`)), NEVER_MS);
  });
  try {
    return await Promise.race([answer, never]);
  } finally {
    clearTimeout(timer);
  }
};

/** Runs one cell and looks at everything that was promised for it, except for what the audit trail says. */
export const runCell = async (world: FaultWorld, cell: Cell): Promise<RunCell> => {
  const run = await meetFault(world, cell);
  const broken = await brokenPromises(world, run);
  return { cell, subject: run.subject, sessions: run.sessions, broken, outcome: outcomeOf(run) };
};

/** One request, in a container that has just started and whose way to its dependencies has this one fault. */
const meetFault = async (world: FaultWorld, cell: Cell): Promise<Run> => {
  const { scenario } = cell;
  const subject = await scenario.prepare(world);
  const { keyFingerprint } = subject;
  const openAi = openAiOf(world.stack);
  const before = await recordsOf(world, scenario, subject);
  const asked = new Set(openAi.requests);

  const caller = randomUUID();
  const traffic = world.network.open(caller, cell.decide);
  if (cell.openAi !== undefined) openAi.inject({ ...cell.openAi, keyFingerprint });
  const container = await startContainer(world.stack, scenario.serves, {
    clock: world.clock,
    variables: {
      ...world.network.endpoints(caller),
      ...(cell.slow && cell.dependency !== 'OpenAI' && SHORT_CALLS),
      ...cell.variables,
    },
  });
  const answer = await sooner(subject.send(container), cell);
  await traffic.settled();
  await container.close();
  const after = await recordsOf(world, scenario, subject);
  openAi.clearFaults(keyFingerprint);
  const requests = openAi.requests.filter((one) => one.keyFingerprint === keyFingerprint && !asked.has(one));
  return {
    cell,
    subject,
    answer,
    before,
    after,
    sessions: after.sessions.slice(before.sessions.length),
    logs: container.logs,
    struck: cell.dependency === 'OpenAI' ? requests.length : traffic.struck,
  };
};

const brokenPromises = async (world: FaultWorld, run: Run): Promise<readonly string[]> => {
  const { cell, before, after, sessions, logs } = run;
  const promises: readonly (readonly [string, () => void | Promise<void>])[] = [
    // Of a connection that is refused the other side never hears.
    ['the fault struck', () => expect(run.struck > 0 || cell.variables['OPENAI_BASE_URL']).toBeTruthy()],
    ['the answer is one of the contract', () => expectContract(run)],
    ['nothing leaks', () => expect([...leaksIn(shownIn(run.answer)), ...logs.flatMap(leaksIn)]).toEqual([])],
    [
      'nobody was surprised',
      () => expect(logs.filter((line) => line.includes('unexpected error'))).toEqual([]),
    ],
    ['one session at the most', () => expect(sessions.length).toBeLessThanOrEqual(1)],
    ['one mint at the most', () => expect(after.minted - before.minted).toBeLessThanOrEqual(1)],
    ['the session says what happened', () => expectTruth(run)],
    ['no slot is lost', () => expectSlots(world, run)],
    ['the key and its audit event agree', () => expectKey(run)],
    ['the next request succeeds once the fault is gone', () => expectHealed(world, run)],
  ];
  const broken: string[] = [];
  // One after another: the last of them changes what is on record.
  for (const [promise, look] of promises)
    broken.push(...(await brokenIn(`${nameOf(cell)}: ${promise}`, look)));
  return broken;
};

/** The answer as its caller sees it, without the secret that a token exists to hand out. */
const shownIn = ({ headers, text, status, data }: TestAnswer): string =>
  `${[...headers].join('\n')}\n${text}`.replace((status === 200 && data.client_secret?.value) || '', '');

interface Run {
  readonly cell: Cell;
  readonly subject: Subject;
  readonly answer: TestAnswer;
  readonly before: Records;
  readonly after: Records;
  readonly sessions: readonly Item[];
  readonly logs: readonly string[];
  /** How often the fault was met. */
  readonly struck: number;
}

export const nameOf = ({ scenario, dependency, call, fault }: Cell): string =>
  `${scenario.name} | ${dependency} | ${call} | ${fault}`;

/** The codes that the route names in its contract, and that of a dependency that is away. */
const expectContract = ({ cell, answer }: Run): void => {
  if (answer.status === 200) {
    expectSuccess(answer);
    return;
  }
  const refusals: readonly ProblemName[] = [
    ...(ROUTES[cell.scenario.route] as Route).refusals,
    'unavailable',
  ];
  const named = refusals.map((name) => `${PROBLEMS[name].status} ${PROBLEMS[name].code}`);
  expect(named).toContain(`${answer.status} ${answer.error?.code}`);
  expectRefusal(answer, answer.status, answer.error.code);
};

/** Failures after which only OpenAI knows whether it has minted. */
const UNKNOWN_TO_US: ReadonlySet<unknown> = new Set(['timeout', 'unreachable', 'unreadable_answer']);

const expectTruth = ({ cell, answer, before, after, sessions }: Run): void => {
  const mints = after.minted - before.minted;
  const [session] = sessions;
  const { kind } = cell.scenario;
  if (kind === 'token' && answer.status === 200) {
    expect({ state: session?.['state'], mints }).toEqual({ state: 'issued', mints: 1 });
    expect(answer.data.session_id).toBe(session?.['sessionId']);
  }
  if (session === undefined) return;
  if (session['state'] === 'issued') {
    expect(mints).toBe(1);
    expect(session['kmsRequestId']).toMatch(/.+/);
  }
  if (session['state'] === 'refused') {
    if (mints === 1) expect(UNKNOWN_TO_US).toContain(session['openAiFailure']);
    if (kind === 'token') expect(session['refusal']).toMatch(/^[a-z_]+$/);
  }
};

const expectSlots = ({ clock }: FaultWorld, { cell, answer, sessions, after }: Run): void => {
  if (cell.scenario.kind !== 'token') return;
  for (const slot of after.slots) {
    expect(leaseItem.parse(slot).holder).toBe(holderTagOf(String(sessions[0]?.['sessionId']) as SessionId));
    expect(Number(slot['expires_at']) - clock().getTime() / 1_000).toBeLessThanOrEqual(LONGEST_LEASE_SECONDS);
  }
  if (answer.status === 200) expect(after.slots).toHaveLength(1);
  // While DynamoDB works, nothing keeps the slot of a refused request from coming back.
  else if (cell.dependency !== 'DynamoDB') expect(after.slots).toEqual([]);
};

const expectKey = ({ cell, answer, before, after }: Run): void => {
  if (cell.scenario.kind !== 'key') return;
  const changes = after.keyRevision - before.keyRevision;
  const events = after.keyEvents - before.keyEvents;
  expect(events).toBe(changes);
  expect(changes).toBeLessThanOrEqual(1);
  if (answer.status === 200 && CHANGING.has(cell.scenario.route)) expect(changes).toBe(1);
};

const CHANGING: ReadonlySet<string> = new Set([
  'putSiteKey',
  'rotateSiteKey',
  'rollbackSiteKey',
  'suspendSiteKey',
  'resumeSiteKey',
  'deleteSiteKey',
]);

/** The status of a mint, by the state of the key. */
const MINT_STATUS: Readonly<Record<string, number>> = { active: 200, suspended: 423, deleted: 422 };

const expectHealed = async (world: FaultWorld, { cell, subject, before, after }: Run): Promise<void> => {
  const { scenario } = cell;
  const status = scenario.healedStatus ?? scenario.status;
  // Reports are signed, and a signature is good for five minutes.
  const container =
    scenario.kind === 'events' ? world.healthy(scenario.serves) : world.later(scenario.serves);
  const again = await subject.send(container);
  const hadEffect = after.keyRevision > before.keyRevision;
  expect([status, ...(hadEffect ? (scenario.afterEffect ?? []) : [])]).toContain(again.status);
  const healed = await recordsOf(world, scenario, subject);
  if (scenario.kind === 'token' && status === 200) {
    expect(healed.minted - after.minted).toBe(1);
    expect(healed.sessions.at(-1)).toMatchObject({ state: 'issued', sessionId: again.data.session_id });
  }
  if (scenario.kind === 'key') {
    const minted = await mint(world.later('token'), subject);
    expect(minted.status).toBe(MINT_STATUS[healed.keyState ?? 'deleted']);
  }
  if (scenario.kind === 'events') {
    // Reported twice and counted once, as in a run without a fault.
    expect(healed.totals).toEqual(cell.goodTotals);
  }
};

const outcomeOf = ({ cell, answer, before, after, sessions }: Run): Outcome => {
  const { kind } = cell.scenario;
  const [session] = sessions;
  const reason = answer.error?.details?.[0]?.path;
  const verdict =
    answer.status === 200 && cell.scenario.route === 'testSiteKey' ? answer.data.code : undefined;
  return {
    answer: [answer.status, answer.error?.code ?? verdict, reason && `(${reason})`].filter(Boolean).join(' '),
    retryAfter: answer.headers.get('retry-after') ?? '–',
    mints: after.minted - before.minted,
    slot: kind === 'token' ? slotOf(answer, session, after.slots) : '–',
    session: session === undefined ? '–' : stateOf(session),
    effect: effectOf(cell.scenario, before, after),
  };
};

export const stateOf = (session: Item): string => {
  if (session['state'] === 'reserved') return 'open';
  const why = session['openAiFailure'] ?? session['refusal'];
  return why === undefined ? String(session['state']) : `${session['state']}: ${why}`;
};

const slotOf = (answer: TestAnswer, session: Item | undefined, slots: readonly Item[]): string => {
  if (slots.length > 0) return answer.status === 200 ? 'taken' : 'until its lease ends';
  return session === undefined ? '–' : 'given back';
};

const effectOf = ({ kind, route }: Scenario, before: Records, after: Records): string => {
  if (kind === 'events')
    return JSON.stringify(after.totals) === JSON.stringify(before.totals) ? 'not counted' : 'counted';
  if (kind === 'token' || !CHANGING.has(route)) return '–';
  return after.keyRevision > before.keyRevision ? 'changed' : 'unchanged';
};
