import { randomUUID } from 'node:crypto';
import type { Fault } from '../../local/openai/server.ts';
import { isLong } from '../support/long-forms.ts';
import { openAiOf } from '../support/openai.ts';
import {
  type AwsTarget,
  aimedAt,
  type Decide,
  type Recorded,
  type Service,
  startContainer,
} from './containers.ts';
import { type AwsFault, DYNAMODB_FAULTS, GROUPS, KMS_FAULTS } from './faults.ts';
import { OPENAI_FAULTS } from './openai-faults.ts';
import { type Records, recordsOf } from './run-cell.ts';
import { type Scenario, TOKEN } from './scenarios.ts';
import { type FaultWorld, MESSAGE_CANARY } from './world.ts';

/** One request that meets one fault. */
export interface Cell {
  readonly scenario: Scenario;
  readonly dependency: 'DynamoDB' | 'KMS' | 'OpenAI';
  /** The call that the fault strikes. */
  readonly call: string;
  readonly fault: string;
  /** It waits for deadlines. */
  readonly slow: boolean;
  /** The decision about each call to AWS. */
  readonly decide: Decide;
  /** The fault at OpenAI. */
  readonly openAi: Omit<Fault, 'keyFingerprint'> | undefined;
  readonly variables: Readonly<Record<string, string>>;
  /** The usage totals after the same run without a fault. */
  readonly goodTotals: Records['totals'];
}

const FAULTS: Readonly<Record<Service, readonly AwsFault[]>> = { dynamodb: DYNAMODB_FAULTS, kms: KMS_FAULTS };
const NAMES = { dynamodb: 'DynamoDB', kms: 'KMS' } as const;

/** A call may still be on its way when the answer is there: what is fetched ahead for later requests. */
const QUIET_MS = 500;

/** The calls of a run in which nothing fails, and to OpenAI by their paths. A new call comes into the matrix by itself. */
export const recordedCalls = async (world: FaultWorld, scenario: Scenario) => {
  const subject = await scenario.prepare(world);
  const caller = randomUUID();
  const traffic = world.network.open(caller);
  const container = await startContainer(world.stack, scenario.serves, {
    clock: world.clock,
    variables: world.network.endpoints(caller),
  });
  const before = new Set(openAiOf(world.stack).requests);
  const answer = await subject.send(container);
  if (answer.status !== scenario.status)
    throw new Error(`${scenario.name}: a run without a fault answered ${answer.status} ${answer.text}`);
  await traffic.quiet(QUIET_MS);
  await container.close();
  openAiOf(world.stack).clearFaults(subject.keyFingerprint);
  const paths = openAiOf(world.stack)
    .requests.filter((request) => request.keyFingerprint === subject.keyFingerprint && !before.has(request))
    .map(({ path }) => path);
  const { totals } = await recordsOf(world, scenario, subject);
  return { aws: traffic.seen, openAi: [...new Set(paths)], totals };
};

/** An outage of a whole service: every call to it fails. */
const everywhere =
  (service: Service, { extent, play }: AwsFault): Decide =>
  (at, call, attempt) =>
    at.service === service && !(extent === 'first try' && attempt > 1) ? play(call) : undefined;

const OUTAGES: ReadonlySet<string> = new Set([
  'ThrottlingException',
  'connection reset',
  'connection reset, once',
  'no answer',
]);

type Plain = Pick<Cell, 'scenario' | 'decide' | 'openAi' | 'variables' | 'goodTotals'>;

/** Every cell of a scenario. Where OpenAI fails anyway, or its key is shared, the faults are those of AWS alone. */
export const cellsOf = async (world: FaultWorld, scenario: Scenario): Promise<readonly Cell[]> => {
  const { aws, openAi, totals: goodTotals } = await recordedCalls(world, scenario);
  const plain: Plain = {
    scenario,
    decide: () => undefined,
    openAi: undefined,
    variables: {},
    goodTotals,
  };
  const openAiFails = scenario.healedStatus !== undefined || scenario.oneByOne === true;
  return [
    ...aws.flatMap((target) => cellsOfCall(plain, target)),
    ...[...new Set(aws.map(({ service }) => service))].flatMap((service) => outagesOf(plain, service)),
    ...(openAiFails ? [] : openAi).flatMap((path) => cellsOfPath(plain, path)),
    ...(openAiFails || openAi.length === 0 ? [] : [refusedConnection(world, plain)]),
  ];
};

