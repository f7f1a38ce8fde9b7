import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseEnvironment } from '../../../../lambdas/contract/environment.ts';
import { DASHBOARD_CLIENT_ID } from '../../../../local/issuer/authorization-codes.ts';
import { platformKeyEnvironment, SUSPENDED } from '../../../../tools/operator/platform-key-environment.ts';
import { expectSuccess } from '../../../support/answers.ts';
import type { AwsAccount } from '../../../support/aws-account.ts';
import { putPlatformKey } from '../../../support/platform-key.ts';
import { submitSignIn } from '../../../support/sign-in-page.ts';
import { startTestStack } from '../../../support/stack.ts';
import { fakeKey } from '../../../support/tenant.ts';
import { deployedStack, type Scene, STACKS, stackName, startScene } from './scene.ts';

/** The API that the deployment ends at is the local stack, with its own issuer. */
const stack = await startTestStack({ audited: false });
afterAll(() => stack.close());

const ORIGIN = 'https://shop.test';
const POOL = 'eu-central-1_pool';

let scene: Scene;
const start = async (interactive = true): Promise<void> => {
  scene = await startScene({
    interactive,
    openBrowser: (url) => {
      void submitSignIn(url, owner).then((address) => fetch(address));
    },
  });
  scene.outputs[stackName('data')] = {
    UserPoolId: POOL,
    SignInUrl: `${scene.aws.url}`,
    Audience: DASHBOARD_CLIENT_ID,
    TenancyTableName: 'tenancy',
    KeysTableName: 'keys',
    LimitsTableName: 'limits',
    HangUpQueueUrl: 'https://sqs.eu-central-1.amazonaws.com/123456789012/hangups',
    MasterKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/master',
    FingerprintKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/fingerprint',
    MarksKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/marks',
    PlatformKeyOperatorArn: 'arn:aws:iam::123456789012:role/spelo-byok-dev-platform-key',
  };
  scene.outputs[stackName('api')] = { ApiUrl: stack.url };
  scene.aws.signInAt(stack.issuer.issuer);
};

let owner = '';
let counter = 0;
beforeEach(async () => {
  counter += 1;
  owner = `owner-${counter}`;
  await start();
});
afterEach(() => scene.close());

const deploys = (): readonly string[] =>
  scene.cdkCalls.flatMap(([command, name = '']) => (command === 'deploy' ? [name] : []));
const workspacesOf = async (sub: string): Promise<unknown> =>
  expectSuccess(await stack.call('GET', '/v1/workspaces', { as: sub })).items;

