import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IAlarm,
  type IMetric,
  type IWidget,
  LogQueryVisualizationType,
  LogQueryWidget,
  MathExpression,
  Metric,
  PeriodOverride,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { DeployedFunctionName } from '../../lambdas/contract/environment.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { DEPLOYED_FUNCTION_NAMES } from '../deployed-functions.ts';
import type { TableName } from '../item-uses.ts';
import { EDGE_REGION } from '../stage-config.ts';
import {
  apiMetric,
  firewallMetric,
  kmsQuotaUse,
  type Look,
  lambdaMetric,
  metricId,
  ownMetric,
  sumOf,
  tableMetric,
} from './metrics.ts';
import { START_REFUSALS, START_ROUTES } from './refusals.ts';

export interface ServiceDashboardProps {
  readonly stage: string;
  readonly apiId: string;
  readonly alarms: readonly IAlarm[];
  readonly tables: Readonly<Record<TableName, { readonly tableName: string }>>;
  readonly deadLetterQueues: Readonly<Record<string, string>>;
  readonly logGroupNames: readonly string[];
  /** True if WAF is in front. */
  readonly firewall: boolean;
}

const WIDTH = 24;
const HEIGHT = 6;

/** DynamoDB's own limit for one table with capacity on demand, units per second; adjustable. */
const TABLE_QUOTA = 40_000;

/** Functions that read a stream, in the order in which they are shown. */
const STREAM_READERS: readonly DeployedFunctionName[] = ['projector', 'archiver', 'detector'];

/** One row of graphs, side by side over the whole width. */
const row = (...graphs: readonly ((width: number) => IWidget)[]): readonly IWidget[] =>
  graphs.map((graph) => graph(WIDTH / graphs.length));

interface Graph {
  readonly title: string;
  readonly left: readonly IMetric[];
  readonly right?: readonly IMetric[];
  readonly unit: string;
  readonly stacked?: boolean;
  readonly region?: string;
}

const graph =
  ({ title, left, right, unit, stacked = false, region }: Graph) =>
  (width: number): IWidget =>
    new GraphWidget({
      title,
      left: [...left],
      ...(right !== undefined && { right: [...right] }),
      leftYAxis: { label: unit, showUnits: false, min: 0 },
      ...(right !== undefined && { rightYAxis: { showUnits: false, min: 0 } }),
      stacked,
      width,
      height: HEIGHT,
      ...(region !== undefined && { region }),
    });

/** An operator's first view: at the top problems that visitors notice, then custody, then money, then AWS services. */
export class ServiceDashboard extends Dashboard {
  constructor(scope: Construct, id: string, props: ServiceDashboardProps) {
    super(scope, id, {
      dashboardName: `spelo-byok-${props.stage}`,
      defaultInterval: Duration.hours(3),
      periodOverride: PeriodOverride.INHERIT,
    });
    this.addWidgets(
      new TextWidget({
        markdown: `# Spelo BYOK ${props.stage}\nTop: what visitors notice. Then custody of keys, sessions and incidents, the API, and what it stands on. Every alarm has its section in docs/runbook.md.`,
        width: 8,
        height: 4,
      }),
      new AlarmStatusWidget({ title: 'Alarms', alarms: [...props.alarms], width: 16, height: 4 }),
    );
    this.addWidgets(...visitors(props));
    this.addWidgets(...custody(props));
    this.addWidgets(...sessions(props));
    this.addWidgets(...api(props));
    this.addWidgets(...ground(props));
    this.addWidgets(...failures(props));
  }
}

