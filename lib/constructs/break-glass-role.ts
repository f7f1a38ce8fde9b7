import { AccountRootPrincipal, PolicyDocument, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import { ArnFormat, Duration, Stack, Token, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { roleName } from '../role-names.ts';
import { type DataResources, permissionsOf } from '../role-permissions.ts';

export interface BreakGlassRoleProps {
  readonly stage: string;
  readonly data: DataResources;
  /** Names of the IAM users who may assume the role, with their path. @default every IAM user whom IAM lets */
  readonly users: readonly string[] | undefined;
}

/** How long ago the MFA code may have been given, seconds. */
const MFA_AGE_S = 900;

/** The session tag that says why. Ten characters are the least that says anything. */
const WITH_REASON = {
  StringLike: { 'aws:RequestTag/reason': `${'?'.repeat(10)}*` },
  'ForAllValues:StringEquals': { 'aws:TagKeys': ['reason'] },
};

/**
 * The role for an emergency in which other ways in do not work: it stops voice, reads tables and logs, and opens no key. An IAM user
 * assumes it for an hour, with a fresh MFA code, a reason, and their own name as that of the session. Each use is an alarm
 * (lib/audit-stack.ts), which sees calls in the region of the stage alone; so STS has to be called there.
 *
 * The reason is a session tag and not the source identity, which names a person and may have no spaces. AWS wants `sts:TagSession` in
 * the trust policy for it: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html. A user is the only principal that has
 * `aws:username`: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#ck_rolesessionname
 */
export class BreakGlassRole extends Role {
  constructor(scope: Construct, id: string, { stage, data, users }: BreakGlassRoleProps) {
    const { partition, account, region } = Stack.of(scope);
    super(scope, id, {
      roleName: roleName(scope, stage, 'break-glass'),
      description: 'Spelo BYOK: for emergencies; stops voice and reads tables and logs (docs/runbook.md)',
      maxSessionDuration: Duration.hours(1),
      assumedBy: new AccountRootPrincipal().withConditions({
        Bool: { 'aws:MultiFactorAuthPresent': 'true' },
        NumericLessThan: { 'aws:MultiFactorAuthAge': `${MFA_AGE_S}` },
        StringEquals: { 'sts:RoleSessionName': OWN_NAME, 'aws:RequestedRegion': region },
        ...WITH_REASON,
        ...(users !== undefined && {
          ArnEquals: {
            'aws:PrincipalArn': users.map((user) => `arn:${partition}:iam::${account}:user/${user}`),
          },
        }),
      }),
      inlinePolicies: {
        permissions: new PolicyDocument({
          statements: [...permissionsOf(scope, 'break-glass', data), ...readingLogs(scope, stage)],
        }),
      },
    });
    this.assumeRolePolicy?.addStatements(
      new PolicyStatement({
        actions: ['sts:TagSession'],
        principals: [new AccountRootPrincipal()],
        conditions: WITH_REASON,
      }),
    );
    // cdk-nag writes what is known only at deployment as `<AWS::Region>`.
    const shown = (value: string, name: string): string =>
      Token.isUnresolved(value) ? `<AWS::${name}>` : value;
    const place = `${shown(region, 'Region')}:${shown(account, 'AccountId')}`;
    for (const [resource, reason] of [
      ['*', 'GetQueryResults takes no resource; an id of a query is known only to who started it.'],
      [
        `arn:${shown(partition, 'Partition')}:logs:${place}:log-group:${logsOf(stage)}`,
        'The names of log groups end in characters of CloudFormation. No log holds a key or the words of a visitor.',
      ],
    ] as const)
      Validations.of(this).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
  }
}

/** A variable of IAM, not of this file: the name of the IAM user who calls. */
const OWN_NAME = `\${aws:username}`;

const logsOf = (stage: string): string => `spelo-byok-${stage}-*`;

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html */
const readingLogs = (scope: Construct, stage: string): readonly PolicyStatement[] => [
  new PolicyStatement({
    actions: ['logs:FilterLogEvents', 'logs:StartQuery'],
    resources: [
      Stack.of(scope).formatArn({
        service: 'logs',
        resource: 'log-group',
        resourceName: logsOf(stage),
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
    ],
  }),
  new PolicyStatement({ actions: ['logs:GetQueryResults'], resources: ['*'] }),
];