const awsCell = (
  plain: Plain,
  service: Service,
  call: string,
  { name, slow = false }: AwsFault,
  decide: Decide,
): Cell => ({ ...plain, dependency: NAMES[service], call, fault: name, slow, decide });

const cellsOfCall = (plain: Plain, { sample, ...target }: Recorded): readonly Cell[] =>
  FAULTS[target.service]
    .filter((fault) => fault.play(sample) !== undefined)
    .map((fault) => awsCell(plain, target.service, labelOf(target), fault, aimedAt(target, fault)));

const outagesOf = (plain: Plain, service: Service): readonly Cell[] =>
  FAULTS[service]
    .filter(({ name }) => OUTAGES.has(name))
    .map((fault) => awsCell(plain, service, EVERY_CALL, fault, everywhere(service, fault)));

const cellsOfPath = (plain: Plain, path: string): readonly Cell[] =>
  OPENAI_FAULTS.map(({ name, play, slow = false }) => ({
    ...plain,
    dependency: 'OpenAI',
    call: path,
    fault: name,
    slow,
    openAi: { path, ...play(MESSAGE_CANARY) },
  }));

const refusedConnection = (world: FaultWorld, plain: Plain): Cell => ({
  ...plain,
  dependency: 'OpenAI',
  call: EVERY_CALL,
  fault: 'connection refused',
  slow: false,
  variables: { OPENAI_BASE_URL: `http://127.0.0.1:${world.closedPort}/v1` },
});

export const EVERY_CALL = 'every call';

const OPENAI_ALWAYS: ReadonlySet<string> = new Set([
  '401 invalid_api_key',
  '429 rate_limit_exceeded, Retry-After: 17',
  '429 insufficient_quota',
  '503 x-should-retry, once',
  '200 malformed JSON',
  'connection reset after its work',
]);

/** Besides these, what strikes a route other than the token route is played in the long form. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'ThrottlingException',
  'answer lost after the write, once',
  'DisabledException',
  '401 invalid_api_key',
  'connection reset after its work',
]);

/**
 * Whether a run without FAULTS may play a cell. The long form has everything of the token route, and of the rest one fault of each
 * kind. The short one has one fault of each kind at the token route, and of the rest an outage and a lost answer.
 */
const isAlwaysPlayed = ({ scenario, dependency, fault, slow }: Cell): boolean => {
  const atToken = scenario === TOKEN;
  if (isLong('faults') && atToken) return true;
  if (slow) return false;
  if (!isLong('faults') && !atToken) return ELSEWHERE.has(fault);
  if (dependency === 'OpenAI') return OPENAI_ALWAYS.has(fault);
  const group = GROUPS.find((one) => one.dependency === dependency && one.faults.includes(fault));
  return group === undefined || group.always.includes(fault);
};

/** In the short form, one call in this many meets a fault. Each fault begins at another call. */
const CALLS_PER_FAULT = { atToken: 3, elsewhere: 5 };

/**
 * The cells of a scenario that a run without FAULTS plays. In the short form each fault strikes some of the calls, at least one in
 * each scenario, and always the same ones.
 */
export const alwaysPlayed = (cells: readonly Cell[]): readonly Cell[] => {
  const always = cells.filter(isAlwaysPlayed);
  if (isLong('faults')) return always;
  const alike = Map.groupBy(
    always,
    ({ dependency, fault, call }) => `${dependency} ${fault} ${call === EVERY_CALL}`,
  );
  return [...alike.values()].flatMap((same, nth) => {
    const share = same[0]?.scenario === TOKEN ? CALLS_PER_FAULT.atToken : CALLS_PER_FAULT.elsewhere;
    const first = nth % Math.min(share, same.length);
    return same.filter((_, at) => at % share === first);
  });
};

export const labelOf = ({ call, nth }: AwsTarget): string => (nth === 1 ? call : `${call} (${nth})`);
