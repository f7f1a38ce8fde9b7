import {
  AccountRootPrincipal,
  type Conditions,
  PolicyDocument,
  PolicyStatement,
  Role,
} from 'aws-cdk-lib/aws-iam';
import { Duration, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { type OperatorName, roleName } from '../role-names.ts';
import { type DataResources, permissionsOf } from '../role-permissions.ts';
import type { Operators } from '../stage-config.ts';

export interface OperatorRoleProps {
  readonly stage: string;
  readonly roleName: OperatorName;
  readonly description: string;
  readonly data: DataResources;
  readonly people: Operators | undefined;
  /** Permissions on other resources than the stage's tables and keys. */
  readonly additional?: readonly PolicyStatement[];
}

/**
 * A role with the permissions of one command, for an hour. IAM users of the account assume it with MFA; people of the
 * stage's permission sets assume it from IAM Identity Center, which asks for MFA itself and whose sessions carry no
 * `aws:MultiFactorAuthPresent`. Both need `sts:AssumeRole` on the role in their own policy.
 */
export class OperatorRole extends Role {
  constructor(scope: Construct, id: string, props: OperatorRoleProps) {
    const { stage, roleName: role, description, data, people, additional = [] } = props;
    super(scope, id, {
      roleName: roleName(scope, stage, role),
      description,
      maxSessionDuration: Duration.hours(1),
      assumedBy: new AccountRootPrincipal().withConditions({
        Bool: { 'aws:MultiFactorAuthPresent': 'true' },
      }),
      inlinePolicies: {
        permissions: new PolicyDocument({
          statements: [...permissionsOf(scope, role, data), ...additional],
        }),
      },
    });
    if (people === undefined) return;
    this.assumeRolePolicy?.addStatements(
      new PolicyStatement({
        actions: ['sts:AssumeRole'],
        principals: [new AccountRootPrincipal()],
        conditions: fromPermissionSets(this, people.permissionSets),
      }),
    );
  }
}

/**
 * Holds for the roles that IAM Identity Center makes of these permission sets in this account. Nobody else can create roles
 * under that path. The ARN names Identity Center's own region unless that is us-east-1, and ends in 16 characters of AWS's
 * choice, so that `Ops` does not stand for `Ops_Read`.
 * https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
 */
const fromPermissionSets = (scope: Construct, names: readonly string[]): Conditions => {
  const { partition, account } = Stack.of(scope);
  const roles = `arn:${partition}:iam::${account}:role/aws-reserved/sso.amazonaws.com`;
  return {
    ArnLike: {
      'aws:PrincipalArn': names.flatMap((name) =>
        ['', '/*'].map((region) => `${roles}${region}/AWSReservedSSO_${name}_${'?'.repeat(16)}`),
      ),
    },
  };
};
