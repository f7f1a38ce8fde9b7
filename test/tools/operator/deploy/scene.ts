import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseStageConfig, type StageConfig } from '../../../../lib/stage-config.ts';
import type { Programs } from '../../../../tools/operator/deploy/cdk.ts';
import { awsClients } from '../../../../tools/operator/deploy/clients.ts';
import { type DeployOptions, type DeployPorts, deploy } from '../../../../tools/operator/deploy/run.ts';
import { DeployStop } from '../../../../tools/operator/deploy/stop.ts';
import type { Terminal } from '../../../../tools/operator/deploy/terminal.ts';
import { type AwsAccount, type StandInStack, startAwsAccount } from '../../../support/aws-account.ts';

export const REGION = 'eu-central-1';
const STAGE = 'dev';
export const STACKS = ['data', 'api', 'audit', 'observability'] as const;
export const stackName = (stack: string): string => `spelo-byok-${STAGE}-${stack}`;

/** The smallest stage with its own pool. */
export const SETTINGS = {
  owner: 'platform',
  deletionProtection: false,
  signIn: { cognito: { callbackUrls: ['http://localhost:18789/callback'] } },
  logRetentionDays: 30,
  keyRetentionHours: 24,
  evidence: { objectLock: 'governance', retentionDays: 400 },
  rateLimits: { perIpPerMinute: 60, perIpPerSecond: 20, perSitePerMinute: 200 },
  throttling: {
    everyRoute: { requestsPerSecond: 100, burst: 200 },
    tokenRoute: { requestsPerSecond: 50, burst: 100 },
    eventsRoute: { requestsPerSecond: 200, burst: 400 },
  },
};

export const configWith = (settings: Readonly<Record<string, unknown>> = {}): StageConfig =>
  parseStageConfig(STAGE, { [STAGE]: { ...SETTINGS, ...settings } });

/** A synthesized app with one table and one function in each stack. */
const writeAssembly = (folder: string): void => {
  mkdirSync(folder, { recursive: true });
  const artifacts = Object.fromEntries(
    STACKS.map((stack, index) => [
      stackName(stack),
      {
        type: 'aws:cloudformation:stack',
        environment: 'aws://unknown-account/unknown-region',
        properties: { templateFile: `${stackName(stack)}.template.json` },
        dependencies: index === 0 ? [] : [stackName('data')],
      },
    ]),
  );
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ version: '48.0.0', artifacts }));
  for (const stack of STACKS)
    writeFileSync(
      join(folder, `${stackName(stack)}.template.json`),
      JSON.stringify({
        Resources: {
          Table: { Type: 'AWS::DynamoDB::Table', DeletionPolicy: 'RetainExceptOnCreate' },
          Function: { Type: 'AWS::Lambda::Function' },
        },
      }),
    );
};

export interface Scene {
  readonly aws: AwsAccount;
  readonly ports: DeployPorts;
  /** Arguments of the CDK CLI, without those that name folders. */
  readonly cdkCalls: string[][];
  readonly scripts: {
    readonly path: string;
    readonly args: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
    readonly input: string | undefined;
  }[];
  /** Everything that was shown. */
  readonly shown: () => string;
  /** Answers of the operator, by a part of the question. */
  readonly answers: Record<string, string>;
  /** Answers that are given one after another, before those of `answers`. */
  readonly replies: Record<string, string[]>;
  /** The fate of `cdk deploy` of a stack. @default it is created */
  readonly onDeploy: Map<string, (account: AwsAccount) => number>;
  /** The work of a script that the command starts, and its exit status. @default 0 */
  readonly onScript: (work: (args: readonly string[]) => Promise<number | undefined>) => void;
  readonly outputs: Record<string, Readonly<Record<string, string>>>;
  readonly run: (options?: Partial<DeployOptions>) => Promise<number>;
  readonly close: () => Promise<void>;
}

