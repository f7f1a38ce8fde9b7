import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

/**
 * Six times what the function may take, as AWS asks for.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export const HANGUP_TIMEOUT = Duration.seconds(30);
const VISIBILITY = Duration.seconds(6 * 30);

/** Deliveries after 5, 15 and then every 60 seconds: one hour, which is longer than any call lasts. */
const MAX_DELIVERIES = 62;

/**
 * The calls that are to be hung up, and those that could not be. Messages hold ids only, so SQS's own key encrypts them:
 * no sender needs a right on a key of ours.
 */
export class HangUpQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const common = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    };
    this.deadLetters = new Queue(this, 'DeadLetters', common);
    for (const rule of ['AwsSolutions-SQS3', 'Serverless-SQSRedrivePolicy'])
      Validations.of(this.deadLetters).acknowledge({
        id: rule,
        reason: 'It is itself the queue of dead letters, of the queue of hang-ups.',
      });
    this.queue = new Queue(this, 'Queue', {
      ...common,
      visibilityTimeout: VISIBILITY,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_DELIVERIES },
    });
  }
}
