import type { EventPattern } from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import { NoticeRule, type NoticeRuleProps } from './notice-rule.ts';

export interface TamperRuleProps extends Pick<NoticeRuleProps, 'stage' | 'topic' | 'runbook' | 'impact'> {
  readonly source: 'kms' | 'cloudtrail';
  readonly eventNames: readonly string[];
  /** Event patterns on CloudTrail's record, one rule for each, by the rule's name. */
  readonly about: Readonly<Record<string, NonNullable<EventPattern['detail']>>>;
}

/**
 * Calls that weaken what protects the keys or the evidence, as CloudTrail recorded them, with the caller and the
 * address.
 */
export class TamperRule extends NoticeRule {
  constructor(scope: Construct, id: string, { source, eventNames, about, ...props }: TamperRuleProps) {
    super(scope, id, {
      ...props,
      description: eventNames.join(', '),
      eventPatterns: Object.fromEntries(
        Object.entries(about).map(([name, detail]) => [
          name,
          {
            source: [`aws.${source}`],
            detailType: ['AWS API Call via CloudTrail'],
            detail: { eventSource: [`${source}.amazonaws.com`], eventName: [...eventNames], ...detail },
          },
        ]),
      ),
      because: 'any such call; in normal operation there are none outside an announced change.',
    });
  }
}