describe('a deployment into an empty account', () => {
  test('ends with a passing smoke test after one answer to each question', async () => {
    scene.answers['Deploy this?'] = 'yes';
    scene.answers['first owner'] = 'ada@shop.test';
    scene.answers['own, platform or none'] = 'own';
    scene.answers['Tier'] = '2';
    scene.answers['Address of the page'] = ORIGIN;
    const key = fakeKey();
    scene.answers['OpenAI key'] = key;

    expect(await scene.run({ yes: false })).toBe(0);

    expect(scene.cdkCalls.map(([command]) => command)).toEqual([
      'synth',
      'bootstrap',
      ...STACKS.map(() => 'deploy'),
    ]);
    expect(deploys()[0]).toBe(stackName('data'));
    expect([...scene.aws.state.users.keys()]).toEqual(['ada@shop.test']);
    expect(await workspacesOf(owner)).toMatchObject([{ name: 'First workspace', openai_tier: 2 }]);
    expect(scene.shown()).toMatch(/ok {4}mint[\s\S]*ok {4}end +the session has ended, and its slot is free/);
    expect(scene.shown()).toMatch(/Next\n[\s\S]*data-site-id="\w+"/);
    expect(scene.shown()).toContain('Set deletionProtection of dev to true');
    expect(scene.shown()).not.toContain(key);
  });

  test('leaves every slot free, so that the first visitor on tier 1 is admitted', async () => {
    scene.answers['OpenAI key'] = fakeKey();
    expect(await scene.run({ owner: 'ada@shop.test', key: 'own', tier: 1, origin: ORIGIN })).toBe(0);
    const site = /data-site-id="(\w+)"/.exec(scene.shown())?.[1] ?? '';
    const answer = await stack.call('POST', `/v1/${site}/token`, { origin: ORIGIN, body: {} });
    expect(answer.status).toBe(200);
  });

  test('changes nothing when repeated: no second owner, workspace, site or key', async () => {
    scene.answers['OpenAI key'] = fakeKey();
    const options = { owner: 'ada@shop.test', key: 'own', tier: 1, origin: ORIGIN } as const;
    expect(await scene.run(options)).toBe(0);
    delete scene.answers['OpenAI key'];
    expect(await scene.run(options)).toBe(0);
    expect(await workspacesOf(owner)).toHaveLength(1);
    expect(scene.aws.operations('cognito-idp').filter((name) => name === 'AdminCreateUser')).toHaveLength(1);
    expect(scene.cdkCalls.filter(([command]) => command === 'bootstrap')).toHaveLength(1);
  });

  test('asks nothing about an existing workspace and site, and changes neither', async () => {
    scene.answers['OpenAI key'] = fakeKey();
    expect(await scene.run({ owner: 'ada@shop.test', key: 'own', tier: 4, origin: ORIGIN })).toBe(0);
    const before = await workspacesOf(owner);
    const shown = scene.shown().length;
    expect(await scene.run({ owner: 'ada@shop.test' })).toBe(0);
    expect(await workspacesOf(owner)).toEqual(before);
    expect(scene.shown().slice(shown)).not.toMatch(/Tier, 1|own, platform|Address of the page|OpenAI key:/);
    expect(scene.shown().slice(shown)).toContain(`Show the widget on ${ORIGIN}`);
  });

  test('changes the tier of an existing workspace only with the option', async () => {
    scene.answers['OpenAI key'] = fakeKey();
    await scene.run({ owner: 'ada@shop.test', key: 'own', tier: 4, origin: ORIGIN });
    expect(await scene.run({ owner: 'ada@shop.test', tier: 2 })).toBe(0);
    expect(await workspacesOf(owner)).toMatchObject([{ openai_tier: 2, billing_mode: 'byok' }]);
  });

  test('asks again after a mistyped answer', async () => {
    scene.answers['OpenAI key'] = fakeKey();
    scene.replies['own, platform or none'] = ['onw', 'own'];
    scene.replies['Tier'] = ['six', '3'];
    scene.replies['Address of the page'] = ['', 'shop.test', ORIGIN];
    scene.replies['first owner'] = ['ada', 'ada@shop.test'];
    expect(await scene.run()).toBe(0);
    expect(await workspacesOf(owner)).toMatchObject([{ openai_tier: 3 }]);
    expect(scene.shown()).toContain('The tier must be a number from 1 to 5.');
  });

  test.each([
    [{ key: 'own' }, '--key'],
    [{ tier: 2, origin: ORIGIN }, '--tier, --origin'],
  ] as const)('refuses %j before it deploys anything if nobody can sign in', async (given, named) => {
    await scene.close();
    await start(false);
    expect(await scene.run({ owner: 'ada@shop.test', ...given })).toBe(1);
    expect(scene.shown()).toContain(`Nobody can sign in here, so ${named} would have no effect.`);
    expect(scene.shown()).toMatch(/--yes --owner MAIL\nTOKEN=… npm run deploy/);
    expect(scene.cdkCalls).toEqual([]);
  });

  test('ends with status 3 if nobody can sign in, and lists the remaining steps', async () => {
    await scene.close();
    await start(false);
    expect(await scene.run({ owner: 'ada@shop.test' })).toBe(3);
    expect(scene.shown()).toContain('Sign in as the owner: run npm run deploy -- --stage dev in a terminal');
    expect(scene.shown()).toMatch(/ok {4}address/);
  });

  test('reads the OpenAI key from standard input and the token from the environment, without a person', async () => {
    await scene.close();
    await start(false);
    scene.answers['OpenAI key'] = fakeKey();
    const token = await stack.tokenFor(owner);
    expect(await scene.run({ token, key: 'own', tier: 3, origin: ORIGIN })).toBe(0);
    expect(await workspacesOf(owner)).toMatchObject([{ openai_tier: 3 }]);
    expect(scene.shown()).not.toContain(token);
  });

  test.each([
    [{ tier: 2, origin: ORIGIN }, '--key'],
    [{ tier: 2 }, '--key and --origin'],
    [{ key: 'own' }, '--origin'],
  ] as const)(
    'refuses %j with a token and without a person, before it deploys a stage without tables',
    async (given, missing) => {
      await scene.close();
      await start(false);
      expect(await scene.run({ token: await stack.tokenFor(owner), ...given })).toBe(1);
      expect(scene.shown()).toContain(`need ${missing}, and nobody can answer here. Nothing was changed.`);
      expect(scene.cdkCalls.map(([command]) => command)).toEqual(['synth']);
      expect(await workspacesOf(owner)).toEqual([]);
    },
  );

  test('stops for a missing option if only the API can tell that the workspace does not exist', async () => {
    await scene.close();
    await start(false);
    const token = await stack.tokenFor(owner);
    expect(await scene.run({ token })).toBe(0);
    expect(await scene.run({ token, tier: 2, origin: ORIGIN })).toBe(1);
    expect(scene.shown()).toMatch(
      /does not exist yet[\s\S]*Next: Run the same command again, with --key own/,
    );
    expect(await workspacesOf(owner)).toEqual([]);
  });

  test('uses an existing site unchanged, with a token and without a person or an option', async () => {
    await scene.close();
    await start(false);
    scene.answers['OpenAI key'] = fakeKey();
    const token = await stack.tokenFor(owner);
    expect(await scene.run({ token, key: 'own', tier: 3, origin: ORIGIN })).toBe(0);
    const before = await workspacesOf(owner);
    const shown = scene.shown().length;
    expect(await scene.run({ token })).toBe(0);
    expect(await workspacesOf(owner)).toEqual(before);
    expect(scene.shown().slice(shown)).toMatch(/ok {4}(?:token|mint)/);
    expect(scene.shown().slice(shown)).toContain(`Show the widget on ${ORIGIN}`);
  });

  test('creates nothing with a token and without a person or an option, and still passes the smoke test', async () => {
    await scene.close();
    await start(false);
    const token = await stack.tokenFor(owner);
    expect(await scene.run({ token })).toBe(0);
    expect(await workspacesOf(owner)).toEqual([]);
  });
});

