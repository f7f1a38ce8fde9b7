import { tableOf } from './report.ts';

/**
 * Calculates how long a suspension takes to end its calls: one message becomes one for each call, and the function that
 * serves the queue takes ten of them at a time in as many containers as Lambda and the product allow.
 */

/** Of the mapping of the queue: lib/constructs/queue-function.ts and hang-up-function.ts. */
const BATCH = 10;
const MAX_CONTAINERS = 20;
/**
 * Lambda begins with five batches of a queue at once and adds up to 300 in a minute.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
const FIRST_CONTAINERS = 5;
const CONTAINERS_PER_SECOND = 300 / 60;
/** Calls that are marked and queued concurrently: lambdas/use-cases/calls/end-scope.ts. */
const MARKED_AT_ONCE = 25;

export const AWS_MS = 5;
export const OPENAI_MS = 200;
/** Sequential AWS calls of one hang-up, according to its log. */
const CALLS_OF_A_HANG_UP = 12;
const HANG_UP_MS = CALLS_OF_A_HANG_UP * AWS_MS + OPENAI_MS;

export interface KillSwitchTimes {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly allMs: number;
}

/** When the calls of one key have ended, milliseconds after the queue has the message of the suspension. */
export const simulateKillSwitch = (calls: number): KillSwitchTimes => {
  const ended: number[] = [];
  const free: number[] = [];
  let containers = 0;
  for (let first = 0; first < calls; first += BATCH) {
    // The last call of the batch is queued after all earlier ones are marked.
    const queuedMs = AWS_MS + Math.ceil(Math.min(calls, first + BATCH) / MARKED_AT_ONCE) * 2 * AWS_MS;
    free.sort((a, b) => a - b);
    const mayHave = Math.min(
      MAX_CONTAINERS,
      FIRST_CONTAINERS + Math.floor((queuedMs / 1_000) * CONTAINERS_PER_SECOND),
    );
    const soonest = free[0] ?? Number.POSITIVE_INFINITY;
    // One more container if Lambda allows it, otherwise the next free one.
    const addedMs =
      containers < mayHave
        ? queuedMs
        : containers < MAX_CONTAINERS
          ? Math.max(queuedMs, ((containers + 1 - FIRST_CONTAINERS) / CONTAINERS_PER_SECOND) * 1_000)
          : Number.POSITIVE_INFINITY;
    const isAdded = addedMs <= Math.max(queuedMs, soonest);
    const startMs = isAdded ? addedMs : Math.max(queuedMs, soonest);
    if (isAdded) containers++;
    else free.shift();
    const endMs = startMs + HANG_UP_MS;
    free.push(endMs);
    for (let i = first; i < Math.min(calls, first + BATCH); i++) ended.push(endMs);
  }
  ended.sort((a, b) => a - b);
  const share = (part: number): number =>
    ended[Math.min(ended.length - 1, Math.floor(ended.length * part))] ?? 0;
  return { p50Ms: share(0.5), p99Ms: share(0.99), allMs: share(1) };
};

const CALLS = [10, 50, 1_000] as const;
const seconds = (ms: number): string => (ms / 1_000).toFixed(1);

/** The table of docs/capacity.md. */
export const killSwitchTable = (): readonly string[] =>
  tableOf(
    ['Live calls on the key', 'ended after, s: p50', 'p99', 'all'],
    CALLS.map((calls) => {
      const { p50Ms, p99Ms, allMs } = simulateKillSwitch(calls);
      return [calls.toLocaleString('en-US'), seconds(p50Ms), seconds(p99Ms), seconds(allMs)];
    }),
    0,
  );
