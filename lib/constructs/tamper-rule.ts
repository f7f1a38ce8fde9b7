import type { EventPattern } from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import { NoticeRule, type NoticeRuleProps } from './notice-rule.ts';

export interface TamperRuleProps extends Pick<NoticeRuleProps, 'stage' | 'topic' | 'runbook' | 'impact'> {
  readonly source: 'kms' | 'cloudtrail';
  readonly eventNames: readonly string[];
  /** The subject of the call, as event patterns on CloudTrail's record: one rule each, by its name. */
  readonly about: Readonly<Record<string, NonNullable<EventPattern['detail']>>>;
}

/**
 * Calls that weaken what protects the keys or the evidence, as CloudTrail recorded them: who, and from where.
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