const visitors = ({ stage }: ServiceDashboardProps): readonly IWidget[] => {
  const answers = (code: string, look: Pick<Look, 'color'> = {}) =>
    sumOf(
      code,
      START_ROUTES.map((route) => ownMetric(stage, 'token', 'Answers', { route, code })),
      look,
    );
  const latencies = START_ROUTES.flatMap((route) => {
    const name = route.endsWith('/calls') ? 'call' : 'token';
    return [50, 95, 99].map((percentile) =>
      ownMetric(
        stage,
        'token',
        'LatencyMs',
        { route },
        { statistic: Stats.p(percentile), label: `${name}, p${percentile}` },
      ),
    );
  });
  const hop = (name: 'DynamoDbMs' | 'KmsMs' | 'OpenAiMs' | 'OwnMs', label: string) =>
    ownMetric(stage, 'token', name, {}, { statistic: Stats.p(95), label });
  return row(
    graph({
      title: 'Tokens and calls, and refusals by code',
      left: [answers('ok', { color: '#2ca02c' }), ...START_REFUSALS.map((code) => answers(code))],
      unit: 'in 5 minutes',
      stacked: true,
    }),
    graph({
      title: 'How long a token or a call takes',
      left: latencies,
      unit: 'ms',
    }),
    graph({
      title: 'Where the time goes (p95 of one call)',
      left: [
        hop('DynamoDbMs', 'DynamoDB'),
        hop('KmsMs', 'KMS'),
        hop('OpenAiMs', 'OpenAI'),
        hop('OwnMs', 'own'),
      ],
      unit: 'ms',
    }),
  );
};

const custody = ({ stage }: ServiceDashboardProps): readonly IWidget[] =>
  row(
    graph({
      title: 'Decrypts against rows of the audit trail',
      left: [
        sumOf('decrypts', [
          ownMetric(stage, 'token', 'Decrypts', {}),
          ownMetric(stage, 'rotate', 'Decrypts', {}),
          ownMetric(stage, 'rotate-on-request', 'Decrypts', {}),
        ]),
        ownMetric(stage, 'projector', 'DecryptRows', {}, { label: 'rows' }),
      ],
      unit: 'in 5 minutes',
    }),
    graph({
      title: 'Age of the oldest record of a stream',
      left: STREAM_READERS.map((name) =>
        lambdaMetric(stage, name, 'IteratorAge', { statistic: Stats.MAXIMUM }),
      ),
      unit: 'ms',
    }),
    graph({
      title: 'Records that failed, and incidents',
      left: [
        ...STREAM_READERS.map((name) =>
          ownMetric(stage, name, 'FailedRecords', {}, { label: `${name}, failed records` }),
        ),
        ownMetric(stage, 'detector', 'Incidents', {}, { label: 'incidents', color: '#d62728' }),
      ],
      unit: 'in 5 minutes',
    }),
  );

const TIERS = ['1', '2', '3', '4', '5'] as const;

const sessions = ({ stage, deadLetterQueues }: ServiceDashboardProps): readonly IWidget[] =>
  row(
    graph({
      title: 'Every line busy, by OpenAI tier',
      left: TIERS.map((tier) => ownMetric(stage, 'token', 'Busy', { tier }, { label: `tier ${tier}` })),
      unit: 'in 5 minutes',
      stacked: true,
    }),
    graph({
      title: "Cost at OpenAI's prices, by who pays",
      left: (['byok', 'managed'] as const).map((mode) =>
        sumOf(mode, [
          ownMetric(stage, 'events', 'CostCents', { mode }),
          ownMetric(stage, 'sweeper', 'CostCents', { mode }),
        ]),
      ),
      unit: 'US cents in 5 minutes',
      stacked: true,
    }),
    graph({
      title: 'Calls that failed or were throttled',
      left: (['token', 'events', 'keys', 'rotate', 'manage', 'audit'] as const).flatMap((name) => [
        ownMetric(stage, name, 'FailedCalls', {}, { label: `${name}, failed` }),
        ownMetric(stage, name, 'ThrottledCalls', {}, { label: `${name}, throttled` }),
      ]),
      unit: 'in 5 minutes',
    }),
    graph({
      title: 'Given up on: dead letters',
      left: Object.entries(deadLetterQueues).map(
        ([label, QueueName]) =>
          new Metric({
            namespace: 'AWS/SQS',
            metricName: 'ApproximateNumberOfMessagesVisible',
            dimensionsMap: { QueueName },
            statistic: Stats.MAXIMUM,
            period: Duration.minutes(5),
            label,
          }),
      ),
      unit: 'messages',
    }),
  );

