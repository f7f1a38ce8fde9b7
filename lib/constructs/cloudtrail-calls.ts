import type { EventPattern } from 'aws-cdk-lib/aws-events';
import { Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

/** Patterns of calls as CloudTrail records them and EventBridge delivers them. */

type Detail = NonNullable<EventPattern['detail']>;

/**
 * CloudFormation applies a template; the rule on stacks reports who started it. Its calls have `invokedBy`; the address
 * is its name, and for some services `AWS Internal`.
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
 */
export const byHand = {
  sourceIPAddress: [{ 'anything-but': 'cloudformation.amazonaws.com' }],
  $or: [
    { userIdentity: { invokedBy: [{ exists: false }] } },
    { userIdentity: { invokedBy: [{ 'anything-but': 'cloudformation.amazonaws.com' }] } },
  ],
};

export const prefixes = (...texts: readonly string[]) => texts.map((prefix) => ({ prefix }));

/** Calls of a service as CloudTrail records them. `names` are beginnings: Lambda's carry the date of their API version. */
export const calls = (service: string, names: readonly string[], detail: Detail): EventPattern => ({
  source: [`aws.${service}`],
  detailType: ['AWS API Call via CloudTrail'],
  detail: {
    eventSource: [`${service === 'cloudwatch' ? 'monitoring' : service}.amazonaws.com`],
    eventName: prefixes(...names),
    ...detail,
  },
});

/** ARN of a resource of this stack's region and account. */
export const ownArn = (scope: Construct, service: string, resource: string): string => {
  const { partition, region, account } = Stack.of(scope);
  return `arn:${partition}:${service}:${region}:${account}:${resource}`;
};
