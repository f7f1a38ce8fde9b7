import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { deployedNameOf } from './constructs/broker-function.ts';
import type { RoleName } from './role-names.ts';

/**
 * The functions that start watchers: the token function for a new call, a watcher for its successor, and the sweeper for a
 * lost one.
 */
export const WATCHER_STARTERS: readonly RoleName[] = ['token', 'watch', 'sweeper'];

/** By name, because neither stack refers to the other for it. */
export const watcherStatements = (
  scope: Construct,
  role: RoleName,
  stage: string,
): readonly PolicyStatement[] =>
  WATCHER_STARTERS.includes(role)
    ? [
        new PolicyStatement({
          actions: ['lambda:InvokeFunction'],
          resources: [
            Stack.of(scope).formatArn({
              service: 'lambda',
              resource: 'function',
              resourceName: deployedNameOf(stage, 'watch'),
              arnFormat: ArnFormat.COLON_RESOURCE_NAME,
            }),
          ],
        }),
      ]
    : [];
