import { AccountRootPrincipal, PolicyDocument, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import { ArnFormat, Duration, Stack, Token, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { roleName } from '../role-names.ts';
import { type DataResources, permissionsOf } from '../role-permissions.ts';

export interface BreakGlassRoleProps {
  readonly stage: string;
  readonly data: DataResources;
  /** Names of the IAM users who may assume the role, with their path. @default every IAM user whose policy allows it */
  readonly users: readonly string[] | undefined;
}

/** Maximum age of the MFA code, seconds. */
const MFA_AGE_S = 900;

/** The session tag with the reason, of at least ten characters. */
const WITH_REASON = {
  StringLike: { 'aws:RequestTag/reason': `${'?'.repeat(10)}*` },
  'ForAllValues:StringEquals': { 'aws:TagKeys': ['reason'] },
};

/**
 * The role for an emergency in which the usual access does not work. It stops voice, reads tables and logs, and opens no key.
 * An IAM user assumes it for an hour, with a fresh MFA code, a reason, and their own name as the session name. Each use raises
 * an alarm (lib/audit-stack.ts). The alarm sees only calls in the stage's region, so STS has to be called there.
 *
 * The reason is a session tag, not the source identity, which names a person and allows no spaces. The trust policy needs
 * `sts:TagSession` for it: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html. A user is the only principal
 * that has
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
    // cdk-nag writes values that are known only at deployment as `<AWS::Region>`.
    const shown = (value: string, name: string): string =>
      Token.isUnresolved(value) ? `<AWS::${name}>` : value;
    const place = `${shown(region, 'Region')}:${shown(account, 'AccountId')}`;
    for (const [resource, reason] of [
      ['*', 'GetQueryResults takes no resource; only the caller who started a query knows its id.'],
      [
        `arn:${shown(partition, 'Partition')}:logs:${place}:log-group:${logsOf(stage)}`,
        'The names of log groups end in characters of CloudFormation. No log holds a key or the words of a visitor.',
      ],
    ] as const)
      Validations.of(this).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
  }
}

/** An IAM policy variable, not a template string: the name of the calling IAM user. */
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
