import { MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, type LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Duration, ReferenceStrength, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { FAILED_RECORD_MESSAGES } from '../../lambdas/contract/log-messages.ts';
import { METRIC_NAMESPACE } from '../../lambdas/contract/metrics.ts';
import { BrokerAlarm } from './broker-alarm.ts';
import { BrokerFunction, type BrokerFunctionProps } from './broker-function.ts';
import type { BrokerTable } from './broker-table.ts';
import { DeadLetterQueue } from './dead-letter-queue.ts';

export interface StreamFunctionProps extends Omit<BrokerFunctionProps, 'afterFailure'> {
  readonly functionName: keyof typeof FAILED_RECORD_MESSAGES;
  /** The tables whose streams it reads, by the name of the mapping. */
  readonly sources: Readonly<Record<string, BrokerTable>>;
  readonly topic: ITopic;
  /** Encrypts the dead letters. */
  readonly queueKey: IKey;
  /** A user's loss while this function is behind or fails. */
  readonly impact: string;
}

/**
 * A function for streams that loses no record silently: it starts at the oldest record, isolates a record that keeps failing,
 * gives up on it after 5 tries or 6 hours of the 24 that a stream keeps it, and notes it in a queue. Its only filter is the
 * prefix of a table whose other items are written far too often; any other would only risk records.
 */
export class StreamFunction extends Construct {
  readonly deadLetters: DeadLetterQueue;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: StreamFunctionProps) {
    super(scope, id);
    const { sources, queueKey } = props;

    // A message has the position of the record, which its stream deletes after 24 hours.
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters', {
      encryptionKey: queueKey,
      of: 'event source mappings',
    });
    const broker = new BrokerFunction(this, 'Broker', {
      ...props,
      afterFailure: 'The event source mappings put what the function fails on into its queue.',
      permissions: [
        ...props.permissions,
        ...this.#reading(Object.values(sources)),
        ...this.deadLetters.sending,
      ],
    });
    this.logGroup = broker.logGroup;
    for (const [name, table] of Object.entries(sources)) {
      broker.function.addEventSourceMapping(`${name}${viewOf(table)}Stream`, {
        eventSourceArn: streamArnOf(table),
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize: 100,
        bisectBatchOnError: true,
        reportBatchItemFailures: true,
        retryAttempts: 5,
        maxRecordAge: Duration.hours(6),
        // One batch of a shard at a time: the order of the changes is the order of the trail.
        parallelizationFactor: 1,
        ...(table.streamedPrefix !== undefined && { filters: [itemsBelow(table.streamedPrefix)] }),
        onFailure: { bind: () => ({ destination: this.deadLetters.queueArn }) },
      });
    }
    this.#watch(broker, props);
  }

  #reading(tables: readonly BrokerTable[]): readonly PolicyStatement[] {
    return [
      new PolicyStatement({
        // Another view creates another stream, so the statement changes with it.
        sid: `Read${tables.map((table) => `${table.node.id}${viewOf(table)}`).join('')}`,
        actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
        resources: tables.map(streamArnOf),
      }),
      new PolicyStatement({ actions: ['dynamodb:ListStreams'], resources: ['*'] }),
    ];
  }

  #watch(broker: BrokerFunction, { functionName, stage, topic, impact }: StreamFunctionProps): void {
    const title = `${functionName.charAt(0).toUpperCase()}${functionName.slice(1)}`;
    const common = { stage, topic, impact };

    new BrokerAlarm(this, 'Behind', {
      ...common,
      runbook: `${title} is behind`,
      // Lambda reports the age per function. Its maximum is the age of the mapping that is furthest behind.
      metric: broker.function.metric('IteratorAge', {
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      above: Duration.minutes(10).toMilliseconds(),
      periods: 3,
      because:
        'records are older than 10 minutes for 3 minutes; normally they are seconds old, and retries stop after 6 hours.',
    });

    new BrokerAlarm(this, 'GaveUp', {
      ...common,
      runbook: `${title} gave up on a record`,
      metric: this.deadLetters.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      above: 0,
      because:
        'a single dead letter is a record that is missing until an operator replays it, within 24 hours.',
    });

    broker.logGroup.addMetricFilter('FailedRecords', {
      filterPattern: FilterPattern.stringValue('$.message', '=', FAILED_RECORD_MESSAGES[functionName]),
      metricNamespace: METRIC_NAMESPACE,
      metricName: 'FailedRecords',
      dimensions: { service: '$.service', stage: '$.stage' },
    });
    const failedRecords = new Metric({
      namespace: METRIC_NAMESPACE,
      metricName: 'FailedRecords',
      dimensionsMap: { service: functionName, stage },
      statistic: Stats.SUM,
    });
    new BrokerAlarm(this, 'Fails', {
      ...common,
      runbook: `${title} fails`,
      // A batch that fails in part counts as a success to Lambda; only the log reports it.
      metric: new MathExpression({
        label: 'failed invocations and records',
        expression: 'FILL(invocations, 0) + FILL(records, 0)',
        usingMetrics: { invocations: broker.function.metricErrors(), records: failedRecords },
        period: Duration.minutes(5),
      }),
      above: 0,
      periods: 2,
      because:
        'any failure in two periods of 5 minutes in a row; an isolated failure is retried and usually succeeds.',
    });
  }
}

/** Lambda discards other records and is not invoked for them: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html */
const itemsBelow = (prefix: string) =>
  FilterCriteria.filter({ dynamodb: { Keys: { pk: { S: FilterRule.beginsWith(prefix) } } } });

/**
 * A stream gets another ARN with another view, and an import would forbid that change. What reads the ARN has the view in its
 * text, so that a stack with a new one is deployed (docs/decisions/0048-references-between-stacks.md).
 */
const streamArnOf = (table: BrokerTable): string => {
  if (table.tableStreamArn === undefined) throw new Error(`The table ${table.node.id} has no stream.`);
  return Stack.consumeReference(table.tableStreamArn, ReferenceStrength.WEAK);
};

/** `NewImage` for `NEW_IMAGE`. */
const viewOf = ({ streamView }: BrokerTable): string =>
  (streamView ?? '')
    .split('_')
    .map((word) => `${word.charAt(0)}${word.slice(1).toLowerCase()}`)
    .join('');
