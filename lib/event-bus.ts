import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

/** Where incidents are announced and rotations asked for: the account's own bus, which a rule is on unless it says otherwise. */
export const EVENT_BUS_NAME = 'default';

export const eventBusArn = (scope: Construct): string =>
  Stack.of(scope).formatArn({
    service: 'events',
    resource: 'event-bus',
    resourceName: EVENT_BUS_NAME,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
