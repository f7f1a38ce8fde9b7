import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { FunctionName } from '../lambdas/contract/routes.ts';

/**
 * Name of a function's role, the same in every stack of a stage. The key policies and the role meet in this name and
 * nowhere else: neither stack refers to the other for it. Role names are global in an account, hence the region.
 */
export const functionRoleName = (scope: Construct, stage: string, functionName: FunctionName): string =>
  `spelo-byok-${stage}-${functionName}-${Stack.of(scope).region}`;

/** ARN of the role that functionRoleName names, whether it exists yet or not. */
export const functionRoleArn = (scope: Construct, stage: string, functionName: FunctionName): string =>
  Stack.of(scope).formatArn({
    service: 'iam',
    region: '',
    resource: 'role',
    resourceName: functionRoleName(scope, stage, functionName),
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
