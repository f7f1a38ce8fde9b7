import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { ArnFormat, Stack, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

export interface AlarmTopicProps {
  readonly stage: string;
  /** Another name, if a stage has two topics in one region. @default `alarms` */
  readonly name?: string;
  /** Without a key, the topic is not encrypted by us. Only for alarms that contain no facts besides their state. */
  readonly encryptionKey?: IKey | undefined;
  readonly email: string | undefined;
}

/** The topic for alarms and tampering events, with an email subscription if the stage has an address. */
export class AlarmTopic extends Topic {
  constructor(
    scope: Construct,
    id: string,
    { stage, name = 'alarms', encryptionKey, email }: AlarmTopicProps,
  ) {
    super(scope, id, {
      topicName: `spelo-byok-${stage}-${name}`,
      displayName: `Spelo BYOK ${stage}`,
      ...(encryptionKey !== undefined && { masterKey: encryptionKey }),
      enforceSSL: true,
    });
    const { account } = Stack.of(this);
    this.addToResourcePolicy(
      new PolicyStatement({
        sid: 'PublishByAlarms',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topicArn],
        conditions: {
          StringEquals: { 'aws:SourceAccount': account },
          ArnLike: {
            'aws:SourceArn': Stack.of(this).formatArn({
              service: 'cloudwatch',
              resource: 'alarm',
              resourceName: `spelo-byok-${stage}-*`,
              arnFormat: ArnFormat.COLON_RESOURCE_NAME,
            }),
          },
        },
      }),
    );
    this.addToResourcePolicy(
      new PolicyStatement({
        sid: 'PublishByRules',
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['sns:Publish'],
        // Without a condition, because EventBridge sends SNS no value that a condition could check.
        // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
        resources: [this.topicArn],
      }),
    );
    if (email === undefined) return;
    Validations.of(this.addSubscription(new EmailSubscription(email))).acknowledge({
      id: 'Serverless-SNSRedrivePolicy',
      reason:
        'SNS has no queue of dead letters for mail. The alarm stays in its state whether or not a mail arrives.',
    });
  }
}