describe('the platform key in a deployment', () => {
  test('stops the deployment if it is suspended, with the command that resumes it, and is not replaced', async () => {
    scene.onScript(async (args) => (args[0] === '--state' ? SUSPENDED : 0));
    expect(await scene.run({ owner: 'ada@shop.test', key: 'platform', tier: 1, origin: ORIGIN })).toBe(1);
    expect(scene.shown()).toMatch(/The platform key is suspended[\s\S]*platform-key -- --resume/);
    expect(scene.scripts.map(({ args }) => args)).toEqual([['--state']]);
  });

  test('is stored under its own role from standard input, never from an argument or a variable', async () => {
    scene.answers['OpenAI key'] = 'sk-platform-key';
    // The program is played; what it would store is stored by the test.
    scene.onScript(async (args) => {
      if (args.length === 0) await putPlatformKey(stack, fakeKey());
      return 0;
    });
    expect(await scene.run({ owner: 'ada@shop.test', key: 'platform', tier: 1, origin: ORIGIN })).toBe(0);
    const [state, program, ...more] = scene.scripts;
    expect(more).toEqual([]);
    expect(state).toMatchObject({ args: ['--state'], input: undefined });
    for (const { environment } of scene.scripts)
      expect(parseEnvironment(platformKeyEnvironment, environment)).toMatchObject({
        LIMITS_TABLE: 'limits',
        HANGUP_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/123456789012/hangups',
      });
    expect(program).toMatchObject({
      path: 'tools/operator/platform-key.ts',
      input: 'sk-platform-key',
      environment: { AWS_ACCESS_KEY_ID: 'ASIAROLE', KEYS_TABLE: 'keys', AWS_REGION: 'eu-central-1' },
    });
    expect(JSON.stringify(program?.environment)).not.toContain('sk-platform-key');
    expect(scene.aws.requests.find(({ operation }) => operation === 'AssumeRole')?.input).toMatchObject({
      RoleArn: 'arn:aws:iam::123456789012:role/spelo-byok-dev-platform-key',
      // The name of the person: it ends the ARN that the audit event records.
      RoleSessionName: 'ada',
    });
  });

  test('is not requested again after it is stored', async () => {
    await putPlatformKey(stack, fakeKey());
    expect(await scene.run({ owner: 'ada@shop.test', key: 'platform', tier: 1, origin: ORIGIN })).toBe(0);
    expect(scene.scripts).toEqual([]);
  });
});

