import { AccountRootPrincipal, PolicyDocument, Role } from 'aws-cdk-lib/aws-iam';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { type OperatorName, roleName } from '../role-names.ts';
import { type DataResources, permissionsOf } from '../role-permissions.ts';

export interface OperatorRoleProps {
  readonly stage: string;
  readonly roleName: OperatorName;
  readonly description: string;
  readonly data: DataResources;
}

/** One command's worth of power, for an hour, for somebody of this account whom IAM lets assume it and who signed in with MFA. */
export class OperatorRole extends Role {
  constructor(scope: Construct, id: string, { stage, roleName: role, description, data }: OperatorRoleProps) {
    super(scope, id, {
      roleName: roleName(scope, stage, role),
      description,
      maxSessionDuration: Duration.hours(1),
      assumedBy: new AccountRootPrincipal().withConditions({
        Bool: { 'aws:MultiFactorAuthPresent': 'true' },
      }),
      inlinePolicies: {
        permissions: new PolicyDocument({ statements: [...permissionsOf(scope, role, data)] }),
      },
    });
  }
}
