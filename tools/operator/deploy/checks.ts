import { DescribeTrailsCommand } from '@aws-sdk/client-cloudtrail';
import { DescribeUserPoolDomainCommand } from '@aws-sdk/client-cognito-identity-provider';
import { GetAccountSettingsCommand, GetFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { ListRequestedServiceQuotaChangeHistoryByQuotaCommand } from '@aws-sdk/client-service-quotas';
import { placeholdersIn } from '../../../lib/placeholders.ts';
import { signInPrefix } from '../../../lib/sign-in-prefix.ts';
import type { StageConfig } from '../../../lib/stage-config.ts';
import type { Account } from './account.ts';
import type { AwsClients } from './clients.ts';
import type { StackState } from './stack-state.ts';
import { awsErrorOf } from './stop.ts';

/** The result of one check. `stop` means that the deployment would fail. */
export interface Finding {
  readonly level: 'ok' | 'note' | 'stop';
  readonly check: string;
  readonly says: string;
  /** One thing to do. */
  readonly next?: string;
}

/** Lambda keeps this many containers for functions without a reservation:
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html */
const UNRESERVED_MINIMUM = 100;
/** "Concurrent executions" of Lambda: https://docs.aws.amazon.com/general/latest/gr/lambda-service.html */
const CONCURRENCY_QUOTA = 'L-B99A9384';
/** Enough for `prod` of cdk.json, and the limit of an account that is not new. */
const RECOMMENDED_CONCURRENCY = 1_000;
/** https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html. It cannot be raised. */
const TRAILS_PER_REGION = 5;

/** `cdk deploy`, which the command uses, uploads unsigned code: Lambda would refuse the first function. */
export const checkCodeSigning = ({ stage, codeSigningProfileVersionArn }: StageConfig): readonly Finding[] =>
  codeSigningProfileVersionArn === undefined
    ? []
    : [
        {
          level: 'stop',
          check: 'code signing',
          says: `The stage ${stage} accepts signed code only, and this command signs none. Deploy it with your pipeline: docs/guides/pipeline.md, section "Code signing".`,
        },
      ];

export const checkPlaceholders = (config: StageConfig): readonly Finding[] => {
  const found = placeholdersIn(config);
  if (found.length === 0)
    return [{ level: 'ok', check: 'settings', says: `The stage ${config.stage} has no placeholder.` }];
  return found.map(({ path, says }) => ({
    level: 'stop',
    check: 'settings',
    says: `stages.${config.stage}.${path} ${says}.`,
    next: 'Replace it in cdk.json (docs/deploy.md, "Settings").',
  }));
};

/** Reports where the dashboard and the widget's files are served. */
export const checkDashboard = ({ stage, dashboard, signIn }: StageConfig): readonly Finding[] =>
  dashboard === undefined
    ? [
        {
          level: 'note',
          check: 'dashboard',
          says: `The stage ${stage} has no dashboard, and AWS will not serve the widget's files.`,
          next: `Add "dashboard": ${'cognito' in signIn ? '{}' : '{ "clientId": "…" }'} to the stage in cdk.json, or host the files yourself (docs/widget.md).`,
        },
      ]
    : [];

export const checkCaller = (
  config: StageConfig,
  { account, caller, region }: Account,
): readonly Finding[] => {
  const findings: Finding[] = [
    { level: 'ok', check: 'account', says: `${account}, region ${region}, signed in as ${caller}.` },
  ];
  if (caller.endsWith(':root'))
    findings.push({
      level: 'note',
      check: 'account',
      says: 'These are credentials of the root user, who cannot assume the operator roles.',
      next: 'Use a user of IAM Identity Center, or an IAM user with MFA.',
    });
  const asked = process.env['AWS_REGION'];
  if (asked !== undefined && asked !== '' && asked !== region)
    findings.push({
      level: 'note',
      check: 'region',
      says: `AWS_REGION is ${asked}, but the stage ${config.stage} belongs to ${region}. The stage decides.`,
    });
  for (const [path, domain] of [
    ['domain', config.domain],
    ['dashboard.domain', config.dashboard?.domain],
  ] as const)
    if (domain !== undefined && domain.certificateArn.split(':')[4] !== account)
      findings.push({
        level: 'stop',
        check: 'account',
        says: `stages.${config.stage}.${path}.certificateArn belongs to another account than ${account}.`,
        next: 'Use the account of the certificate, or a certificate of this account.',
      });
  return findings;
};

const reservedNow = async (aws: AwsClients, region: string, functionName: string): Promise<number> => {
  try {
    const { ReservedConcurrentExecutions = 0 } = await aws
      .lambda(region)
      .send(new GetFunctionConcurrencyCommand({ FunctionName: functionName }));
    return ReservedConcurrentExecutions;
  } catch (error) {
    if (awsErrorOf(error).name === 'ResourceNotFoundException') return 0;
    throw error;
  }
};

/** A request for a larger quota that AWS has not decided yet, in one sentence; empty when there is none. */
const pendingRequest = async (aws: AwsClients, region: string): Promise<string> => {
  try {
    const { RequestedQuotas = [] } = await aws.quotas(region).send(
      new ListRequestedServiceQuotaChangeHistoryByQuotaCommand({
        ServiceCode: 'lambda',
        QuotaCode: CONCURRENCY_QUOTA,
      }),
    );
    const open = RequestedQuotas.find(({ Status = '' }) => ['PENDING', 'CASE_OPENED'].includes(Status));
    return open?.DesiredValue === undefined ? '' : ` A request for ${open.DesiredValue} is open.`;
  } catch {
    // The history only improves the advice, and not every administrator may read it.
    return '';
  }
};

/** Checks whether the stage's reserved concurrency fits into the account's limit. */
export const checkConcurrency = async (
  aws: AwsClients,
  config: StageConfig,
  { region }: Account,
): Promise<readonly Finding[]> => {
  const { AccountLimit } = await aws.lambda(region).send(new GetAccountSettingsCommand({}));
  const limit = AccountLimit?.ConcurrentExecutions ?? 0;
  const unreserved = AccountLimit?.UnreservedConcurrentExecutions ?? 0;
  const reservations = Object.entries(config.reservedConcurrency ?? {});
  const wanted = reservations.reduce((sum, [, containers]) => sum + containers, 0);
  const already = await Promise.all(
    reservations.map(([name]) => reservedNow(aws, region, `spelo-byok-${config.stage}-${name}`)),
  );
  const more = wanted - already.reduce((sum, containers) => sum + containers, 0);
  const request = `aws service-quotas request-service-quota-increase --region ${region} --service-code lambda --quota-code ${CONCURRENCY_QUOTA} --desired-value ${RECOMMENDED_CONCURRENCY}`;
  if (more > 0 && unreserved - more < UNRESERVED_MINIMUM)
    return [
      {
        level: 'stop',
        check: 'concurrency',
        says: `The stage reserves ${wanted} Lambda containers, and Lambda keeps ${UNRESERVED_MINIMUM} for other functions. The account allows ${limit}, of which ${unreserved} are not reserved.${await pendingRequest(aws, region)}`,
        next: `Request a higher limit, or remove reservedConcurrency from the stage: ${request}`,
      },
    ];
  if (limit < RECOMMENDED_CONCURRENCY)
    return [
      {
        level: 'note',
        check: 'concurrency',
        says: `The account may run ${limit} Lambda containers at once. That is enough to try the product, not for a busy site.${await pendingRequest(aws, region)}`,
        next: request,
      },
    ];
  return [
    { level: 'ok', check: 'concurrency', says: `The account may run ${limit} Lambda containers at once.` },
  ];
};

/** Checks whether the account can have another CloudTrail trail for the audit stack. */
export const checkTrails = async (
  aws: AwsClients,
  { region }: Account,
  audit: StackState | undefined,
): Promise<readonly Finding[]> => {
  if (audit?.condition === 'deployed') return [];
  const { trailList = [] } = await aws
    .cloudTrail(region)
    .send(new DescribeTrailsCommand({ includeShadowTrails: true }));
  if (trailList.length < TRAILS_PER_REGION)
    return [
      { level: 'ok', check: 'trails', says: `${trailList.length} of ${TRAILS_PER_REGION} trails exist.` },
    ];
  return [
    {
      level: 'stop',
      check: 'trails',
      says: `The region has ${trailList.length} CloudTrail trails, and AWS allows ${TRAILS_PER_REGION}.`,
      next: 'Delete a trail that nobody uses. To list the trails: aws cloudtrail describe-trails',
    },
  ];
};

/** Checks whether the prefix of the sign-in page is free or already belongs to this stage. */
export const checkSignInPrefix = async (
  aws: AwsClients,
  config: StageConfig,
  { account, region }: Account,
  data: StackState | undefined,
): Promise<readonly Finding[]> => {
  if (!('cognito' in config.signIn)) return [];
  const prefix = signInPrefix(config.stage, config.signIn.cognito, account);
  let owner: string | undefined;
  let pool: string | undefined;
  try {
    const { DomainDescription } = await aws
      .cognito(region)
      .send(new DescribeUserPoolDomainCommand({ Domain: prefix }));
    owner = DomainDescription?.AWSAccountId;
    pool = DomainDescription?.UserPoolId;
  } catch (error) {
    if (awsErrorOf(error).name !== 'ResourceNotFoundException') throw error;
  }
  if (pool === undefined) return [{ level: 'ok', check: 'sign-in', says: `The prefix ${prefix} is free.` }];
  if (pool === data?.outputs['UserPoolId'])
    return [
      { level: 'ok', check: 'sign-in', says: `The prefix ${prefix} belongs to the pool of this stage.` },
    ];
  // The same stack creates the pool, so its domain cannot be in the outputs yet.
  if (data?.condition === 'busy') return [];
  const mine = owner === undefined || owner === account;
  return [
    {
      level: 'stop',
      check: 'sign-in',
      says: `The prefix ${prefix} of the sign-in page is taken${mine ? `, by the user pool ${pool} of this account` : ', by another customer of AWS'}.`,
      next: mine
        ? `Release it (aws cognito-idp delete-user-pool-domain --region ${region} --domain ${prefix} --user-pool-id ${pool}), or choose another signIn.cognito.domainPrefix.`
        : 'Choose another signIn.cognito.domainPrefix in cdk.json.',
    },
  ];
};
