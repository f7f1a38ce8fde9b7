import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

/** Where incidents are announced and rotations asked for: the account's own bus, which a rule is on unless it says otherwise. */
export const EVENT_BUS_NAME = 'default';

/** Source and detail types of our events, as lambdas/adapters/aws puts them; a test holds the two together. */
export const EVENT_SOURCE = 'spelo.byok';
export const ANOMALY_DETECTED = 'SpeloByok Anomaly Detected';
export const PLAN_THRESHOLD_REACHED = 'SpeloByok Plan Threshold Reached';
export const ROTATION_REQUESTED = 'SpeloByok Rotation Requested';

export const eventBusArn = (scope: Construct): string =>
  Stack.of(scope).formatArn({
    service: 'events',
    resource: 'event-bus',
    resourceName: EVENT_BUS_NAME,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
