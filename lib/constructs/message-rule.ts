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

/** Events or times that people read about and that need no alarm: each becomes one message to the topic. */
export class MessageRule extends Construct {
  constructor(scope: Construct, id: string, { topic, description, message, ...when }: MessageRuleProps) {
    super(scope, id);
    const rule = new Rule(this, 'Rule', { description: `Spelo BYOK: ${description}`, ...when });
    Validations.of(rule).acknowledge({
      id: 'Serverless-EventBusDLQ',
      reason:
        'A message that is lost leaves its event in the audit trail of the workspace, or comes again the next month.',
    });
    // The topic's policy lets rules publish; the CDK's own target would add another statement for each.
    rule.addTarget({ bind: () => ({ arn: topic.topicArn, input: RuleTargetInput.fromText(message) }) });
  }
}
