import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { DeployedFunctionName } from '../lambdas/contract/environment.ts';

/** The roles that use tables and keys: the functions, and the operator's commands. */
export type RoleName = DeployedFunctionName | OperatorName;

export type OperatorName =
  | 'platform-key'
  | 'rewrap'
  | 'set-plan'
  | 'model-check'
  | 'stop'
  | 'rebuild-usage'
  | 'restore'
  | 'mark-keys'
  | 'verify-archive'
  | 'break-glass';

/**
 * Name of a role, the same in every stack of a stage. Only this name connects the key policies with the role: neither
 * stack refers to the other for it. Role names are global in an account, hence the region. The longest stage and region
 * leave `role` 17 characters of the 64 that IAM allows.
 */
export const roleName = (scope: Construct, stage: string, role: RoleName): string =>
  `spelo-byok-${stage}-${role}-${Stack.of(scope).region}`;

/** ARN of the role that roleName names, whether it exists yet or not. */
export const roleArn = (scope: Construct, stage: string, role: RoleName): string =>
  Stack.of(scope).formatArn({
    service: 'iam',
    region: '',
    resource: 'role',
    resourceName: roleName(scope, stage, role),
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