/** A stack whose first deployment failed, as CloudFormation leaves it. */
const rolledBack = (reason: string) => ({
  ...deployedStack(),
  status: 'ROLLBACK_COMPLETE',
  resources: [
    {
      logicalId: 'Trail',
      type: 'AWS::CloudTrail::Trail',
      physicalId: 'spelo-byok-dev-trail',
      status: 'DELETE_COMPLETE',
      reason,
    },
    {
      logicalId: 'Other',
      type: 'AWS::SQS::Queue',
      physicalId: 'other',
      status: 'DELETE_COMPLETE',
      reason: 'Resource creation cancelled',
    },
    { logicalId: 'Keys', type: 'AWS::DynamoDB::Table', physicalId: 'keys-1', status: 'DELETE_FAILED' },
  ],
});

describe('a failed deployment', () => {
  test.each([
    ['spelo-byok-dev-trail already exists', 'A resource with this name already exists outside the stack'],
    ['User: x is not authorized to perform: cloudtrail:CreateTrail', 'A policy forbids it'],
    ['Domain already associated with another user pool', 'The prefix of the sign-in page is taken'],
    ['User: 123456789012 already has 5 trails. TrailLimitExceeded', 'A quota of the account is used up'],
    [
      'Specified ReservedConcurrentExecutions decreases UnreservedConcurrentExecution below its minimum',
      'The account allows too few Lambda containers',
    ],
  ])('is explained by its cause, not by later errors: %s', async (reason, remedy) => {
    scene.onDeploy.set(stackName('audit'), ({ state }: AwsAccount) => {
      state.stacks.set(stackName('audit'), rolledBack(reason));
      return 1;
    });
    expect(await scene.run()).toBe(1);
    expect(scene.shown()).toContain('spelo-byok-dev-audit is ROLLBACK_COMPLETE.');
    expect(scene.shown()).toContain(`Cause: Trail (AWS::CloudTrail::Trail): ${reason}`);
    expect(scene.shown()).toContain(`What to do: ${remedy}`);
    expect(scene.shown()).not.toContain('Resource creation cancelled');
    expect(scene.shown()).toMatch(/Still there:\n {2}AWS::DynamoDB::Table keys-1/);
    expect(scene.shown()).toMatch(/Next: Then run the same command again/);
  });

  test('is continued by the second run, which keeps complete stacks and creates the failed one again', async () => {
    scene.onDeploy.set(stackName('audit'), ({ state }: AwsAccount) => {
      state.stacks.set(stackName('audit'), rolledBack('a cause'));
      return 1;
    });
    expect(await scene.run()).toBe(1);
    scene.onDeploy.clear();
    scene.cdkCalls.length = 0;
    const token = await stack.tokenFor(owner);
    expect(await scene.run({ token, key: 'none' })).toBe(0);
    expect(scene.shown()).toContain('spelo-byok-dev-audit: delete the failed one, create again');
    expect(scene.shown()).toContain('spelo-byok-dev-data: update where it differs');
    expect(new Set(deploys())).toEqual(new Set(STACKS.map(stackName)));
  });

  test('stops the second run if the stack is protected, with the command that unlocks it', async () => {
    scene.aws.state.stacks.set(stackName('data'), { ...rolledBack('a cause'), protected: true });
    expect(await scene.run()).toBe(1);
    expect(scene.shown()).toContain(
      'Next: aws cloudformation update-termination-protection --region eu-central-1 --no-enable-termination-protection --stack-name spelo-byok-dev-data',
    );
    expect(deploys()).toEqual([]);
  });

  test.each([
    ['UPDATE_ROLLBACK_FAILED', 'continue-update-rollback'],
    ['DELETE_FAILED', 'delete-stack'],
  ])('in the state %s waits for a person, and shows the command', async (status, command) => {
    scene.aws.state.stacks.set(stackName('api'), { ...deployedStack(), status });
    expect(await scene.run()).toBe(1);
    expect(scene.shown()).toContain(
      `aws cloudformation ${command} --region eu-central-1 --stack-name spelo-byok-dev-api`,
    );
    expect(deploys()).toEqual([]);
  });

  test('in the bootstrap stops before the first stack', async () => {
    scene.aws.state.refusals.set('bootstrap', { status: 1, code: '', message: '' });
    expect(await scene.run()).toBe(1);
    expect(scene.shown()).toContain('The CDK could not be bootstrapped in eu-central-1.');
    expect(deploys()).toEqual([]);
  });
});

