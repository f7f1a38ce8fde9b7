import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { allInWords } from '../../../../tools/operator/deploy/plan.ts';
import { type RemoveOptions, remove } from '../../../../tools/operator/deploy/remove.ts';
import { DeployStop } from '../../../../tools/operator/deploy/stop.ts';
import { configWith, deployedStack, type Scene, STACKS, stackName, startScene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await startScene();
  for (const stack of STACKS) scene.aws.state.stacks.set(stackName(stack), deployedStack());
  scene.aws.state.stacks.set(stackName('api'), {
    ...deployedStack(),
    resources: [
      { logicalId: 'Api', type: 'AWS::ApiGatewayV2::Api', physicalId: 'api-1', status: 'CREATE_COMPLETE' },
    ],
  });
});
afterEach(() => scene.close());

const run = async (options: Partial<RemoveOptions> = {}): Promise<number> => {
  try {
    return await remove(scene.ports, {
      stage: 'dev',
      config: configWith(),
      data: false,
      yes: true,
      plan: false,
      ...options,
    });
  } catch (error) {
    if (!(error instanceof DeployStop)) throw error;
    scene.ports.terminal.say(`${error.message}\nNext: ${error.next}`);
    return 1;
  }
};

const deleted = (): readonly unknown[] =>
  scene.aws.requests.flatMap(({ operation, input }) =>
    operation === 'DeleteStack' ? [input['StackName']] : [],
  );

describe('the removal of a stage', () => {
  test('deletes stacks without data, dependent stacks first, and keeps the data in use', async () => {
    expect(await run()).toBe(0);
    expect(deleted()).toEqual([stackName('observability'), stackName('api')]);
    expect(scene.shown()).toContain('keep   spelo-byok-dev-data, with everything in it');
    expect(scene.shown()).toContain('npm run remove -- --stage dev --data');
  });

  test('with --data deletes every stack, and lists retained resources with their cost', async () => {
    expect(await run({ data: true })).toBe(0);
    expect(deleted()).toHaveLength(STACKS.length);
    expect(deleted().at(-1)).toBe(stackName('data'));
    expect(scene.shown()).toMatch(
      /Remaining resources[\s\S]*3 DynamoDB::Table: \$0\.25 per GB-month[\s\S]*Table-1/,
    );
  });

  test('can be repeated: the second run deletes nothing and shows the same list', async () => {
    await run({ data: true });
    const listed = /Remaining resources[\s\S]*/.exec(scene.shown())?.[0];
    expect(await run({ data: true })).toBe(0);
    expect(scene.shown().endsWith(listed ?? 'nothing')).toBe(true);
    expect(deleted()).toHaveLength(STACKS.length);
  });

  test('never disables a protection: it prints the commands and deletes nothing', async () => {
    const data = scene.aws.state.stacks.get(stackName('data'));
    if (data === undefined) throw new Error('There is no data stack.');
    data.protected = true;
    expect(await run({ data: true })).toBe(1);
    expect(deleted()).toEqual([]);
    expect(scene.shown()).toMatch(/protected from deletion\.\nNext: Set deletionProtection of dev to false/);
    expect(scene.shown()).toContain('--no-enable-termination-protection --stack-name spelo-byok-dev-data');
    expect(scene.aws.operations('cloudformation')).not.toContain('UpdateTerminationProtection');
  });

  test.each(['yes', '', 'prod'])('deletes nothing if the typed stage name is "%s"', async (answer) => {
    scene.answers['enter the name of the stage'] = answer;
    expect(await run({ yes: false })).toBe(1);
    expect(deleted()).toEqual([]);
  });

  test('starts when the stage name is typed', async () => {
    scene.answers['enter the name of the stage'] = 'dev';
    expect(await run({ yes: false })).toBe(0);
    expect(deleted()).toHaveLength(2);
  });

  test('deletes nothing without a person and without --yes', async () => {
    await scene.close();
    scene = await startScene({ interactive: false });
    scene.aws.state.stacks.set(stackName('api'), deployedStack());
    expect(await run({ yes: false })).toBe(1);
    expect(deleted()).toEqual([]);
    expect(scene.shown()).toContain('Next: Give --yes');
  });

  test('with --plan lists deleted and retained resources with their cost, and changes nothing', async () => {
    expect(await run({ data: true, plan: true, yes: false })).toBe(0);
    expect(deleted()).toEqual([]);
    expect(scene.shown()).toMatch(/delete spelo-byok-dev-data \(.*\); keeps 1 table/);
    expect(scene.shown()).toMatch(
      /keeps these resources, at this cost:\n {2}3 DynamoDB::Table: \$0\.25[\s\S]*Table-1/,
    );
    expect(scene.shown()).toContain('Nothing was changed.');
  });

  test('with --plan also shows the plan of protected stacks', async () => {
    const data = scene.aws.state.stacks.get(stackName('data'));
    if (data === undefined) throw new Error('There is no data stack.');
    data.protected = true;
    expect(await run({ data: true, plan: true })).toBe(0);
    expect(scene.shown()).toContain('Still protected against deletion: spelo-byok-dev-data.');
  });
});

test('the list of retained resources names each type, and hides none in a total', () => {
  expect(allInWords({ 'DynamoDB::Table': 2, 'Logs::LogGroup': 8 })).toBe('2 tables, 8 Logs::LogGroup');
});
