import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

export interface MessageQueueProps {
  /** The content in the plural, for reports of the rules: "hang-ups". */
  readonly of: string;
  /** The timeout of the function behind the queue. */
  readonly timeout: Duration;
  /** Deliveries of a message, after which it is a dead letter. */
  readonly maxDeliveries: number;
}

/**
 * A queue with its queue of dead letters. Messages hold no secrets, so SQS's own key encrypts them: no sender needs a right
 * on a key of ours.
 */
export class MessageQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { of, timeout, maxDeliveries }: MessageQueueProps) {
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
        reason: `It is itself the queue of dead letters, of the queue of ${of}.`,
      });
    this.queue = new Queue(this, 'Queue', {
      ...common,
      // Six times the function's timeout, as AWS asks for.
      // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
      visibilityTimeout: Duration.seconds(6 * timeout.toSeconds()),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: maxDeliveries },
    });
  }
}