describe('an interrupted deployment', () => {
  test('is continued by the next run, which waits for the stack in progress', async () => {
    const running = { ...deployedStack(scene.outputs[stackName('data')]), status: 'CREATE_IN_PROGRESS' };
    scene.aws.state.stacks.set(stackName('data'), running);
    let looks = 0;
    scene.aws.state.onRequest = ({ operation, input }) => {
      if (operation !== 'DescribeStacks' || input['StackName'] !== stackName('data')) return;
      looks += 1;
      if (looks === 4) running.status = 'CREATE_COMPLETE';
    };
    const token = await stack.tokenFor(owner);
    expect(await scene.run({ token, key: 'none' })).toBe(0);
    expect(scene.shown()).toContain('CloudFormation is working on spelo-byok-dev-data (CREATE_IN_PROGRESS)');
    const waited = scene.shown().indexOf('waiting until CloudFormation has finished');
    expect(waited).toBeGreaterThan(0);
    expect(waited).toBeLessThan(scene.shown().indexOf('spelo-byok-dev-data: comparing'));
  });

  test.each(STACKS)('during the stack %s is completed by the second run without loss', async (crashed) => {
    scene.onDeploy.set(stackName(crashed), () => {
      throw new Error('killed');
    });
    await expect(scene.run()).rejects.toThrow('killed');
    scene.onDeploy.clear();
    const token = await stack.tokenFor(owner);
    expect(await scene.run({ token, key: 'none' })).toBe(0);
    expect([...scene.aws.state.stacks.keys()].toSorted()).toEqual(
      ['CDKToolkit', ...STACKS.map(stackName)].toSorted(),
    );
  });

  test('after the invitation sends no second one, unless the first has expired', async () => {
    const run = () => scene.run({ owner: 'ada@shop.test', key: 'none' });
    await run();
    await run();
    expect(scene.shown()).toContain('An earlier invitation is still valid.');
    const { users } = scene.aws.state;
    const fourDaysAgo = new Date(Date.now() - 4 * 24 * 3_600_000);
    users.set('ada@shop.test', { status: 'FORCE_CHANGE_PASSWORD', modifiedAt: fourDaysAgo });
    await run();
    expect(scene.shown()).toContain('The old invitation had expired.');
    users.set('ada@shop.test', { status: 'CONFIRMED', modifiedAt: fourDaysAgo });
    await run();
    expect(scene.shown()).toContain('The owner has already signed in.');
    expect(scene.aws.operations('cognito-idp').filter((name) => name === 'AdminCreateUser')).toHaveLength(2);
  });
});

describe('an API refusal in a deployment', () => {
  test('for the OpenAI key is shown with its code, and the next run asks for the key again', async () => {
    scene.answers['OpenAI key'] = 'not-a-key';
    const options = { owner: 'ada@shop.test', key: 'own', tier: 1, origin: ORIGIN } as const;
    expect(await scene.run(options)).toBe(1);
    expect(scene.shown()).toMatch(
      /The OpenAI key was not stored: .*\([a-z_]+\)\nNext: .*run the command again/,
    );
    expect(scene.shown()).not.toContain('not-a-key');
    scene.answers['OpenAI key'] = fakeKey();
    expect(await scene.run(options)).toBe(0);
    expect(await workspacesOf(owner)).toHaveLength(1);
  });

  test.each(['shop.test', 'https://shop.test/page', ''])(
    'is avoided for the address "%s", which is not an origin',
    async (origin) => {
      expect(await scene.run({ owner: 'ada@shop.test', key: 'own', tier: 1, origin })).toBe(1);
      expect(scene.shown()).toContain('must be an origin, for example https://shop.example.com');
      expect(scene.cdkCalls).toEqual([]);
    },
  );
});
