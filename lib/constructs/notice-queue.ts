import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

/** One attempt has 10 seconds, and a batch goes side by side. */
export const NOTICES_TIMEOUT = Duration.seconds(30);

/**
 * A delivery takes 11 attempts at most, each of them a receive. The others are for failures of this service, a minute apart,
 * and for attempts that meet each other.
 */
const MAX_DELIVERIES = 100;

/**
 * The notices that are on their way, and those on which this service itself failed. Messages hold ids and facts of audit
 * events, so SQS's own key encrypts them.
 */
export class NoticeQueue extends Construct {
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
        reason: 'It is itself the queue of dead letters, of the queue of notices.',
      });
    this.queue = new Queue(this, 'Queue', {
      ...common,
      // Six times what the function may take, as AWS asks for.
      visibilityTimeout: Duration.seconds(6 * NOTICES_TIMEOUT.toSeconds()),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_DELIVERIES },
    });
  }
}