export const deployedStack = (outputs: Readonly<Record<string, string>> = {}): StandInStack => ({
  region: REGION,
  status: 'CREATE_COMPLETE',
  protected: false,
  outputs,
  resources: [
    { logicalId: 'Table', type: 'AWS::DynamoDB::Table', physicalId: 'Table-1', status: 'CREATE_COMPLETE' },
    {
      logicalId: 'Function',
      type: 'AWS::Lambda::Function',
      physicalId: 'Function-1',
      status: 'CREATE_COMPLETE',
    },
  ],
});

/** A command in front of an empty account. The CDK CLI is played: it changes the state of the account and says so. */
export const startScene = async ({
  interactive = true,
  openBrowser = () => undefined,
}: {
  readonly interactive?: boolean;
  readonly openBrowser?: (url: string) => void;
} = {}): Promise<Scene> => {
  const aws = await startAwsAccount();
  const variables = {
    AWS_ENDPOINT_URL: aws.url,
    AWS_ACCESS_KEY_ID: 'AKIAOPERATOR',
    AWS_SECRET_ACCESS_KEY: 'operator-secret',
    AWS_REGION: REGION,
    AWS_MAX_ATTEMPTS: '1',
  };
  Object.assign(process.env, variables);
  const lines: string[] = [];
  const cdkCalls: string[][] = [];
  const scripts: Scene['scripts'] = [];
  const answers: Record<string, string> = {};
  const replies: Record<string, string[]> = {};
  const onDeploy: Scene['onDeploy'] = new Map();
  const outputs: Scene['outputs'] = {};
  let scriptWork: Parameters<Scene['onScript']>[0] = async () => 0;
  const answer = (question: string): string | undefined =>
    Object.entries(replies)
      .find(([part]) => question.includes(part))?.[1]
      .shift() ?? Object.entries(answers).find(([part]) => question.includes(part))?.[1];
  const terminal: Terminal = {
    say: (line = '') => void lines.push(line),
    interactive,
    ask: async (question, fallback, signal) => {
      lines.push(question);
      const given = answer(question);
      if (given === undefined && signal !== undefined)
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      return given ?? fallback;
    },
    askSecret: async (question) => answer(question) ?? '',
  };
  const programs: Programs = {
    cdk: async (args) => {
      cdkCalls.push(args.filter((arg) => !arg.startsWith('/')));
      const [command, name = ''] = args;
      if (command === 'synth' || command === 'list') writeAssembly(args[args.indexOf('--output') + 1] ?? '');
      if (command === 'bootstrap') {
        if (aws.state.refusals.has('bootstrap')) return 1;
        aws.state.stacks.set('CDKToolkit', { ...deployedStack({ BootstrapVersion: '28' }), resources: [] });
      }
      if (command === 'deploy') {
        const fate = onDeploy.get(name);
        if (fate !== undefined) return fate(aws);
        aws.state.stacks.set(name, deployedStack(outputs[name] ?? {}));
      }
      return 0;
    },
    script: async (path, args, environment, input) => {
      scripts.push({ path, args, environment, input });
      return (await scriptWork(args)) ?? 0;
    },
    openBrowser,
  };
  const ports: DeployPorts = { aws: awsClients(), programs, terminal, pollMs: 5 };
  return {
    aws,
    ports,
    cdkCalls,
    scripts,
    shown: () => lines.join('\n'),
    answers,
    replies,
    onDeploy,
    onScript: (work) => {
      scriptWork = work;
    },
    outputs,
    run: async (options = {}) => {
      try {
        return await deploy(ports, {
          stage: STAGE,
          config: configWith(),
          plan: false,
          yes: true,
          owner: undefined,
          key: undefined,
          tier: undefined,
          origin: undefined,
          workspace: 'First workspace',
          token: undefined,
          ...options,
        });
      } catch (error) {
        if (!(error instanceof DeployStop)) throw error;
        terminal.say(`${error.message}\nNext: ${error.next}`);
        return 1;
      }
    },
    close: async () => {
      for (const name of Object.keys(variables)) delete process.env[name];
      await aws.close();
    },
  };
};
