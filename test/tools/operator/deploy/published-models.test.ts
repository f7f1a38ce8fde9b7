import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import {
  CognitoIdentityProviderClient,
  CreateUserPoolCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { accountOf } from '../../../../tools/operator/deploy/account.ts';
import { checkSignInPrefix, checkTrails } from '../../../../tools/operator/deploy/checks.ts';
import { awsClients } from '../../../../tools/operator/deploy/clients.ts';
import { inviteOwner, poolHasOwner } from '../../../../tools/operator/deploy/owner.ts';
import { remove } from '../../../../tools/operator/deploy/remove.ts';
import {
  failuresOf,
  keptResources,
  resourcesOf,
  stackState,
} from '../../../../tools/operator/deploy/stack-state.ts';
import type { AwsRequest } from '../../../support/aws-account.ts';
import { hasMoto, type Moto, startMoto } from '../../../support/moto.ts';
import { modelFaults, publishedModelsFolder } from '../../../support/published-models.ts';
import { configWith, deployedStack, REGION, STACKS, stackName, startScene } from './scene.ts';

/** Both tests need tools that are not part of the project, and are skipped if those are missing. */
const folder = publishedModelsFolder();

/** Every operation that the commands use. */
const OPERATIONS = [
  'AdminCreateUser',
  'AdminGetUser',
  'AssumeRole',
  'DeleteStack',
  'DescribeStackEvents',
  'DescribeStacks',
  'DescribeTrails',
  'DescribeUserPoolDomain',
  'GetAccountSettings',
  'GetCallerIdentity',
  'GetFunctionConcurrency',
  'ListRequestedServiceQuotaChangeHistoryByQuota',
  'ListStackResources',
  'ListStacks',
  'ListUsers',
];

/** All requests of deployments and removals that meet every branch which asks AWS. */
const everyRequest = async (): Promise<readonly AwsRequest[]> => {
  const scene = await startScene();
  try {
    const { state } = scene.aws;
    scene.outputs[stackName('data')] = {
      UserPoolId: 'eu-central-1_pool12345',
      PlatformKeyOperatorArn: 'arn:aws:iam::123456789012:role/spelo-byok-dev-platform-key',
    };
    state.concurrency = { limit: 10, unreserved: 10 };
    await scene.run({ config: configWith({ reservedConcurrency: { token: 300 } }) });
    state.stacks.set(stackName('data'), { ...deployedStack(), status: 'ROLLBACK_COMPLETE' });
    state.users.set('old@shop.test', { status: 'FORCE_CHANGE_PASSWORD', modifiedAt: new Date(0) });
    await scene.run({ plan: true });
    await inviteOwner(scene.ports.aws, REGION, 'eu-central-1_pool12345', 'old@shop.test');
    await inviteOwner(scene.ports.aws, REGION, 'eu-central-1_pool12345', 'new@shop.test');
    await poolHasOwner(scene.ports.aws, REGION, 'eu-central-1_pool12345');
    const { storePlatformKey } = await import('../../../../tools/operator/deploy/platform-key.ts');
    scene.answers['Code of the MFA device'] = '123456';
    await storePlatformKey(
      scene.ports.aws,
      { account: '123456789012', region: REGION, caller: 'arn:aws:iam::123456789012:user/ada' },
      configWith(),
      scene.outputs[stackName('data')] ?? {},
      async () => 'sk-key',
      scene.ports.terminal,
      scene.ports.programs,
    );
    for (const stack of STACKS) state.stacks.set(stackName(stack), deployedStack());
    await remove(scene.ports, { stage: 'dev', config: configWith(), data: true, yes: true, plan: false });
    return scene.aws.requests;
  } finally {
    await scene.close();
  }
};

(folder === undefined ? describe.skip : describe)('the published AWS API models', () => {
  test('accept every request of the commands: names, types, patterns and lengths', async () => {
    const requests = await everyRequest();
    expect([...new Set(requests.map(({ operation }) => operation))].toSorted()).toEqual(OPERATIONS);
    expect(requests.flatMap((request) => modelFaults(folder ?? '', request))).toEqual([]);
  });

  test.each([
    [
      'an operation',
      { operation: 'DescribeStack', input: {} },
      'cloudformation has no operation DescribeStack',
    ],
    ['a member', { operation: 'DescribeStacks', input: { Name: 'x' } }, 'DescribeStacks.Name is unknown'],
    [
      'a value',
      { operation: 'ListStacks', input: { StackStatusFilter: ['GONE'] } },
      'ListStacks.StackStatusFilter[0] is none of the enum',
    ],
    [
      'an input without its required member',
      { operation: 'DeleteStack', input: {} },
      'DeleteStack.StackName is missing',
    ],
  ])('refuse %s that does not exist', (_what, request, fault) => {
    expect(modelFaults(folder ?? '', { service: 'cloudformation', region: REGION, ...request })).toEqual([
      fault,
    ]);
  });
});

(hasMoto ? describe : describe.skip)('the AWS emulator moto', () => {
  let moto: Moto;
  beforeAll(async () => {
    moto = await startMoto(REGION);
    Object.assign(process.env, moto.variables);
  });
  afterAll(() => {
    moto.stop();
    for (const name of Object.keys(moto.variables)) delete process.env[name];
  });

  test('accepts the requests of the commands to STS, CloudFormation and CloudTrail', async () => {
    const aws = awsClients();
    const account = await accountOf(aws, REGION);
    expect(account.account).toMatch(/^\d{12}$/);
    const cloudFormation = aws.cloudFormation(REGION);
    expect(await stackState(cloudFormation, 'spelo-byok-dev-data', REGION)).toMatchObject({
      condition: 'absent',
    });
    await new CloudFormationClient({ region: REGION }).send(
      new CreateStackCommand({
        StackName: 'spelo-byok-dev-data',
        TemplateBody: JSON.stringify({
          Resources: { Queue: { Type: 'AWS::SQS::Queue' } },
          Outputs: { QueueUrl: { Value: { Ref: 'Queue' } } },
        }),
      }),
    );
    expect(await stackState(cloudFormation, 'spelo-byok-dev-data', REGION)).toMatchObject({
      condition: 'deployed',
      outputs: { QueueUrl: expect.stringContaining('http') },
    });
    expect(await resourcesOf(cloudFormation, 'spelo-byok-dev-data')).toMatchObject([
      { type: 'AWS::SQS::Queue' },
    ]);
    expect(await failuresOf(cloudFormation, 'spelo-byok-dev-data')).toEqual([]);
    expect(await keptResources(cloudFormation, ['spelo-byok-dev-data'])).toEqual([]);
    expect(await checkTrails(aws, account, undefined)).toMatchObject([{ level: 'ok' }]);
  });

  test('accepts the invitation of the first owner, and the second one', async () => {
    const aws = awsClients();
    const account = await accountOf(aws, REGION);
    const { UserPool } = await new CognitoIdentityProviderClient({ region: REGION }).send(
      new CreateUserPoolCommand({ PoolName: 'spelo-byok-dev', UsernameAttributes: ['email'] }),
    );
    const pool = UserPool?.Id ?? '';
    expect(await inviteOwner(aws, REGION, pool, 'ada@shop.test')).toBe('invited');
    expect(await inviteOwner(aws, REGION, pool, 'ada@shop.test')).toBe('waiting');
    expect(await poolHasOwner(aws, REGION, pool)).toBe(false);
    expect(await checkSignInPrefix(aws, configWith(), account, undefined)).toMatchObject([{ level: 'ok' }]);
  });
});
