import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { obstacleOf } from '../../../../tools/operator/deploy/terminal.ts';
import { configWith, deployedStack, REGION, type Scene, SETTINGS, stackName, startScene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await startScene();
});
afterEach(() => scene.close());

/** Nothing in AWS was asked to change, and the CDK only made templates. */
const expectNothingChanged = (): void => {
  expect(
    scene.cdkCalls.map(([command]) => command).filter((command) => command !== 'synth' && command !== 'list'),
  ).toEqual([]);
  expect(
    scene.aws.requests
      .map(({ operation }) => operation)
      .filter((name) => !/^(?:Get|Describe|List)/.test(name)),
  ).toEqual([]);
};

describe('the deploy command without a usable account', () => {
  test('reports missing credentials, and how to sign in', async () => {
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    const elsewhere = {
      AWS_CONFIG_FILE: '/nowhere',
      AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    Object.assign(process.env, elsewhere);
    expect(await scene.run()).toBe(1);
    for (const name of Object.keys(elsewhere)) delete process.env[name];
    expect(scene.shown()).toMatch(
      /No AWS credentials[\s\S]*Next: Sign in with the AWS CLI .*, or set AWS_ACCESS_KEY_ID/,
    );
    expect(scene.aws.requests).toEqual([]);
    expectNothingChanged();
  });

  test('names the profile without credentials', async () => {
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    const elsewhere = {
      AWS_PROFILE: 'mistyped',
      AWS_CONFIG_FILE: '/nowhere',
      AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    Object.assign(process.env, elsewhere);
    expect(await scene.run()).toBe(1);
    for (const name of Object.keys(elsewhere)) delete process.env[name];
    expect(scene.shown()).toContain(
      'No AWS credentials were found in the profile mistyped, which AWS_PROFILE names',
    );
    expect(scene.shown()).toMatch(
      /Next: Check the name with aws configure list-profiles, .* aws sso login --profile mistyped/,
    );
  });

  test.each([
    [
      'AccessDenied',
      403,
      /CloudFormation DescribeStacks failed in eu-central-1: AccessDenied: Refused\.\nNext: Use admin/,
    ],
    [
      'Throttling',
      400,
      /CloudFormation DescribeStacks failed in eu-central-1: Throttling.*\nNext: Wait a minute/,
    ],
  ])('explains the error %s of a call with service, call and region', async (code, status, text) => {
    scene.aws.state.refusals.set('DescribeStacks', { status, code, message: 'Refused.' });
    expect(await scene.run()).toBe(1);
    expect(scene.shown()).toMatch(text);
    expectNothingChanged();
  });

  test('reports an answer that does not come from AWS', async () => {
    const proxy = createServer((_request, response) => response.writeHead(200).end('<html>Log in'));
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    process.env['AWS_ENDPOINT_URL_CLOUDFORMATION'] = `http://127.0.0.1:${port}`;
    try {
      expect(await scene.run()).toBe(1);
    } finally {
      delete process.env['AWS_ENDPOINT_URL_CLOUDFORMATION'];
      proxy.close();
    }
    expect(scene.shown()).toMatch(
      /CloudFormation DescribeStacks failed in eu-central-1: the response did not come from AWS/,
    );
    expect(scene.shown()).toContain('A proxy or AWS_ENDPOINT_URL');
  });

  test.each([
    [true, true, undefined],
    [true, false, 'the output is a pipe or a file'],
    [false, true, 'the input is a pipe or a file'],
    [false, false, 'there is no terminal'],
  ])('with terminal input %s and terminal output %s reports: %s', (input, output, obstacle) => {
    expect(obstacleOf({ isTTY: input }, { isTTY: output })).toBe(obstacle);
  });

  test.each([
    ['ExpiredToken', 403, /credentials have expired[\s\S]*Next: Sign in/],
    ['InvalidClientTokenId', 403, /the account has not enabled the region[\s\S]*Next: .*enable the region/],
    ['SignatureDoesNotMatch', 403, /does not accept the secret[\s\S]*Next: Sign in/],
    ['ServiceUnavailable', 503, /STS did not answer in eu-central-1[\s\S]*Next: Check AWS_REGION/],
  ])('explains the error %s of STS, and changes nothing', async (code, status, sentence) => {
    scene.aws.state.refusals.set('GetCallerIdentity', { status, code, message: 'Refused.' });
    expect(await scene.run()).toBe(1);
    expect(scene.shown()).toMatch(sentence);
    expectNothingChanged();
  });

  test('asks for a region if neither the stage nor the environment names one', async () => {
    delete process.env['AWS_REGION'];
    process.env['AWS_CONFIG_FILE'] = '/nowhere';
    expect(await scene.run()).toBe(1);
    delete process.env['AWS_CONFIG_FILE'];
    expect(scene.shown()).toMatch(/No region[\s\S]*Next: Set AWS_REGION/);
    expectNothingChanged();
  });
});

describe('the region of the stage', () => {
  test('takes precedence over AWS_REGION, and the command reports this', async () => {
    process.env['AWS_REGION'] = 'us-west-2';
    expect(await scene.run({ plan: true, config: configWith({ region: REGION }) })).toBe(0);
    expect(scene.shown()).toContain('AWS_REGION is us-west-2, but the stage dev belongs to eu-central-1');
    expect(new Set(scene.aws.requests.map(({ region }) => region))).toEqual(new Set([REGION]));
  });

  test('must contain the certificates', async () => {
    const certificateArn = `arn:aws:acm:${REGION}:999999999999:certificate/0a`;
    const config = configWith({ region: REGION, domain: { name: 'voice.shop.test', certificateArn } });
    expect(await scene.run({ config })).toBe(1);
    expect(scene.shown()).toContain(
      'stages.dev.domain.certificateArn belongs to another account than 123456789012',
    );
    expectNothingChanged();
  });
});

describe('a placeholder in the stage', () => {
  test.each([
    [
      'a name under example.com',
      { signIn: { issuer: 'https://issuer.example.com/', audience: 'a' } },
      'stages.dev.signIn.issuer is still a name under example.com',
    ],
    [
      'a mail address under example.com',
      { alarmEmail: 'me@example.com' },
      'stages.dev.alarmEmail is still a name',
    ],
    [
      'the account of the documentation',
      { retiredMasterKeyArns: ['arn:aws:kms:eu-central-1:111122223333:key/0'] },
      'stages.dev.retiredMasterKeyArns.0 still names the account 111122223333',
    ],
    [
      'the digest of zeros',
      {
        region: REGION,
        edge: { waf: true, requestsPer5Minutes: 2_000, secretName: 's', acceptedDigests: ['0'.repeat(64)] },
      },
      'stages.dev.edge.acceptedDigests.0 is still the digest of zeros',
    ],
  ])('stops the command before it calls AWS: %s', async (_what, settings, sentence) => {
    expect(await scene.run({ config: configWith(settings) })).toBe(1);
    expect(scene.shown()).toContain(sentence);
    expect(scene.aws.requests).toEqual([]);
    expect(scene.cdkCalls).toEqual([]);
  });

  test('is not detected in names that only resemble one', async () => {
    const signIn = { issuer: 'https://counterexample.com/', audience: 'example.com.shop.test' };
    expect(await scene.run({ plan: true, config: configWith({ signIn }) })).toBe(0);
  });
});

describe('the quota of Lambda containers', () => {
  const reservedConcurrency = { token: 300, projector: 20, detector: 20 };

  test('stops a stage that reserves more than the account allows, and names a pending request', async () => {
    scene.aws.state.concurrency = { limit: 400, unreserved: 400 };
    scene.aws.state.requestedConcurrency = [1_000];
    expect(await scene.run({ config: configWith({ reservedConcurrency }) })).toBe(1);
    expect(scene.shown()).toMatch(
      /STOP {2}concurrency .*reserves 340 .*allows 400.* A request for 1000 is open/,
    );
    expect(scene.shown()).toContain(
      'request-service-quota-increase --region eu-central-1 --service-code lambda',
    );
    expectNothingChanged();
  });

  test('is sufficient when exactly a hundred containers are left', async () => {
    scene.aws.state.concurrency = { limit: 440, unreserved: 440 };
    expect(await scene.run({ plan: true, config: configWith({ reservedConcurrency }) })).toBe(0);
    scene.aws.state.concurrency = { limit: 439, unreserved: 439 };
    expect(await scene.run({ plan: true, config: configWith({ reservedConcurrency }) })).toBe(1);
  });

  test('excludes what the stage itself has already reserved', async () => {
    scene.aws.state.concurrency = { limit: 440, unreserved: 100 };
    for (const [name, containers] of Object.entries(reservedConcurrency))
      scene.aws.state.reserved.set(`spelo-byok-dev-${name}`, containers);
    expect(await scene.run({ plan: true, config: configWith({ reservedConcurrency }) })).toBe(0);
  });

  test('of a new account is sufficient for a stage without reservations, with a note', async () => {
    scene.aws.state.concurrency = { limit: 10, unreserved: 10 };
    scene.aws.state.refusals.set('ListRequestedServiceQuotaChangeHistoryByQuota', {
      status: 400,
      code: 'AccessDeniedException',
      message: 'No.',
    });
    expect(await scene.run({ plan: true })).toBe(0);
    expect(scene.shown()).toMatch(/note {2}concurrency +The account may run 10 Lambda containers/);
  });
});

test('a stage that accepts only signed code is not deployed by this command, which signs nothing', async () => {
  const codeSigningProfileVersionArn =
    'arn:aws:signer:eu-central-1:123456789012:/signing-profiles/spelo/a1B2c3D4e5';
  expect(await scene.run({ config: configWith({ codeSigningProfileVersionArn }) })).toBe(1);
  expect(scene.shown()).toMatch(/STOP? +code signing[\s\S]*one check stops the deployment/i);
  expect(scene.cdkCalls.map(([command]) => command)).toEqual(['synth']);
});

describe('the prefix of the sign-in page', () => {
  const prefix = 'spelo-byok-dev-123456789012';

  test('stops the command if another customer uses it', async () => {
    scene.aws.state.prefixes.set('shop', { account: '999999999999', pool: 'eu-central-1_other' });
    const signIn = { cognito: { ...SETTINGS.signIn.cognito, domainPrefix: 'shop' } };
    expect(await scene.run({ config: configWith({ signIn }) })).toBe(1);
    expect(scene.shown()).toMatch(/prefix shop .* taken, by another customer[\s\S]*Next: Choose another/);
    expectNothingChanged();
  });

  test('stops the command if a retained pool uses it, with the command that releases it', async () => {
    scene.aws.state.prefixes.set(prefix, { account: '123456789012', pool: 'eu-central-1_kept' });
    expect(await scene.run()).toBe(1);
    expect(scene.shown()).toContain(
      `delete-user-pool-domain --region ${REGION} --domain ${prefix} --user-pool-id eu-central-1_kept`,
    );
  });

  test('may belong to the pool of the stage', async () => {
    scene.aws.state.prefixes.set(prefix, { account: '123456789012', pool: 'eu-central-1_mine' });
    scene.aws.state.stacks.set(stackName('data'), deployedStack({ UserPoolId: 'eu-central-1_mine' }));
    expect(await scene.run({ plan: true })).toBe(0);
  });
});

describe('the trails of the region', () => {
  test('stop a first deployment if there are five', async () => {
    scene.aws.state.trails = 5;
    expect(await scene.run()).toBe(1);
    expect(scene.shown()).toMatch(/STOP {2}trails .*AWS allows 5/);
    expectNothingChanged();
  });

  test('no longer matter if the trail of the stage is among them', async () => {
    scene.aws.state.trails = 5;
    scene.aws.state.stacks.set(stackName('audit'), deployedStack());
    expect(await scene.run({ plan: true })).toBe(0);
  });
});

describe('the deployment plan', () => {
  test('changes nothing, and shows each step with its new resources', async () => {
    expect(await scene.run({ plan: true, owner: 'ada@shop.test' })).toBe(0);
    expectNothingChanged();
    expect(scene.shown()).toContain('bootstrap the CDK in eu-central-1');
    expect(scene.shown()).toContain('spelo-byok-dev-data: create (1 table, 1 function)');
    expect(scene.shown()).toContain('Nothing was changed.');
  });

  test('contains no credentials, no token and no address of a person, so that it can be shared', async () => {
    await scene.run({ plan: true, owner: 'ada@shop.test', token: 'secret-token' });
    expect(scene.shown()).not.toMatch(/ada@shop\.test|secret-token|operator-secret|AKIAOPERATOR/);
  });

  test('of a stage without a dashboard names the setting that adds one', async () => {
    expect(await scene.run({ plan: true })).toBe(0);
    expect(scene.shown()).toMatch(/note {2}dashboard [\s\S]*Add "dashboard": \{\} to the stage in cdk\.json/);
    const before = scene.shown().length;
    expect(await scene.run({ plan: true, config: configWith({ dashboard: {} }) })).toBe(0);
    expect(scene.shown().slice(before)).not.toContain('has no dashboard');
  });

  test('names resources of an earlier deployment that would not be reused', async () => {
    scene.aws.state.deleted.set(stackName('data'), {
      ...deployedStack(),
      resources: [
        { logicalId: 'Keys', type: 'AWS::DynamoDB::Table', physicalId: 'keys-1', status: 'DELETE_SKIPPED' },
        { logicalId: 'Gone', type: 'AWS::SQS::Queue', physicalId: 'queue-1', status: 'DELETE_COMPLETE' },
      ],
    });
    await scene.run({ plan: true });
    expect(scene.shown()).toMatch(/left 1 resources[\s\S]*AWS::DynamoDB::Table keys-1/);
    expect(scene.shown()).not.toContain('queue-1');
  });
});

describe('the deploy command without a person', () => {
  test('deploys nothing without --yes', async () => {
    await scene.close();
    scene = await startScene({ interactive: false });
    expect(await scene.run({ yes: false })).toBe(1);
    expect(scene.shown()).toMatch(/needs a confirmation, and there is no terminal[\s\S]*Next: Give --yes/);
    expect(scene.aws.requests).toEqual([]);
    expectNothingChanged();
  });

  test.each(['no', '', 'later'])('changes nothing after the answer "%s"', async (answer) => {
    scene.answers['Deploy this?'] = answer;
    expect(await scene.run({ yes: false })).toBe(1);
    expect(scene.shown()).toContain('Nothing was changed.');
    expectNothingChanged();
  });
});
