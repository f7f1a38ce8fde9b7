import { MathExpression, type Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { PROBLEMS } from '../../lambdas/contract/problems.ts';
import type { FunctionName } from '../../lambdas/contract/routes.ts';
import { BrokerAlarm } from '../constructs/broker-alarm.ts';
import { apiMetric, kmsQuotaUse, lambdaMetric, ownMetric, sumOf, tableMetric } from './metrics.ts';
import { OUR_FAILURES, START_ROUTES } from './refusals.ts';

export interface ServiceAlarmsProps {
  readonly stage: string;
  readonly topic: ITopic;
  readonly apiId: string;
  /** The functions behind the API. */
  readonly apiFunctions: readonly FunctionName[];
  /** The functions that open keys, behind a route or an event. */
  readonly opening: readonly ('token' | 'rotate' | 'rotate-on-request')[];
  /** The tables that a mint reads and writes. */
  readonly mintTables: readonly string[];
  /** True if the stage reserves concurrency for a function. */
  readonly reserved: boolean;
  /** True if requests must come through an edge. */
  readonly edge: boolean;
}

const TIERS = ['1', '2', '3', '4', '5'] as const;

/**
 * With fewer responses than this in five minutes, no rate is computed. A single failed mint at night does not need an
 * alarm.
 */
const LEAST_ANSWERS = 10;

/** Alarms on problems that visitors and owners notice, and on the quotas that cause them. */
export const addServiceAlarms = (scope: Construct, props: ServiceAlarmsProps): void => {
  addMintAlarms(scope, props);
  addPlatformKeyAlarm(scope, props);
  addApiAlarms(scope, props);
  if (props.edge) addPastTheEdgeAlarm(scope, props);
  addQuotaAlarms(scope, props);
  addCustodyAlarm(scope, props);
  addSweeperAlarm(scope, props);
  addRetireModelsAlarm(scope, props);
  addReconciliationAlarm(scope, props);
  addHeartbeatAlarm(scope, props);
};

/** One metric for each route by which a session starts. The ids count the routes: `failed0`, `failed1`. */
const byRoute = (id: string, metricOf: (route: string) => Metric): Readonly<Record<string, Metric>> =>
  Object.fromEntries(START_ROUTES.map((route, index) => [`${id}${index}`, metricOf(route)]));

/** The sum of metrics; a metric without data counts as 0. */
const sumOfIds = (metrics: Readonly<Record<string, Metric>>): string =>
  `(${Object.keys(metrics)
    .map((id) => `FILL(${id}, 0)`)
    .join(' + ')})`;

/** The share of starts, tokens and calls together, in per cent; 0 while there are too few for a rate. */
const percentOfStarts = (
  stage: string,
  label: string,
  those: Readonly<Record<string, Metric>>,
): MathExpression => {
  // The latency metric has one value for every response of a route.
  const starts = byRoute('starts', (route) =>
    ownMetric(stage, 'token', 'LatencyMs', { route }, { statistic: Stats.SAMPLE_COUNT }),
  );
  const all = sumOfIds(starts);
  return new MathExpression({
    label,
    expression: `IF(${all} >= ${LEAST_ANSWERS}, 100 * ${sumOfIds(those)} / ${all}, 0)`,
    usingMetrics: { ...starts, ...those },
    period: Duration.minutes(5),
  });
};

const addMintAlarms = (scope: Construct, { stage, topic }: ServiceAlarmsProps): void => {
  const failures = Object.assign(
    {},
    ...OUR_FAILURES.map((code) =>
      byRoute(code, (route) => ownMetric(stage, 'token', 'Answers', { route, code })),
    ),
  );
  new BrokerAlarm(scope, 'MintsFail', {
    stage,
    topic,
    runbook: 'Visitors get no session',
    metric: percentOfStarts(stage, 'percent of starts that fail', failures),
    above: 5,
    periods: 2,
    impact: 'visitors press the button and get no voice session; failed starts are not charged.',
    because:
      'more than 5 % of at least ten token and call requests fail for ten minutes; isolated OpenAI failures are only logged.',
  });

  const latencies = byRoute('p95', (route) =>
    ownMetric(stage, 'token', 'LatencyMs', { route }, { statistic: Stats.p(95) }),
  );
  new BrokerAlarm(scope, 'MintsAreSlow', {
    stage,
    topic,
    runbook: 'Sessions start slowly',
    metric: new MathExpression({
      label: 'the slower of tokens and calls, p95',
      expression: `MAX([${Object.keys(latencies)
        .map((id) => `FILL(${id}, 0)`)
        .join(', ')}])`,
      usingMetrics: latencies,
      period: Duration.minutes(5),
    }),
    above: 3_000,
    periods: 3,
    impact: 'visitors wait for seconds before the conversation can begin, and many leave.',
    because:
      'the p95 of tokens or calls is above 3 s for 15 minutes; AWS takes tens of milliseconds and OpenAI most of the rest, up to its deadline of 8 s.',
  });

  const busy = Object.fromEntries(
    TIERS.map((tier) => [`tier${tier}`, ownMetric(stage, 'token', 'Busy', { tier })]),
  );
  new BrokerAlarm(scope, 'LinesAreBusy', {
    stage,
    topic,
    runbook: 'Every line is busy',
    metric: percentOfStarts(stage, 'percent of starts that find no line', busy),
    above: 20,
    periods: 3,
    impact: 'visitors of one or more sites are asked to try again later while others talk.',
    because:
      'one start in five finds no line for 15 minutes; slots are meant to absorb shorter bursts, and Retry-After brings visitors back.',
  });
};

/** No one else notices: the visitors are on customers' sites, whose owners cannot change this key. */
const addPlatformKeyAlarm = (scope: Construct, { stage, topic }: ServiceAlarmsProps): void => {
  new BrokerAlarm(scope, 'PlatformKeyFails', {
    stage,
    topic,
    runbook: 'The managed key fails',
    metric: ownMetric(stage, 'token', 'PlatformKeyFailures', {}, { period: Duration.minutes(15) }),
    above: 2,
    impact:
      'visitors of every site on a managed plan get no session; sites with their own keys are not affected.',
    because:
      'three managed sessions within 15 minutes were refused because of the key or its account; such a failure lasts until the operator acts, while a single one may be an error at OpenAI.',
  });
};

const addApiAlarms = (scope: Construct, { stage, topic, apiId, apiFunctions }: ServiceAlarmsProps): void => {
  new BrokerAlarm(scope, 'ApiFails', {
    stage,
    topic,
    runbook: 'The API answers with errors',
    metric: new MathExpression({
      label: 'percent of answers above 499',
      expression: `IF(answers >= ${LEAST_ANSWERS}, 100 * FILL(failures, 0) / answers, 0)`,
      usingMetrics: {
        answers: apiMetric(apiId, 'Count', { statistic: Stats.SAMPLE_COUNT }),
        failures: apiMetric(apiId, '5xx'),
      },
      period: Duration.minutes(5),
    }),
    above: 10,
    periods: 2,
    impact: 'owners cannot store keys or view their sites, or visitors get no session.',
    because:
      'one response in ten is a 5xx for ten minutes, across all routes, including responses from API Gateway itself.',
  });

  new BrokerAlarm(scope, 'FunctionsCrash', {
    stage,
    topic,
    runbook: 'A function behind the API crashes',
    metric: sumOf(
      'invocations that ended without an answer',
      apiFunctions.map((name) => lambdaMetric(stage, name, 'Errors')),
    ),
    above: 0,
    periods: 2,
    impact: 'the caller of each such request waits for up to 25 s and gets an error from API Gateway.',
    because:
      'the handlers turn every error into a response, so an error that Lambda counts is a crash or a timeout; two periods in a row rule out an isolated one.',
  });
};

/** A 403 is not a failure of the API, so no other alarm detects an edge without a valid secret. */
const addPastTheEdgeAlarm = (scope: Construct, { stage, topic }: ServiceAlarmsProps): void => {
  new BrokerAlarm(scope, 'RequestsPastTheEdge', {
    stage,
    topic,
    runbook: 'Requests do not come through the edge',
    metric: percentOfStarts(
      stage,
      'percent of starts without the proof of the edge',
      byRoute('unproven', (route) =>
        ownMetric(stage, 'token', 'Answers', { route, code: PROBLEMS.not_through_the_edge.code }),
      ),
    ),
    above: 50,
    periods: 2,
    impact:
      'every caller gets 403 if the secrets of the edge and the functions do not match; there is no impact if a client is only trying the address behind the edge.',
    because:
      'more than half of at least ten token and call requests for ten minutes; a mismatched secret fails all of them, and clients that bypass the edge rarely send that many.',
  });
};

const addQuotaAlarms = (scope: Construct, props: ServiceAlarmsProps): void => {
  const { stage, topic, apiFunctions, mintTables, reserved } = props;
  new BrokerAlarm(scope, 'FunctionsThrottled', {
    stage,
    topic,
    runbook: 'Lambda turns requests away',
    metric: sumOf(
      'invocations that Lambda refused',
      apiFunctions.map((name) => lambdaMetric(stage, name, 'Throttles')),
    ),
    above: 0,
    periods: 2,
    impact: 'callers get 429 or 503 before our code runs.',
    because: reserved
      ? 'any throttle in two periods of five minutes in a row; traffic has reached the concurrency that the stage reserves, or that of the account.'
      : 'any throttle in two periods of five minutes in a row; traffic has reached the concurrency of the account, which is 10 in a new account.',
  });

  new BrokerAlarm(scope, 'TablesThrottle', {
    stage,
    topic,
    runbook: 'DynamoDB throttles',
    metric: sumOf(
      'throttled reads and writes',
      mintTables.flatMap((table) => [
        tableMetric(table, 'ReadThrottleEvents'),
        tableMetric(table, 'WriteThrottleEvents'),
      ]),
    ),
    above: 10,
    periods: 2,
    impact: 'some mints need a retry and take longer; those that are throttled again are refused with 503.',
    because:
      'more than ten in five minutes, twice in a row; a table that is scaling up throttles briefly, and the SDK retries.',
  });

  new BrokerAlarm(scope, 'KmsNearQuota', {
    stage,
    topic,
    runbook: 'KMS quota is running out',
    metric: kmsQuotaUse(),
    above: 70,
    periods: 3,
    impact: 'none yet; at 100 % KMS throttles, keys cannot be opened, and mints are refused with 503.',
    because:
      '70 % of the account quota of requests per second for three minutes; AWS can take days to raise it.',
  });
};

const addCustodyAlarm = (scope: Construct, { stage, topic, opening }: ServiceAlarmsProps): void => {
  const decrypts = Object.fromEntries(
    opening.map((name, index) => [
      `decrypts${index}`,
      ownMetric(stage, name, 'Decrypts', {}, { period: Duration.hours(1) }),
    ]),
  );
  const rows = ownMetric(stage, 'projector', 'DecryptRows', {}, { period: Duration.hours(1) });
  const all = Object.keys(decrypts)
    .map((name) => `FILL(${name}, 0)`)
    .join(' + ');
  new BrokerAlarm(scope, 'DecryptsWithoutRows', {
    stage,
    topic,
    runbook: 'Keys are opened without a row in the audit trail',
    metric: new MathExpression({
      label: 'decrypts beyond the rows',
      // Under load, the two counts differ slightly around the end of an hour.
      expression: `IF((${all}) > 1.05 * FILL(rows, 0) + 10, (${all}) - FILL(rows, 0), 0)`,
      usingMetrics: { ...decrypts, rows },
      period: Duration.hours(1),
    }),
    above: 0,
    periods: 2,
    impact: 'owners cannot see some uses of their keys, or code that records nothing opens a key.',
    because:
      'decrypts exceed rows by more than 5 % plus ten, two hours in a row; normally each decrypt has its row within seconds.',
  });
};

const addRetireModelsAlarm = (scope: Construct, { stage, topic }: ServiceAlarmsProps): void => {
  new BrokerAlarm(scope, 'RetireModelsStands', {
    stage,
    topic,
    runbook: 'Sites are not moved off retired models',
    metric: new MathExpression({
      label: 'a day without a run that succeeded',
      expression: 'IF(runs - FILL(errors, 0) < 1, 1, 0)',
      usingMetrics: {
        runs: lambdaMetric(stage, 'retire-models', 'Invocations'),
        errors: lambdaMetric(stage, 'retire-models', 'Errors'),
      },
      period: Duration.days(1),
    }),
    above: 0,
    silence: 'alarms',
    impact:
      'owners get no notice that the model of a site is being shut down; after the shutdown, mints use its successor anyway.',
    because: 'no run succeeded in a day; normally four do, and each checks every site.',
  });
};

/** From one run to the next, which may be a few hours later. */
const HOURS_WITHOUT_A_DAY = 28;

const addReconciliationAlarm = (scope: Construct, { stage, topic }: ServiceAlarmsProps): void => {
  const period = Duration.hours(1);
  new BrokerAlarm(scope, 'ReconciliationStands', {
    stage,
    topic,
    runbook: 'The records of key use are not compared',
    metric: new MathExpression({
      label: 'an hour without a day that was completed',
      expression: 'IF(FILL(days, 0) < 1, 1, 0)',
      usingMetrics: { days: ownMetric(stage, 'reconcile', 'ReconciledDays', {}, { period }) },
      period,
    }),
    above: 0,
    periods: HOURS_WITHOUT_A_DAY,
    silence: 'alarms',
    impact:
      'a key that was opened without a row, or a trail whose end was cut off, is not noticed; keys and sessions work.',
    because:
      'no day was completed for 28 hours; normally one is each night, and a run that fails is repeated eight times.',
  });
};

const BEHIND_STREAMS = ['projector', 'detector', 'archiver'] as const;

const addHeartbeatAlarm = (scope: Construct, { stage, topic }: ServiceAlarmsProps): void => {
  const period = Duration.minutes(15);
  new BrokerAlarm(scope, 'HeartbeatStops', {
    stage,
    topic,
    runbook: 'The heartbeat does not arrive',
    metric: new MathExpression({
      label: 'a quarter of an hour without a heartbeat somewhere',
      expression: `IF(${BEHIND_STREAMS.map((name) => `FILL(${name}, 0) < 1`).join(' OR ')}, 1, 0)`,
      usingMetrics: Object.fromEntries(
        BEHIND_STREAMS.map((name) => [name, ownMetric(stage, name, 'Heartbeats', {}, { period })]),
      ),
      period,
    }),
    above: 0,
    periods: 2,
    silence: 'alarms',
    impact: 'new events reach the audit trail, the detector or the archive late or not at all.',
    because:
      'one of the three had no heartbeat for half an hour; normally each has one every five minutes, also when nobody uses the service.',
  });
};

const addSweeperAlarm = (scope: Construct, { stage, topic }: ServiceAlarmsProps): void => {
  new BrokerAlarm(scope, 'SweeperStands', {
    stage,
    topic,
    runbook: 'Silent sessions are not closed',
    metric: new MathExpression({
      label: 'five minutes without a run that succeeded',
      expression: 'IF(runs - FILL(errors, 0) < 1, 1, 0)',
      usingMetrics: {
        runs: lambdaMetric(stage, 'sweeper', 'Invocations'),
        errors: lambdaMetric(stage, 'sweeper', 'Errors'),
      },
      period: Duration.minutes(5),
    }),
    above: 0,
    periods: 3,
    silence: 'alarms',
    impact:
      'owners still see the sessions of visitors who closed the page as open, and the minutes of hard-capped plans stay reserved.',
    because:
      'no run succeeded for 15 minutes; normally one succeeds every minute, and the next run makes up for one that failed.',
  });
};