const api = ({ stage, apiId, firewall }: ServiceDashboardProps): readonly IWidget[] => {
  const blocked = (rule: string) =>
    firewallMetric(stage, 'BlockedRequests', rule, { region: EDGE_REGION, label: rule });
  return row(
    graph({
      title: 'The API: requests and errors of all routes',
      left: [apiMetric(apiId, 'Count', { statistic: Stats.SAMPLE_COUNT, label: 'requests' })],
      right: [
        apiMetric(apiId, '4xx', { label: '4xx', color: '#ff7f0e' }),
        apiMetric(apiId, '5xx', { label: '5xx', color: '#d62728' }),
      ],
      unit: 'in 5 minutes',
    }),
    graph({
      title: 'Invocations that Lambda refused',
      left: DEPLOYED_FUNCTION_NAMES.map((name) => lambdaMetric(stage, name, 'Throttles')),
      unit: 'in 5 minutes',
    }),
    graph({
      title: 'Containers at work',
      left: DEPLOYED_FUNCTION_NAMES.map((name) =>
        lambdaMetric(stage, name, 'ConcurrentExecutions', { statistic: Stats.MAXIMUM }),
      ),
      unit: 'containers',
    }),
    ...(firewall
      ? [
          graph({
            title: 'Blocked by WAF',
            left: ['TooManyRequests', 'AWSManagedRulesAmazonIpReputationList', 'ALL'].map(blocked),
            unit: 'in 5 minutes',
            region: EDGE_REGION,
          }),
        ]
      : []),
  );
};

/** Per second, as a percentage of the on-demand limit of one table. */
const tableQuotaUse = (
  tableName: string,
  metricName: 'ConsumedReadCapacityUnits' | 'ConsumedWriteCapacityUnits',
  label: string,
): IMetric => {
  const units = metricId(label);
  return new MathExpression({
    label,
    expression: `100 * (${units} / 60) / ${TABLE_QUOTA}`,
    usingMetrics: { [units]: tableMetric(tableName, metricName, { period: Duration.minutes(1) }) },
    period: Duration.minutes(1),
  });
};

const ground = ({ tables }: ServiceDashboardProps): readonly IWidget[] => {
  const named = Object.values(TABLES).map(({ name }) => ({ name, tableName: tables[name].tableName }));
  return row(
    graph({
      title: 'KMS: symmetric operations, percent of the quota',
      left: [kmsQuotaUse()],
      unit: '%',
    }),
    graph({
      title: 'DynamoDB: use, percent of the quota of a table',
      left: named.flatMap(({ name, tableName }) => [
        tableQuotaUse(tableName, 'ConsumedReadCapacityUnits', `${name}, reads`),
        tableQuotaUse(tableName, 'ConsumedWriteCapacityUnits', `${name}, writes`),
      ]),
      unit: '%',
    }),
    graph({
      title: 'DynamoDB: throttled reads and writes',
      left: named.map(({ name, tableName }) =>
        sumOf(name, [
          tableMetric(tableName, 'ReadThrottleEvents'),
          tableMetric(tableName, 'WriteThrottleEvents'),
        ]),
      ),
      unit: 'in 5 minutes',
    }),
  );
};

const failures = ({ logGroupNames }: ServiceDashboardProps): readonly IWidget[] => [
  new LogQueryWidget({
    title: 'What failed, by service and error',
    logGroupNames: [...logGroupNames],
    view: LogQueryVisualizationType.TABLE,
    queryLines: [
      'fields service, message, dependency, operation, error_name',
      'filter level = "ERROR"',
      'stats count() as failures, max(@timestamp) as last by service, message, dependency, operation, error_name',
      'sort failures desc',
      'limit 20',
    ],
    width: WIDTH,
    height: HEIGHT,
  }),
];
