import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { EVENT_SOURCE, type EVENTS } from '../lambdas/contract/events.ts';

/** The bus for incidents and rotation requests: the account's default bus, which rules use by default. */
export const EVENT_BUS_NAME = 'default';

/**
 * Lets a role put only events with this service as the source and with these types on the bus:
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
 */
export const puttingEvents = (
  scope: Construct,
  detailTypes: readonly (typeof EVENTS)[keyof typeof EVENTS][],
): PolicyStatement =>
  new PolicyStatement({
    actions: ['events:PutEvents'],
    resources: [eventBusArn(scope)],
    conditions: {
      StringEquals: { 'events:source': EVENT_SOURCE, 'events:detail-type': [...detailTypes].sort() },
    },
  });

const eventBusArn = (scope: Construct): string =>
  Stack.of(scope).formatArn({
    service: 'events',
    resource: 'event-bus',
    resourceName: EVENT_BUS_NAME,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
