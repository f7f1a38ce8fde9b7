import { Rule, type RuleProps, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

export interface MessageRuleProps extends Pick<RuleProps, 'eventPattern' | 'schedule'> {
  readonly topic: ITopic;
  readonly description: string;
  /** One sentence for a person, with fields of the event in it (`EventField.fromPath`). */
  readonly message: string;
}

/** Sends one message to the topic for each event or scheduled time that people should know about but that needs no alarm. */
export class MessageRule extends Construct {
  constructor(scope: Construct, id: string, { topic, description, message, ...when }: MessageRuleProps) {
    super(scope, id);
    const rule = new Rule(this, 'Rule', { description: `Spelo BYOK: ${description}`, ...when });
    Validations.of(rule).acknowledge({
      id: 'Serverless-EventBusDLQ',
      reason:
        'If a message is lost, its event is still in the audit trail of the workspace, or the reminder is sent again the next month.',
    });
    // The topic's policy lets rules publish; the CDK's own target would add another statement for each.
    rule.addTarget({ bind: () => ({ arn: topic.topicArn, input: RuleTargetInput.fromText(message) }) });
  }
}
